"""The snapshots of members of several runs, as if they were those of one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from grokjax.results.networks import NetworkInfo
from grokjax.results.snapshots import Snapshots

if TYPE_CHECKING:
    from grokjax.results.run_params import RunParams


class JoinedSnapshots(Snapshots):
    """The snapshots of some members of several runs; attributes as those of `Snapshots`.

    parts: for each run the members' numbers here, and the run of these members alone.

    Raises ValueError if none of the members has any.
    """

    def __init__(self, parts: Sequence[tuple[Sequence[int], RunParams]], members: Sequence[int]):
        self._parts: list[tuple[Sequence[int], Snapshots]] = []
        problem = ValueError("snapshots: no member is selected; select at least one")
        for numbers, run in parts:
            try:
                self._parts.append((numbers, run._stored))
            except ValueError as error:  # this run keeps none
                problem = error
        if not self._parts:
            raise problem
        self.members = list(members)
        self.epochs = sorted({epoch for _, part in self._parts for epoch in part.epochs})
        self.kept = np.zeros((len(self.members), len(self.epochs)), bool)
        for numbers, part in self._parts:
            self.kept[self._places_of(numbers, part)] = part.kept

    def _places_of(self, numbers: Sequence[int], part: Snapshots) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows and columns of a run's snapshots among all of them."""
        row_of = {member: row for row, member in enumerate(self.members)}
        rows = np.array([row_of[number] for number in numbers])
        return rows[:, None], np.searchsorted(self.epochs, part.epochs)

    def embeddings(self) -> np.ndarray:
        return self._joined(lambda part: part.embeddings())

    def parameter(self, name: str) -> np.ndarray:
        self.network()
        return self._joined(lambda part: part.parameter(name))

    def params(self, epochs: Mapping[int, int]) -> dict[int, dict[str, np.ndarray]]:
        found: dict[int, dict[str, np.ndarray]] = {}
        for numbers, part in self._parts:
            own = {m: n for m, n in zip(part.members, numbers, strict=True) if n in epochs}
            if own:
                params = part.params({m: epochs[n] for m, n in own.items()})
                found |= {own[m]: arrays for m, arrays in params.items()}
        return found

    def network(self) -> NetworkInfo:
        networks = [part.network() for _, part in self._parts]
        if any(each.shapes != networks[0].shapes for each in networks):
            raise ValueError("snapshots: shapes differ between runs; use select")
        return networks[0]

    def _joined(self, read: Callable[[Snapshots], np.ndarray]) -> np.ndarray:
        """Return an array of all runs `[M, E, ...]`, NaN where a member has no snapshot."""
        found = [(self._places_of(numbers, part), read(part)) for numbers, part in self._parts]
        shapes = {array.shape[2:] for _, array in found}
        if len(shapes) > 1:
            raise ValueError("snapshots: shapes differ between runs; use select")
        dtype = np.result_type(*(part.dtype for _, part in self._parts))
        values = np.full((*self.kept.shape, *shapes.pop()), np.nan, dtype)
        for places, array in found:
            values[places] = array
        return values
