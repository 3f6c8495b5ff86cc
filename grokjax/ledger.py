"""What training has given and the journal does not hold yet."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from grokjax import hosts, journal, lock
from grokjax.lanes import Metrics
from grokjax.parts import KINDS
from grokjax.states import Arrays
from grokjax.stopping import Ended

WAITING_BYTES = 64 * 2**20
"""Rows that may wait in memory; more are written before the next checkpoint is due."""

Rows = dict[str, np.ndarray]


class Ledger:
    """Rows on their way into the journal of one run directory. Process 0 keeps and writes them."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._rows: dict[str, list[Rows]] = {kind: [] for kind in KINDS}
        self.bytes = 0

    def record(self, members: list[int], epochs: list[int], metrics: Metrics) -> None:
        """One evaluation of some members; metrics `[R]` or `[R, F]`."""
        self._add("records", _who(members, epochs) | metrics)

    def snapshot(self, members: list[int], epochs: list[int], embeddings: np.ndarray) -> None:
        """Embeddings to keep, `[R, P, D]`."""
        self._add("snapshots", _who(members, epochs) | {"embedding": embeddings})

    def finish(self, member: int, ended: Ended, state: Arrays, resumable: bool) -> None:
        """A member that ended; `resumable` keeps its optimiser's state too."""
        who = {"member": np.int32(member), "epochs": np.int32(ended.epochs)}
        standing = {name: np.int32(value) for name, value in asdict(ended.standing).items()}
        row: dict[str, Any] = who | {"status": np.str_(ended.status)} | standing
        split = {"params": row, "optimizer": dict(who)}
        for name, array in state.items():
            folder, _, rest = name.partition("/")
            if folder == "params":
                row[rest] = array
            elif folder == "opt_state":
                split["optimizer"][name] = array
        for kind, values in split.items():
            if kind == "params" or resumable:
                self._add(kind, {name: np.asarray(value)[None] for name, value in values.items()})

    def round(
        self, session: float, seconds: float, training: float, steps: int, **lanes: int
    ) -> None:
        """One round, with its counts of lanes."""
        times = {"session": session, "seconds": seconds, "training": training}
        row: Rows = {name: np.array([value]) for name, value in times.items()}
        row["steps"] = np.array([steps], np.int64)
        self._add("rounds", row | {name: np.array([n], np.int32) for name, n in lanes.items()})

    def _add(self, kind: str, rows: Rows) -> None:
        if hosts.first():
            self._rows[kind].append(rows)
            self.bytes += sum(array.nbytes for array in rows.values())

    @property
    def finished(self) -> int:
        """Finished members not written yet."""
        return len(self._rows["params"])

    def flush(self) -> None:
        """Everything into the journal. Raises OSError, also where the run is not there any more.

        Parameters last: a member whose parameters are there has everything there.
        """
        if hosts.first():
            lock.still_ours(self._directory)
        for kind in ("rounds", "records", "snapshots", "optimizer", "params"):
            if rows := self._rows[kind]:
                whole = {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}
                journal.append(self._directory, kind, whole)
                self._rows[kind] = []
        self.bytes = 0


def _who(members: list[int], epochs: list[int]) -> Rows:
    return {"member": np.array(members, np.int32), "epoch": np.array(epochs, np.int32)}
