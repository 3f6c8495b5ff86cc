"""Buffer the results of training until they are written to the journal."""

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
"""Bytes of rows that may wait in memory; more are written before the next checkpoint is due."""

LIVE_BYTES = 4 * 2**20
"""Bytes of records that may wait in memory: writing the live file, which repeats all of them, then
takes at most 10 ms."""

LIVE_EVERY, LIVE_SHARE = 2.0, 1 / 200
"""Seconds between two writes of the live records, and the largest share of the time that they may
take: slow writes are further apart."""

Rows = dict[str, np.ndarray]


class RecordBuffer:
    """The rows of one run that are not in its journal yet. Process 0 keeps and writes them."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._rows: dict[str, list[Rows]] = {kind: [] for kind in KINDS}
        self._bytes = dict.fromkeys(KINDS, 0)
        self._live_at = time.monotonic() + LIVE_EVERY

    def record(self, members: list[int], epochs: list[int], metrics: Metrics) -> None:
        """Add one evaluation of some members; metrics are `[R, ...]`."""
        self._add("records", _member_and_epoch(members, epochs) | metrics)

    def snapshot(self, members: list[int], epochs: list[int], arrays: Rows) -> None:
        """Add snapshots of some members, arrays `[R, ...]` by name."""
        self._add("snapshots", _member_and_epoch(members, epochs) | arrays)

    def finish(self, member: int, ended: Outcome, state: Arrays, resumable: bool) -> None:
        """Add a member that ended; where it is resumable, also the state of its optimiser."""
        key = {"member": np.int32(member), "epochs": np.int32(ended.epochs)}
        stop_state = {name: np.int32(value) for name, value in asdict(ended.stop_state).items()}
        outcome = key | {"status": np.str_(ended.status)} | stop_state
        rows: dict[str, dict[str, Any]] = {"params": outcome | _named(state, "params/")}
        if resumable:
            rows["optimizer"] = key | _named(state, "opt_state/", "interventions/")
        for kind, row in rows.items():
            self._add(kind, {name: np.asarray(value)[None] for name, value in row.items()})

    def round(
        self, session: float, seconds: float, training: float, steps: int, **lanes: int
    ) -> None:
        """Add one round: its times, its member-steps, and its counts of lanes."""
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
        """Write the waiting records to the live file, every few seconds (see `LIVE_EVERY`).

        A failure is ignored: the next `flush` then fails too, and reports it.
        """
        began = time.monotonic()
        if began < self._live_at or not self._rows["records"]:
            return
        with contextlib.suppress(OSError):
            lock.check_owned(self._directory)
            journal.write_live(self._directory, self._joined("records"))
        ended = time.monotonic()
        self._live_at = ended + max(LIVE_EVERY, (ended - began) / LIVE_SHARE)

    def _joined(self, kind: str) -> Rows:
        parts = self._rows[kind]
        joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
        self._rows[kind] = [joined]
        return joined

    @property
    def finished(self) -> int:
        """Number of ended members that are not written yet."""
        return len(self._rows["params"])

    def flush(self) -> None:
        """Write everything to the journal. Raises OSError, also if the directory was removed.

        Parameters come last: a member whose parameters are written has everything written.
        """
        if processes.is_first():
            lock.check_owned(self._directory)
        for kind in ("rounds", "records", "snapshots", "optimizer", "params"):
            if self._rows[kind]:
                journal.append(self._directory, kind, self._joined(kind))
                self._rows[kind] = []
                self._bytes[kind] = 0


def _named(state: Arrays, *prefixes: str) -> Arrays:
    return {name: array for name, array in state.items() if name.startswith(prefixes)}


def _member_and_epoch(members: list[int], epochs: list[int]) -> Rows:
    return {"member": np.array(members, np.int32), "epoch": np.array(epochs, np.int32)}
