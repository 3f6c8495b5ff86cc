"""What a recipe is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from grokjax.config import Config
from grokjax.sweep import Sweep


@dataclass(frozen=True)
class Recipe:
    """Settings that reproduce one published system, or vary one.

    summary: what it shows, in a line.
    source: who published it, where.
    config: the settings. axes: values that it sweeps by itself.
    published: its figures as published, name to value.
    measured: ours, the same way, with the number of members.
    """

    name: str
    summary: str
    source: str
    config: Config
    published: dict[str, str]
    measured: dict[str, str]
    axes: dict[str, tuple[Any, ...]] = field(default_factory=dict)

    def sweep(self, **axes: Iterable[Any]) -> Sweep:
        """Its members: its own axes, unless given here, times the others given."""
        return Sweep(self.config, **({**self.axes, **axes}))
