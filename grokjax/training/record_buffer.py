"""Results of training that are not in the journal yet."""

from __future__ import annotations

import contextlib
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from grokjax.runtime import processes
from grokjax.storage import journal, lock
from grokjax.storage.journal_parts import KINDS
from grokjax.storage.member_state import Arrays, Outcome
from grokjax.training.lanes import Metrics

WAITING_BYTES = 64 * 2**20
"""Rows that may wait in memory; more are written before the next checkpoint is due."""

LIVE_BYTES = 4 * 2**20
"""Records that may wait in memory. The live file has all of them, so it takes 10 ms to write."""

LIVE_EVERY, LIVE_SHARE = 2.0, 1 / 200
"""Seconds from one writing of the live records to the next; more where that is more than this share
of the time."""

Rows = dict[str, np.ndarray]


class RecordBuffer:
    """Rows that wait to be written to the journal of one run. Process 0 keeps and writes them."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._rows: dict[str, list[Rows]] = {kind: [] for kind in KINDS}
        self._bytes = dict.fromkeys(KINDS, 0)
        self._live_at = time.monotonic() + LIVE_EVERY

    def record(self, members: list[int], epochs: list[int], metrics: Metrics) -> None:
        """Add one evaluation of some members; metrics are `[R, ...]`."""
        self._add("records", _who(members, epochs) | metrics)

    def snapshot(self, members: list[int], epochs: list[int], embeddings: np.ndarray) -> None:
        """Add embeddings to keep, `[R, P, D]`."""
        self._add("snapshots", _who(members, epochs) | {"embedding": embeddings})

    def finish(self, member: int, ended: Outcome, state: Arrays, resumable: bool) -> None:
        """Add a member that ended; `resumable` keeps its optimiser's state too."""
        who = {"member": np.int32(member), "epochs": np.int32(ended.epochs)}
        stop_state = {name: np.int32(value) for name, value in asdict(ended.stop_state).items()}
        row: dict[str, Any] = who | {"status": np.str_(ended.status)} | stop_state
        split = {"params": row, "optimizer": dict(who)}
        for name, array in state.items():
            if name.startswith("params/"):
                row[name] = array
            elif name.startswith("opt_state/"):
                split["optimizer"][name] = array
        for kind, values in split.items():
            if kind == "params" or resumable:
                self._add(kind, {name: np.asarray(value)[None] for name, value in values.items()})

    def round(
        self, session: float, seconds: float, training: float, steps: int, **lanes: int
    ) -> None:
        """Add one round, with its counts of lanes."""
        times = {"session": session, "seconds": seconds, "training": training}
        row: Rows = {name: np.array([value]) for name, value in times.items()}
        row["steps"] = np.array([steps], np.int64)
        self._add("rounds", row | {name: np.array([n], np.int32) for name, n in lanes.items()})

    def _add(self, kind: str, rows: Rows) -> None:
        if processes.is_first():
            self._rows[kind].append(rows)
            self._bytes[kind] += sum(array.nbytes for array in rows.values())

    @property
    def full(self) -> bool:
        """Whether so much waits that it must be written before the next checkpoint is due."""
        return self._bytes["records"] > LIVE_BYTES or sum(self._bytes.values()) > WAITING_BYTES

    def publish(self) -> None:
        """Show readers the records that wait, every few seconds (see `LIVE_EVERY`).

        A failure is ignored here: `flush` fails in its turn, and says why.
        """
        began = time.monotonic()
        if began < self._live_at or not self._rows["records"]:
            return
        with contextlib.suppress(OSError):
            lock.check_owned(self._directory)
            journal.write_live(self._directory, self._gathered("records"))
        ended = time.monotonic()
        self._live_at = ended + max(LIVE_EVERY, (ended - began) / LIVE_SHARE)

    def _gathered(self, kind: str) -> Rows:
        """Join all rows of a kind into one."""
        rows = self._rows[kind]
        whole = {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
        self._rows[kind] = [whole]
        return whole

    @property
    def finished(self) -> int:
        """Ended members that are not written yet."""
        return len(self._rows["params"])

    def flush(self) -> None:
        """Write everything to the journal. Raises OSError, also if the directory has gone.

        Parameters come last: a member whose parameters are written has everything written.
        """
        if processes.is_first():
            lock.check_owned(self._directory)
        for kind in ("rounds", "records", "snapshots", "optimizer", "params"):
            if self._rows[kind]:
                journal.append(self._directory, kind, self._gathered(kind))
                self._rows[kind] = []
                self._bytes[kind] = 0


def _who(members: list[int], epochs: list[int]) -> Rows:
    return {"member": np.array(members, np.int32), "epoch": np.array(epochs, np.int32)}
