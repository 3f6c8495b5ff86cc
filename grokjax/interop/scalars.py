"""What the logs of evaluations share: metrics that are one number, and members' settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from grokjax.config import labels
from grokjax.results.run import Run

Scalars = dict[str, np.ndarray]
"""Metrics of E evaluations, `[E, ...]` by name, as `on_evaluation` gets them."""


def scalar_names(run: Run) -> list[str]:
    """Return the names of the metrics that are one number an evaluation."""
    found = (name for each in run.networks.all for name, m in each.metrics.items() if not m.dims)
    return list(dict.fromkeys(found))


def settings_of(run: Run, member: int) -> dict[str, Any]:
    """Return a member's swept settings; where nothing is swept, its seed."""
    config, names = run.sweep[member], run.sweep.swept or ("seed",)
    return plain({name: config.values.get(name) for name in names})


def plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return settings as numbers and text, which any log takes."""
    return {
        name: value if isinstance(value, bool | int | float | str) else labels.value(name, value)
        for name, value in values.items()
    }
