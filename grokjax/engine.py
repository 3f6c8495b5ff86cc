"""One launch on one run directory: its programs, one after the other, to the end."""

from __future__ import annotations

import math
import time
from pathlib import Path

import numpy as np

from grokjax import (
    devices,
    files,
    hosts,
    layout,
    output,
    room,
    run,
    sessions,
    sizing,
    snapshots,
)
from grokjax.checkpoint import KEPT, Checkpoints
from grokjax.hosts import LostProcess, OutOfMemory
from grokjax.interrupt import Interrupted, Signals
from grokjax.ledger import Ledger
from grokjax.numerics import pinned
from grokjax.progress import Progress
from grokjax.run import Run
from grokjax.settings import refuse
from grokjax.sweep import Program, Sweep
from grokjax.tally import Tally
from grokjax.trainer import Desk, Trainer


class Engine:
    """One process's part in the work on a run directory."""

    def __init__(
        self,
        directory: Path,
        sweep: Sweep,
        lanes: int | str,
        wanted_devices: int | str,
        checkpoint_every: float,
        progress: bool | Progress,
    ) -> None:
        output.fill_closed()
        written = sum(size for _, size in files.sizes(directory))
        slack = 0 if written else 10_000_000
        devices.free_space(directory, max(0, _bytes_needed(sweep) + slack - written))
        self._devices = devices.start(wanted_devices)
        if hosts.count() > len(sweep):
            raise refuse("num_processes", hosts.count(), f"there are {len(sweep)} members")
        number, _ = devices.lanes(lanes, self._devices, len(sweep))  # refuses a bad value now
        room.check(sweep, number if devices.on_cpu(self._devices) else 1)
        self._lanes = lanes
        self.environment = sessions.environment(self._devices)
        self._directory, self._sweep = directory, sweep
        self._checkpoint_every = checkpoint_every
        if isinstance(progress, bool):
            progress = Progress(progress and hosts.first())
        self._progress = progress

    def run(self, go_on: str) -> Run:
        """Trains what is left and writes the history. Raises Interrupted on a signal.

        go_on: the command or call that goes on with this run, for the messages of what ends it.
        """
        way = f"go on with: {go_on}"
        words = f"grokjax: process {hosts.index()} was ended, by another's end or a kill; {way}"
        try:
            with hosts.last_words(words):
                return self._run(go_on)
        except LostProcess as error:
            raise LostProcess(f"{error}; its last checkpoint is safe, {way}") from error
        except OSError as error:
            raise OSError(f"{error}; what was saved before is whole; {way}") from error

    def _run(self, go_on: str) -> Run:
        progress = self._progress
        with (
            Checkpoints(self._directory, sweep=self._sweep.members) as checkpoints,
            Signals() as signals,
            pinned(),
            progress,
        ):
            desk = Desk(
                self._directory,
                self._sweep,
                checkpoints,
                self._checkpoint_every,
                signals,
                progress,
                Tally(len(self._sweep)),
                Ledger(self._directory),
                go_on,
            )
            if crowded := devices.crowded(self._devices):
                progress.say(crowded)
            for program in self._sweep.programs():
                self._train(program, desk)
            progress.update(desk.tally, last=True)
        finished = run.load(self._directory)
        hosts.together(finished.write_history, by_first=True)
        # One that came after the last round, or where nothing was left to train.
        late = hosts.gather({"received": np.array([[signals.received or 0]], np.int32)})
        if signum := int(late["received"].max()):
            raise Interrupted(signum, str(self._directory), go_on)
        return finished

    def _train(self, program: Program, desk: Desk) -> None:
        """All of one program; with fewer lanes from its last checkpoint where memory runs out."""
        wanted = self._lanes
        auto = wanted == "auto" and not devices.on_cpu(self._devices)
        while todo := desk.backlog.todo(program):
            first = sizing.FIRST * len(self._devices) if auto else wanted
            number, used = devices.lanes(first, self._devices, len(todo))
            desk.progress.say(f"compiling for {len(todo)} members ...")
            began = time.monotonic()
            lanes = None
            try:
                lanes = sizing.build(program, used, number)
                if auto:
                    lanes = sizing.doubled(lanes, program, self._devices, len(todo))
                    number = lanes.number
                    need = lanes.bytes_per_device / 2**20
                    desk.progress.say(f"{number} lanes: {need:,.0f} MiB a device, as compiled")
                Trainer(desk, program, lanes, time.monotonic() - began).run()
            except OutOfMemory as error:
                fewer = sizing.halved(number, self._devices, len(todo))
                desk.progress.say(f"no room for {number} lanes ({error}); going on with {fewer}")
                wanted, auto = fewer, False
                hosts.together(desk.ledger.flush, by_first=True)
                desk.look_again()


def _bytes_needed(sweep: Sweep) -> int:
    """About what a run writes: parameters, records twice (journal, history), checkpoints."""
    total = 0
    for c in sweep.members:
        evals = c.max_epochs // c.eval_every + 1
        kept = snapshots.expected(c)
        records = 2 * evals * (12 + c.modulus // 2)
        # The whole state, as it is kept of members that never stop.
        total += layout.state_bytes(c)
        total += 4 * (records + kept * math.prod(layout.table_shape(c)))
    # The lanes of the checkpoints are few beside any large sweep.
    return total + min(len(sweep), 64) * (KEPT + 1) * total // len(sweep)
