"""Groups of members that differ only in their seeds: the only members to take a median over."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np

from grokjax.config import labels

SEEDS = ("seed", "data_seed")
"""Settings whose values are repeats of the same experiment."""


@dataclass(frozen=True)
class SeedGroup:
    """The members that have one value of every swept setting but the seeds.

    settings: these settings with their values; empty if only seeds are swept.
    rows: rows of the members in the history, int `[m]`.
    """

    settings: dict[str, Any]
    rows: np.ndarray

    @property
    def values(self) -> str:
        """The values without their settings, for an axis that names these: `0.3, 0.01`."""
        return ", ".join(labels.value(*item) for item in self.settings.items())


def swept_settings(history: Any) -> list[str]:
    """List the settings other than seeds that differ between members, in the sweep's order."""
    return [name for name, values in _settings(history).items() if len(np.unique(values)) > 1]


def _settings(history: Any) -> dict[str, np.ndarray]:
    """The settings that the sweep names, other than seeds, with each member's value `[M]`."""
    by_member = {n: c.values for n, c in history.coords.items() if c.dims == ("member",)}
    return {n: v for n, v in by_member.items() if n not in ("member", "status", *SEEDS)}


def seed_groups(history: Any) -> list[SeedGroup]:
    """Group the members of a history such as `Run.history`; sorted by their settings."""
    names = swept_settings(history)
    columns = [history[name].values.tolist() for name in names]
    rows: dict[tuple[Hashable, ...], list[int]] = {}
    for row in range(history.sizes["member"]):
        rows.setdefault(tuple(column[row] for column in columns), []).append(row)
    groups = [SeedGroup(dict(zip(names, key, strict=True)), np.array(r)) for key, r in rows.items()]
    return sorted(groups, key=lambda group: tuple(group.settings.values()))


def describe_seeds(groups: list[SeedGroup]) -> str:
    """Say how many seeds a group has: `4 seeds`, `4 seeds each`, `1 to 3 seeds each`."""
    counts = sorted({len(group.rows) for group in groups})
    number = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    each = "" if len(groups) == 1 else " each"
    return f"{number} seed{'' if counts[-1] == 1 else 's'}{each}"


def describe_sweep(history: Any) -> str:
    """Say what is swept: `5 values of weight decay, 4 seeds each`; `weight decay 1, 4 seeds`."""
    groups = seed_groups(history)
    if not groups:
        return "no members"
    words = []
    for name, values in _settings(history).items():
        number = len(np.unique(values))
        several = (
            f"{number} runs" if name == "run" else f"{number} values of {labels.setting(name)}"
        )
        words.append(several if number > 1 else labels.setting_and_value(name, values[0]))
    return ", ".join([*words, describe_seeds(groups)])
