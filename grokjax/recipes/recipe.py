"""The `Recipe` type: settings of a published system, with its results and ours."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from grokjax.config.config import Config
from grokjax.config.sweep import Sweep


@dataclass(frozen=True)
class Recipe:
    """Settings that reproduce a published system, or a variation of it.

    summary: what the recipe shows, in one line.
    source: paper and repository.
    config: its settings. axes: the settings that it sweeps, with their values.
    published: results in the source, name to value.
    measured: our results in the same form, with the number of members.
    """

    name: str
    summary: str
    source: str
    config: Config
    published: dict[str, str]
    measured: dict[str, str]
    axes: dict[str, tuple[Any, ...]] = field(default_factory=dict)

    def sweep(self, **axes: Iterable[Any]) -> Sweep:
        """Sweep over the recipe's axes and the given ones; given values replace the recipe's."""
        return Sweep(self.config, **({**self.axes, **axes}))
