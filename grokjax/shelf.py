"""The state of members that ended at `max_epochs`, for a run that is given more."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np

from grokjax import journal
from grokjax.parts import read


class Shelf:
    """The whole state of members that ended at `max_epochs`, read when it is asked for."""

    def __init__(self, directory: Path) -> None:
        self._places: dict[str, dict[tuple[int, int], tuple[Path, int]]] = {}
        for kind in ("params", "optimizer"):
            self._places[kind] = {}
            for path in journal.intact(directory, kind):
                part = read(path, "member", "epochs")
                for i, key in enumerate(zip(*(x.tolist() for x in part.values()), strict=True)):
                    self._places[kind][key] = path, i
        # The part read last is likely the next member's too.
        self._read = functools.lru_cache(maxsize=2)(read)

    def holds(self, member: int, epochs: int) -> bool:
        """Whether `state` has it."""
        return all((member, epochs) in places for places in self._places.values())

    def state(self, member: int, epochs: int) -> dict[str, np.ndarray] | None:
        """The state in which the member ended, or None if it was not kept."""
        if not self.holds(member, epochs):
            return None
        found: dict[str, np.ndarray] = {"epoch": np.array(epochs, np.int32)}
        for kind, prefix in (("params", "params/"), ("optimizer", "")):
            path, i = self._places[kind][member, epochs]
            found |= {f"{prefix}{n}": x[i] for n, x in self._read(path).items() if "/" in n}
        return found
