"""The host loop of one program: feeds lanes from the queue and takes down what they give."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from grokjax import devices, hosts, sizing, snapshots, status
from grokjax.backlog import Backlog, standing_of
from grokjax.checkpoint import Checkpoints
from grokjax.interrupt import Interrupted, Signals
from grokjax.lanes import Lanes, Metrics
from grokjax.ledger import Ledger
from grokjax.progress import Progress
from grokjax.states import InLanes
from grokjax.stopping import Ended, Standing, judge
from grokjax.sweep import Program, Sweep
from grokjax.tally import Tally

STATUS_EVERY = 1.0
"""Seconds from one status.json to the next."""


@dataclass
class Desk:
    """What the host loop works with, for the whole run of this process."""

    directory: Path
    sweep: Sweep
    checkpoints: Checkpoints
    checkpoint_every: float
    signals: Signals
    progress: Progress
    tally: Tally
    ledger: Ledger
    go_on: str  # the command or call that goes on with this run

    def __post_init__(self) -> None:
        self.look_again()

    def look_again(self) -> None:
        """Takes what is over and under way from the disk, all processes from the same."""
        self.backlog = Backlog(self.directory, self.sweep, self.checkpoints)
        hosts.same(str(self.backlog), f"{self.directory}: could not be read alike in every process")
        self.tally.count(self.backlog.done.values())


class Trainer:
    """Trains the members of one program, to the last or until a signal."""

    def __init__(self, desk: Desk, program: Program, lanes: Lanes, compiling: float) -> None:
        self._desk, self._program = desk, program
        self._lanes, self._compiling = lanes, compiling
        self._queue = deque(desk.backlog.todo(program))
        self._in_lane: dict[int, int] = {}  # lane to member
        self._standing: dict[int, Standing] = {}
        self._epoch: dict[int, int] = {}
        self._session, self._start = time.time(), time.monotonic()
        self._saved = self._shown = self._start
        self._now = self._round_seconds = 0.0
        self._unsaved_epochs = 0

    def run(self) -> None:
        """Returns when every member is over. Raises Interrupted, having saved, on a signal."""
        desk = self._desk
        self._refill()
        desk.ledger.flush()  # so that there is something to load from the start
        self._show(now=True)
        while self._in_lane:
            began = time.monotonic()
            metrics = self._lanes.round()
            self._advance(time.monotonic() - began)
            self._record(self._in_lane, metrics)
            self._finish(metrics)
            self._refill()
            signum, due = self._agree()
            if signum or due:
                self._save()
            elif desk.ledger.full:
                desk.ledger.flush()
            else:
                desk.ledger.publish()
            self._show(now=bool(signum or due))
            if signum:
                raise Interrupted(signum, str(desk.directory), desk.go_on)
            self._shrink()
        desk.ledger.flush()

    def _refill(self) -> None:
        """Waiting members into free lanes, at their start or where they were."""
        free = [lane for lane in range(self._lanes.number) if lane not in self._in_lane]
        taken = {lane: self._queue.popleft() for lane in free[: len(self._queue)]}
        if not taken:
            return
        metrics = self._lanes.start({lane: self._desk.sweep[m] for lane, m in taken.items()})
        saved = {lane: self._desk.backlog.take(m) for lane, m in taken.items()}
        under_way = {lane: each for lane, each in saved.items() if each is not None}
        if under_way:
            self._lanes.place({lane: each.state for lane, each in under_way.items()})
        for lane, m in taken.items():
            each = under_way.get(lane)
            self._epoch[m] = 0 if each is None else int(each.state["epoch"])
            self._standing[m] = Standing() if each is None else standing_of(each)
        self._in_lane |= taken
        self._record({lane: m for lane, m in taken.items() if lane not in under_way}, metrics)

    def _advance(self, training: float) -> None:
        """Counts a round that took so many seconds."""
        tally, busy = self._desk.tally, len(self._in_lane)
        before = tally.steps
        for m in self._in_lane.values():
            config = self._desk.sweep[m]
            self._epoch[m] += config.eval_every
            tally.epochs += config.eval_every
            tally.steps += config.eval_every * config.steps_per_epoch
            self._unsaved_epochs += config.eval_every
        tally.rounds += 1
        self._round_seconds = training
        before_that, self._now = self._now, time.monotonic() - self._start
        if self._queue:
            tally.busy_time += busy * training
            tally.lane_time += self._lanes.number * (self._now - before_that)
        counts = {"lanes": self._lanes.number, "busy": busy, "waiting": len(self._queue)}
        self._desk.ledger.round(
            self._session, self._now, training, steps=tally.steps - before, **counts
        )

    def _record(self, in_lane: dict[int, int], metrics: Metrics) -> None:
        """One evaluation of the members in these lanes."""
        if not in_lane:
            return
        lanes, members = list(in_lane), list(in_lane.values())
        epochs = [self._epoch[m] for m in members]
        ledger = self._desk.ledger
        ledger.record(members, epochs, {name: values[lanes] for name, values in metrics.items()})
        sweep = self._desk.sweep
        if sweep.config.snapshot_every is None:
            return
        rows = ({name: each[lane] for name, each in metrics.items()} for lane in lanes)
        kept = [
            i for i, row in enumerate(rows) if snapshots.wanted(sweep[members[i]], epochs[i], row)
        ]
        if kept:
            embeddings = self._lanes.embeddings([lanes[i] for i in kept])
            ledger.snapshot([members[i] for i in kept], [epochs[i] for i in kept], embeddings)

    def _finish(self, metrics: Metrics) -> None:
        """Members whose stop rule fired leave their lanes with what they learnt."""
        out: dict[int, str] = {}
        for lane, m in self._in_lane.items():
            row = {name: values[lane] for name, values in metrics.items()}
            self._standing[m], verdict = judge(
                self._desk.sweep[m], self._standing[m], self._epoch[m], row
            )
            if verdict != "running":
                out[lane] = verdict
        if not out:  # reading no lane would still copy all
            return
        for (lane, verdict), state in zip(out.items(), self._lanes.read(list(out)), strict=True):
            m = self._in_lane.pop(lane)
            ended = Ended(verdict, self._epoch.pop(m), self._standing.pop(m))
            resumable = ended.epochs == self._desk.sweep.config.max_epochs
            self._desk.ledger.finish(m, ended, state, resumable and verdict != "diverged")
            self._desk.backlog.finish(m, ended)
            self._desk.tally.end(ended)

    def _agree(self) -> tuple[int, bool]:
        """A signal that any process had, and whether process 0's clock asks for a checkpoint."""
        due = time.monotonic() - self._saved >= self._desk.checkpoint_every
        asked = np.array([[self._desk.signals.received or 0, due]], np.int32)
        every = hosts.gather({"asked": asked})["asked"]
        return int(every[:, 0].max()), bool(every[0, 1])

    def _save(self) -> None:
        """The journal, then a checkpoint of the members in training."""
        desk, began = self._desk, time.monotonic()
        desk.ledger.flush()
        notes = {m: asdict(self._standing[m]) for m in self._in_lane.values()}
        notes |= desk.backlog.notes
        if notes:
            in_lanes = InLanes(self._lanes.state, self._in_lane, self._lanes.here())
            desk.checkpoints.save(in_lanes, desk.backlog.parked, notes)
        self._saved = time.monotonic()
        self._unsaved_epochs = 0
        desk.tally.saving += self._saved - began

    def _show(self, now: bool = False) -> None:
        """Shows progress and, about every second or `now`, looks ahead and writes status.json."""
        desk, clock = self._desk, time.monotonic()
        tally, due = desk.tally, clock - self._shown >= STATUS_EVERY
        tally.running = len(self._epoch)
        tally.memorised = sum(self._standing[m].memorised_epoch >= 0 for m in self._epoch)
        if now or due:
            self._shown = clock
            tally.look_ahead(self._epoch.values(), desk.sweep.config)
        desk.progress.update(tally)
        if hosts.first() and (now or due):
            status.write(
                desk.directory,
                epochs={str(m): epoch for m, epoch in self._epoch.items()},
                waiting=len(self._queue),
                lanes=self._lanes.number,
                rate=desk.progress.rate or 0.0,
                occupancy=tally.occupancy,
                unsaved_seconds=clock - self._saved,
                unsaved_epochs=self._unsaved_epochs,
                unsaved_finished=desk.ledger.finished,
            )

    def _shrink(self) -> None:
        """Fewer lanes once the queue is dry, on accelerators and where the time saved pays.

        On CPU a lane more or less is a core that idles, and compiling takes seconds.
        """
        before, found, busy = self._lanes.number, self._lanes.devices, list(self._in_lane)
        if self._queue or not busy or devices.on_cpu(found):
            return
        number = sizing.smaller(self._lanes, len(busy))
        if number == before or not self._pays(number):
            return
        members = [self._in_lane[lane] for lane in busy]
        rows = self._lanes.read(busy)
        self._desk.progress.say(f"{len(busy)} members left: from {before} to {number} lanes")
        self._lanes.free()  # before the new ones need the room
        self._lanes = sizing.build(self._program, found, number)
        self._in_lane = dict(enumerate(members))
        self._lanes.start({lane: self._desk.sweep[m] for lane, m in self._in_lane.items()})
        self._lanes.place(dict(enumerate(rows)))

    def _pays(self, number: int) -> bool:
        """Whether that many lanes save more than compiling them takes; process 0 judges."""
        config, epochs = self._desk.sweep.config, self._epoch.values()
        ahead = self._desk.tally.ahead(epochs, config)
        most = sum(config.max_epochs - epoch for epoch in epochs)
        rounds = (most if ahead is None else ahead[0]) / len(epochs) / config.eval_every
        saved = rounds * self._round_seconds * (1 - number / self._lanes.number)
        pays = np.array([[saved > 2 * self._compiling]])
        return bool(hosts.gather({"pays": pays})["pays"][0, 0])
