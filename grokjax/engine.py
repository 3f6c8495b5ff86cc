"""The host loop: feeds lanes from the queue of members and writes down what they give."""

from __future__ import annotations

import math
import time
from collections import deque
from pathlib import Path
from typing import Any

import numpy as np

from grokjax import devices, journal, run
from grokjax.checkpoint import KEPT, Arrays, Checkpoints
from grokjax.config import refuse
from grokjax.interrupt import Interrupted, Signals
from grokjax.lanes import Lanes, Metrics
from grokjax.progress import Progress, Tally
from grokjax.run import Run
from grokjax.stopping import THRESHOLD, Standing, judge
from grokjax.sweep import Program, Sweep


class Engine:
    """One process's work on one run directory."""

    def __init__(
        self,
        directory: Path,
        sweep: Sweep,
        lanes: int | str,
        wanted_devices: int | str,
        checkpoint_every: float,
        progress: bool,
    ) -> None:
        if not checkpoint_every > 0:
            raise refuse("checkpoint_every", checkpoint_every, "a number of seconds above 0")
        devices.free_space(directory, _bytes_needed(sweep))
        self._devices = devices.start(wanted_devices)
        self._wanted_lanes = lanes
        devices.lanes(lanes, self._devices, len(sweep))  # refuses a bad value now
        self.environment = devices.environment(self._devices)
        self._directory, self._sweep = directory, sweep
        self._checkpoint_every = checkpoint_every
        self._progress = Progress(progress)
        self._tally = Tally(len(sweep))
        self._parked: dict[int, Arrays] = {}  # in training once, without a lane now
        self._standing: dict[int, Standing] = {}
        self._epoch: dict[int, int] = {}
        self._memorised: set[int] = set()
        self._records: list[dict[str, np.ndarray]] = []
        self._snapshots: list[dict[str, np.ndarray]] = []
        self._finished: list[dict[str, Any]] = []
        self._ended_epochs: list[int] = []

    def run(self) -> Run:
        journal.remove(self._directory, run.HISTORY)
        done = journal.finished(self._directory)
        for status, epochs in done.values():
            self._tally.ended[status] += 1
            self._ended_epochs.append(epochs)
        programs = [(p, [m for m in p.members if m not in done]) for p in self._sweep.programs()]
        programs = [(p, todo) for p, todo in programs if todo]
        with Checkpoints(self._directory) as checkpoints, Signals() as signals, self._progress:
            self._unpack(checkpoints, done)
            for i, (program, todo) in enumerate(programs):
                which = f" {i + 1} of {len(programs)}" if len(programs) > 1 else ""
                self._progress.say(f"compiling program{which} ({len(todo)} members) ...")
                self._train(program, todo, checkpoints, signals)
            self._progress.update(self._tally, last=True)
        finished = run.load(self._directory)
        finished.write_history()
        return finished

    def _unpack(self, checkpoints: Checkpoints, done: dict[int, Any]) -> None:
        """The members of the last checkpoint that have not finished since."""
        state = checkpoints.restore_latest()
        for i, m in enumerate(state.get("member", np.zeros(0, int)).tolist()):
            if m not in done:
                row = {name: array[i] for name, array in state.items() if name != "member"}
                self._standing[m] = Standing(int(row.pop("streak")), int(row.pop("grokked_epoch")))
                self._parked[m] = row

    def _train(
        self, program: Program, todo: list[int], checkpoints: Checkpoints, signals: Signals
    ) -> None:
        number, used = devices.lanes(self._wanted_lanes, self._devices, len(todo))
        lanes = Lanes(program, used, number)
        # Members under way first, so that few are.
        queue = deque(sorted(todo, key=lambda m: (m not in self._parked, m)))
        in_lane: dict[int, int] = {}
        saved = time.monotonic()
        self._refill(lanes, in_lane, queue)
        self._flush()  # so that there is something to load from the start
        while in_lane:
            metrics = lanes.round()
            self._tally.rounds += 1
            for m in in_lane.values():
                config = self._sweep[m]
                self._epoch[m] += config.eval_every
                self._tally.epochs += config.eval_every
                self._tally.steps += config.eval_every * config.steps_per_epoch
            self._record(lanes, in_lane, metrics)
            self._finish(lanes, in_lane, metrics)
            self._refill(lanes, in_lane, queue)
            self._show(queue)
            if signals.received or time.monotonic() - saved >= self._checkpoint_every:
                self._save(lanes, in_lane, checkpoints)
                saved = time.monotonic()
            if signals.received:
                raise Interrupted(signals.received, str(self._directory))
        self._flush()

    def _refill(self, lanes: Lanes, in_lane: dict[int, int], queue: deque[int]) -> None:
        """Waiting members into free lanes, at their start or where they were."""
        free = [lane for lane in range(lanes.number) if lane not in in_lane]
        taken = {lane: queue.popleft() for lane in free[: len(queue)]}
        if not taken:
            return
        metrics = lanes.start({lane: self._sweep[m] for lane, m in taken.items()})
        parked = {lane: self._parked.pop(m) for lane, m in taken.items() if m in self._parked}
        if parked:
            lanes.place(parked)
        for lane, m in taken.items():
            self._epoch[m] = int(parked[lane]["epoch"]) if lane in parked else 0
        in_lane.update(taken)
        new = {lane: m for lane, m in taken.items() if lane not in parked}
        for m in new.values():
            self._standing[m] = Standing()
        self._record(lanes, new, metrics)

    def _record(self, lanes: Lanes, in_lane: dict[int, int], metrics: Metrics) -> None:
        if not in_lane:
            return
        chosen, members = list(in_lane), list(in_lane.values())
        epochs = [self._epoch[m] for m in members]
        where = {"member": np.array(members, np.int32), "epoch": np.array(epochs, np.int32)}
        self._records.append(where | {name: values[chosen] for name, values in metrics.items()})
        every = self._sweep.config.snapshot_every
        kept = [i for i, epoch in enumerate(epochs) if every and epoch % every == 0]
        if kept:
            embeddings = lanes.embeddings([chosen[i] for i in kept])
            self._snapshots.append(
                {name: values[kept] for name, values in where.items()} | {"embedding": embeddings}
            )

    def _finish(self, lanes: Lanes, in_lane: dict[int, int], metrics: Metrics) -> None:
        """Members whose stop rule fired leave their lanes with what they learnt."""
        out: dict[int, str] = {}
        for lane, m in in_lane.items():
            row = {name: values[lane] for name, values in metrics.items()}
            self._standing[m], status = judge(
                self._sweep[m], self._standing[m], self._epoch[m], row
            )
            if row["train_accuracy"] >= THRESHOLD:
                self._memorised.add(m)
            if status != "running":
                out[lane] = status
        if not out:  # reading no lane would still copy all
            return
        for (lane, status), state in zip(out.items(), lanes.read(list(out)), strict=True):
            m = in_lane.pop(lane)
            learnt = {
                name.removeprefix("params/"): array
                for name, array in state.items()
                if name.startswith("params/")
            }
            epochs = self._epoch.pop(m)
            self._finished.append({"member": m, "status": status, "epochs": epochs} | learnt)
            self._tally.ended[status] += 1
            self._ended_epochs.append(epochs)
            self._standing.pop(m)

    def _flush(self) -> None:
        """Everything new into the journal; records first, for a finished member has them all."""
        if self._records:
            journal.append(self._directory, "records", _joined(self._records))
        if self._snapshots:
            journal.append(self._directory, "snapshots", _joined(self._snapshots))
        if self._finished:
            names = self._finished[0]
            rows = {name: np.stack([row[name] for row in self._finished]) for name in names}
            rows |= {name: rows[name].astype(np.int32) for name in ("member", "epochs")}
            journal.append(self._directory, "params", rows)
        self._records, self._snapshots, self._finished = [], [], []

    def _save(self, lanes: Lanes, in_lane: dict[int, int], checkpoints: Checkpoints) -> None:
        """The journal, then a checkpoint of the members in training."""
        self._flush()
        rows = dict(zip(in_lane.values(), lanes.read(list(in_lane)), strict=True)) | self._parked
        if not rows:
            return
        standing = [self._standing[m] for m in rows]
        state = {name: np.stack([row[name] for row in rows.values()]) for name in lanes.names}
        state["member"] = np.array(list(rows), np.int32)
        state["streak"] = np.array([s.streak for s in standing], np.int32)
        state["grokked_epoch"] = np.array([s.grokked_epoch for s in standing], np.int32)
        checkpoints.save(state)

    def _show(self, queue: deque[int]) -> None:
        tally, ended = self._tally, self._ended_epochs
        expected = np.mean(ended) if ended else self._sweep.config.max_epochs
        least = self._sweep.config.eval_every  # for members beyond what was expected
        ahead = sum(max(least, expected - epoch) for epoch in self._epoch.values())
        tally.training = len(self._epoch)
        tally.memorised = len(self._memorised & self._epoch.keys())
        tally.remaining_epochs = float(ahead + tally.waiting * expected)
        tally.guessed = not ended
        self._progress.update(tally)


def _joined(rows: list[dict[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}


def _bytes_needed(sweep: Sweep) -> int:
    """About what a run writes: parameters, records twice (journal, history), checkpoints."""
    total = 0
    for c in sweep.members:
        params = sum(math.prod(shape) for shape in c.param_shapes.values())
        evals = c.max_epochs // c.eval_every + 1
        kept = c.max_epochs // c.snapshot_every + 1 if c.snapshot_every else 0
        total += 4 * (params + 2 * evals * (7 + c.modulus // 2) + kept * c.modulus * c.embed_dim)
    # Three numbers a parameter for Adam; the lanes are few beside any large sweep.
    return total + min(len(sweep), 64) * 3 * (KEPT + 1) * total // len(sweep) + 10_000_000
