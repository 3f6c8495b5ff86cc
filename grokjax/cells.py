"""Members that differ in nothing but their seeds: the only ones to take a median over."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np

from grokjax import labels

SEEDS = ("seed", "data_seed")
"""Settings that only choose one of many equal experiments."""


@dataclass(frozen=True)
class Cell:
    """The members of a sweep at one value of every axis.

    settings: name to value, of all axes but the seeds; empty where nothing else is swept.
    rows: which rows of the history they are, int `[m]`.
    """

    settings: dict[str, Any]
    rows: np.ndarray

    @property
    def name(self) -> str:
        """The settings in words: `weight decay 0.3, learning rate 0.01`."""
        return ", ".join(labels.setting_and_value(*item) for item in self.settings.items())

    @property
    def values(self) -> str:
        """The values alone, where an axis has the names: `0.3, 0.01`."""
        return ", ".join(labels.value(*item) for item in self.settings.items())


def axes(history: Any) -> list[str]:
    """Settings that differ between members, other than the seeds, in the order of the sweep."""
    return [name for name, values in _settings(history).items() if len(np.unique(values)) > 1]


def _settings(history: Any) -> dict[str, np.ndarray]:
    """The settings that the sweep names, other than the seeds, with each member's value `[M]`."""
    of_members = {n: c.values for n, c in history.coords.items() if c.dims == ("member",)}
    return {n: v for n, v in of_members.items() if n not in ("member", "status", *SEEDS)}


def cells(history: Any) -> list[Cell]:
    """The cells of a history, such as `Run.history`, sorted by their settings."""
    names = axes(history)
    columns = [history[name].values.tolist() for name in names]
    rows: dict[tuple[Hashable, ...], list[int]] = {}
    for row in range(history.sizes["member"]):
        rows.setdefault(tuple(column[row] for column in columns), []).append(row)
    found = [Cell(dict(zip(names, key, strict=True)), np.array(at)) for key, at in rows.items()]
    return sorted(found, key=lambda cell: tuple(cell.settings.values()))


def seeds_of(found: list[Cell]) -> str:
    """How many seeds a cell has: `4 seeds each`, `1 to 3 seeds each`."""
    counts = sorted({len(cell.rows) for cell in found})
    some = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    each = "" if len(found) == 1 else " each"
    return f"{some} seed{'' if counts[-1] == 1 else 's'}{each}"


def sweep_in_words(history: Any) -> str:
    """What is swept: `5 values of weight decay, 4 seeds each`; `weight decay 1, 4 seeds`."""
    found = cells(history)
    if not found:
        return "no members"
    words = []
    for name, values in _settings(history).items():
        number = len(np.unique(values))
        several = f"{number} values of {labels.setting(name)}"
        words.append(several if number > 1 else labels.setting_and_value(name, values[0]))
    return ", ".join([*words, seeds_of(found)])
