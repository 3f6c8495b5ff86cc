"""Read the snapshots that a run keeps of its members: embeddings, parameters or whole states.

Only the rows and the parameter that are wanted are read from disk. Letters: M members, E epochs,
P tokens, D embedding.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from grokjax.config.sweep import Sweep
from grokjax.errors import DamagedRun
from grokjax.results.networks import NetworkInfo, Networks
from grokjax.runtime import memory
from grokjax.storage import journal, journal_parts


class Snapshots:
    """The snapshots of some members of a run.

    members: their numbers. epochs: those at which any of them has a snapshot, ascending. kept:
    whether a member has one at an epoch, bool `[M, E]`.

    Raises ValueError if none of the members has any.
    """

    def __init__(
        self, directory: Path, sweep: Sweep, networks: Networks, members: Sequence[int]
    ) -> None:
        self._directory, self._snapshot = directory, sweep.config.snapshot
        self.dtype = sweep[0].float_dtype
        self._infos = list({id(i): i for m in members if (i := networks.of(sweep[m]))}.values())
        self._places: dict[tuple[int, int], tuple[Path, int]] = {}  # by member and epoch
        wanted = set(members)
        for path in journal.intact_parts(directory, "snapshots"):
            part = journal_parts.read_part(path, "member", "epoch")
            keys = zip(part["member"].tolist(), part["epoch"].tolist(), strict=True)
            self._places |= {key: (path, i) for i, key in enumerate(keys) if key[0] in wanted}
        if not self._places:
            raise ValueError("snapshots: these members have none; set snapshot_every when training")
        self.members = list(members)
        self.epochs = sorted({epoch for _, epoch in self._places})
        self.kept = np.array([[(m, e) in self._places for e in self.epochs] for m in members])

    def embeddings(self) -> np.ndarray:
        """Return the token tables of the first operand, `[M, E, P, D]`, or NaN.

        Raises ValueError if the members' networks differ in their table, or have none.
        """
        tables = {(info.token_table, info.table_shape) for info in self._infos}
        if len(tables) > 1:
            raise ValueError("snapshots: shapes differ between programs; use select")
        table, shape = tables.pop()
        if table is None or shape is None:
            raise ValueError("snapshots: these networks have no table of tokens")
        if self._snapshot == "embedding":
            return self._array("embedding", shape)
        return self.parameter(table.parameter)[:, :, : table.rows]

    def parameter(self, name: str) -> np.ndarray:
        """Return one parameter, `[M, E, ...]`, with NaN where a member has no snapshot."""
        return self._array(f"params/{name}", self.network().shapes[name])

    def epochs_at(self, epoch: int, hold: bool) -> dict[int, int]:
        """Return the epoch of the snapshot that each member has at an epoch, if it has one.

        hold: a member without one has its last one before.
        """
        found = {}
        for i, member in enumerate(self.members):
            before = [e for e, has in zip(self.epochs, self.kept[i], strict=True) if has]
            before = [e for e in before if e == epoch or (hold and e < epoch)]
            if before:
                found[member] = before[-1]
        return found

    def params(self, epochs: Mapping[int, int]) -> dict[int, dict[str, np.ndarray]]:
        """Return the parameters by name of some members, each from its snapshot of an epoch."""
        keys, shapes = list(epochs.items()), self.network().shapes
        memory.require(
            f"{self._directory}: parameters",
            self.dtype.itemsize * len(keys) * sum(map(math.prod, shapes.values())),
        )
        arrays = {}
        for name, shape in shapes.items():
            arrays[name] = np.empty((len(keys), *shape), self.dtype)
            self._fill(arrays[name], f"params/{name}", keys)
        return {m: {n: x[i] for n, x in arrays.items()} for i, (m, _) in enumerate(keys)}

    def state(self, member: int, epoch: int) -> dict[str, np.ndarray]:
        """Return a member's whole state from its snapshot of an epoch, where states are kept."""
        path, row = self._places[member, epoch]
        names = [name for name in journal_parts.array_names(path) if "/" in name]
        state = {name: journal_parts.read_rows(path, name, [row])[0] for name in names}
        return state | {"epoch": np.array(epoch, np.int32)}

    def network(self) -> NetworkInfo:
        """Return the members' network, whose parameters are kept.

        Raises ValueError if their parameters have different shapes, or embeddings are kept alone.
        """
        if self._snapshot == "embedding":
            raise ValueError(
                "snapshots: this run keeps embeddings; set snapshot to params when training"
            )
        if any(info.shapes != self._infos[0].shapes for info in self._infos):
            raise ValueError("snapshots: shapes differ between programs; use select")
        return self._infos[0]

    def _array(self, name: str, shape: tuple[int, ...]) -> np.ndarray:
        """Return an array of all snapshots `[M, E, *shape]`."""
        size = (len(self.members), len(self.epochs), *shape)
        memory.require(f"{self._directory}: snapshots", self.dtype.itemsize * math.prod(size))
        values = np.full(size, np.nan, self.dtype)
        keys = [(member, epoch) for member in self.members for epoch in self.epochs]
        self._fill(values.reshape(-1, *shape), name, keys)
        return values

    def _fill(self, values: np.ndarray, name: str, keys: Sequence[tuple[int, int]]) -> None:
        """Write an array of the snapshots of these members and epochs to `values [K, ...]`."""
        found: dict[Path, list[tuple[int, int]]] = {}
        for i, key in enumerate(keys):
            if key in self._places:
                path, row = self._places[key]
                found.setdefault(path, []).append((i, row))
        for path, places in found.items():
            wanted, rows = zip(*places, strict=True)
            array = journal_parts.read_rows(path, name, rows)
            if array.shape[1:] != values.shape[1:]:
                raise DamagedRun(f"{self._directory}: holds the snapshots of another network")
            values[list(wanted)] = _as_floats(array)


def _as_floats(array: np.ndarray) -> np.ndarray:
    """Return an array of a snapshot as floats; uint16 has the bits of bfloat16."""
    if array.dtype == np.uint16:
        return (array.astype(np.uint32) << 16).view(np.float32)
    return array
