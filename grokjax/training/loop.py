"""The host loop of one program: it feeds lanes from the queue and records what they give."""

from __future__ import annotations

import time
from collections import deque

import numpy as np

from grokjax.config import snapshots
from grokjax.config.evaluations import next_evaluation
from grokjax.config.stopping import judge
from grokjax.config.sweep import Program
from grokjax.errors import Interrupted
from grokjax.runtime import devices, processes
from grokjax.storage import training_status
from grokjax.storage.member_state import LaneStates, Outcome, StopState
from grokjax.training import lane_count
from grokjax.training.lanes import Lanes, Metrics
from grokjax.training.run_context import RunContext
from grokjax.training.snapshot_rows import snapshot_rows

STATUS_EVERY = 1.0
"""Seconds from one status.json to the next."""


class Trainer:
    """Trains the members of one program until all have ended or a signal comes."""

    def __init__(
        self, context: RunContext, program: Program, lanes: Lanes, compile_seconds: float
    ) -> None:
        self._context, self._program = context, program
        self._lanes, self._compile_seconds = lanes, compile_seconds
        self._queue = deque(context.pending.members_of(program))
        self._in_lane: dict[int, int] = {}  # lane to member
        self._stop_states: dict[int, StopState] = {}
        self._epoch: dict[int, int] = {}
        self._session, self._start = time.time(), time.monotonic()
        self._saved = self._shown = self._start
        self._now = self._round_seconds = 0.0
        self._round_epochs = 1
        self._unsaved_epochs = 0

    def run(self) -> None:
        """Train until every member has ended. On a signal, save and raise Interrupted."""
        context = self._context
        self._refill()
        context.records.flush()  # so that there is something to load from the start
        self._show(now=True)
        while self._in_lane:
            epochs, due = self._next_round()
            began = time.monotonic()
            self._lanes.tell_memorised(
                {lane: self._stop_states[m].memorised_epoch for lane, m in self._in_lane.items()}
            )
            metrics = self._lanes.round(epochs, self._in_lane, due)
            self._count_round(epochs, time.monotonic() - began)
            self._record(due, metrics)
            self._finish(due, metrics)
            self._refill()
            signum, due = self._agree()
            if signum or due:
                self._save()
            elif context.records.full:
                context.records.flush()
            else:
                context.records.publish()
            self._show(now=bool(signum or due))
            if signum:
                raise Interrupted(signum, str(context.directory), context.resume_command)
            self._shrink()
        context.records.flush()

    def _refill(self) -> None:
        """Put waiting members into free lanes, each at its start or in its saved state."""
        free = [lane for lane in range(self._lanes.number) if lane not in self._in_lane]
        new = {lane: self._queue.popleft() for lane in free[: len(self._queue)]}
        if not new:
            return
        metrics = self._lanes.start({lane: self._context.sweep[m] for lane, m in new.items()})
        saved = {lane: self._context.pending.take(m) for lane, m in new.items()}
        resumed = {lane: each for lane, each in saved.items() if each is not None}
        if resumed:
            self._lanes.place({lane: each.state for lane, each in resumed.items()})
        for lane, m in new.items():
            each = resumed.get(lane)
            self._epoch[m] = 0 if each is None else int(each.state["epoch"])
            self._stop_states[m] = StopState() if each is None else each.stop_state
        self._in_lane |= new
        self._record({lane: m for lane, m in new.items() if lane not in resumed}, metrics)

    def _next_round(self) -> tuple[int, dict[int, int]]:
        """Return how many epochs the next round has, and which lanes it evaluates: as `_in_lane`.

        It is as long as the nearest evaluation of any member is far, so that no lane has to wait.
        """
        ahead = {
            lane: next_evaluation(self._context.sweep[m], self._epoch[m]) - self._epoch[m]
            for lane, m in self._in_lane.items()
        }
        epochs = min(ahead.values())
        return epochs, {lane: m for lane, m in self._in_lane.items() if ahead[lane] == epochs}

    def _count_round(self, epochs: int, seconds: float) -> None:
        counts, busy = self._context.counts, len(self._in_lane)
        before = counts.steps
        for m in self._in_lane.values():
            self._epoch[m] += epochs
            counts.epochs += epochs
            counts.steps += epochs * self._context.sweep[m].steps_per_epoch
            self._unsaved_epochs += epochs
        counts.rounds += 1
        self._round_epochs, self._round_seconds = epochs, seconds
        previous, self._now = self._now, time.monotonic() - self._start
        if self._queue:
            counts.busy_seconds += busy * seconds
            counts.lane_seconds += self._lanes.number * (self._now - previous)
        lanes = {"lanes": self._lanes.number, "busy": busy, "waiting": len(self._queue)}
        self._context.records.round(
            self._session, self._now, seconds, steps=counts.steps - before, **lanes
        )

    def _record(self, in_lane: dict[int, int], metrics: Metrics) -> None:
        if not in_lane:
            return
        lanes, members = list(in_lane), list(in_lane.values())
        epochs = [self._epoch[m] for m in members]
        records, rows = self._context.records, {n: values[lanes] for n, values in metrics.items()}
        records.record(members, epochs, rows)
        self._context.callback.record(members, epochs, rows)
        sweep = self._context.sweep
        if sweep.config.snapshot_every is None:
            return
        due = [
            i
            for i, (m, epoch) in enumerate(zip(members, epochs, strict=True))
            if snapshots.is_due(sweep[m], epoch, {n: values[i] for n, values in rows.items()})
        ]
        if due:
            kept = snapshot_rows(self._lanes, [lanes[i] for i in due], self._program)
            records.snapshot([members[i] for i in due], [epochs[i] for i in due], kept)

    def _finish(self, in_lane: dict[int, int], metrics: Metrics) -> None:
        """Take members that have ended out of their lanes, and record their parameters."""
        ended: dict[int, str] = {}
        for lane, m in in_lane.items():
            row = {name: values[lane] for name, values in metrics.items()}
            self._stop_states[m], verdict = judge(
                self._context.sweep[m], self._stop_states[m], self._epoch[m], row
            )
            if verdict != "running":
                ended[lane] = verdict
        pruned = self._context.callback.take_chosen([*in_lane.values()])
        ended = {lane: "pruned" for lane, m in in_lane.items() if m in pruned} | ended
        if not ended:  # reading no lane would still copy all
            return
        for (lane, verdict), state in zip(
            ended.items(), self._lanes.read(list(ended)), strict=True
        ):
            m = self._in_lane.pop(lane)
            outcome = Outcome(verdict, self._epoch.pop(m), self._stop_states.pop(m))
            resumable = outcome.epochs == self._context.sweep.config.max_epochs
            self._context.records.finish(m, outcome, state, resumable and verdict != "diverged")
            self._context.pending.finish(m, outcome)
            self._context.counts.add_ended(outcome)

    def _agree(self) -> tuple[int, bool]:
        """Return a signal that any process got, and whether process 0 finds a checkpoint due."""
        due = time.monotonic() - self._saved >= self._context.checkpoint_every
        asked = np.array([[self._context.signals.received or 0, due]], np.int32)
        every = processes.gather({"asked": asked})["asked"]
        return int(every[:, 0].max()), bool(every[0, 1])

    def _save(self) -> None:
        """Write the journal, then a checkpoint of the members in training."""
        context, began = self._context, time.monotonic()
        context.records.flush()
        stop_states = {m: self._stop_states[m] for m in self._in_lane.values()}
        stop_states |= context.pending.stop_states
        if stop_states:
            lanes = LaneStates(self._lanes.state, self._in_lane, *self._lanes.of_this_process())
            context.checkpoints.save(lanes, context.pending.parked, stop_states)
        self._saved = time.monotonic()
        self._unsaved_epochs = 0
        context.counts.saving_seconds += self._saved - began

    def _show(self, now: bool = False) -> None:
        """Show progress; about every second, or `now`, also write status.json."""
        context, clock = self._context, time.monotonic()
        counts, due = context.counts, clock - self._shown >= STATUS_EVERY
        counts.running = len(self._epoch)
        counts.memorised = sum(self._stop_states[m].memorised_epoch >= 0 for m in self._epoch)
        if now or due:
            self._shown = clock
            counts.estimate_remaining(self._epoch.values(), context.sweep.config)
        context.progress.update(counts)
        if processes.is_first() and (now or due):
            training_status.write(
                context.directory,
                epochs={str(m): epoch for m, epoch in self._epoch.items()},
                waiting=len(self._queue),
                lanes=self._lanes.number,
                rate=context.progress.rate or 0.0,
                occupancy=counts.occupancy,
                unsaved_seconds=clock - self._saved,
                unsaved_epochs=self._unsaved_epochs,
                unsaved_finished=context.records.finished,
            )

    def _shrink(self) -> None:
        """Use fewer lanes once the queue is empty, on accelerators and where the time saved pays.

        On CPU a lane more or less is a core that idles, and compiling takes seconds.
        """
        before, used, busy = self._lanes.number, self._lanes.devices, list(self._in_lane)
        if self._queue or not busy or devices.on_cpu(used):
            return
        number = lane_count.smallest_count(self._lanes, len(busy))
        if number == before or not self._saves_time(number):
            return
        members = [self._in_lane[lane] for lane in busy]
        rows = self._lanes.read(busy)
        self._context.progress.print_line(
            f"{len(busy)} members left: from {before} to {number} lanes"
        )
        self._lanes.free()  # before the new ones need the memory
        self._lanes = lane_count.build_lanes(
            self._program, used, number, self._context.metrics, self._context.initial
        )
        self._in_lane = dict(enumerate(members))
        self._lanes.start({lane: self._context.sweep[m] for lane, m in self._in_lane.items()})
        self._lanes.place(dict(enumerate(rows)))

    def _saves_time(self, number: int) -> bool:
        """Return whether so many lanes save more time than compiling takes; process 0 decides."""
        config, epochs = self._context.sweep.config, self._epoch.values()
        ahead = self._context.counts.remaining_after(epochs, config)
        most = sum(config.max_epochs - epoch for epoch in epochs)
        rounds = (most if ahead is None else ahead[0]) / len(epochs) / self._round_epochs
        saved = rounds * self._round_seconds * (1 - number / self._lanes.number)
        return bool(processes.value_of_first(saved > 2 * self._compile_seconds))
