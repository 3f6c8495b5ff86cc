"""The metrics that every run records where they apply, and those that it records on request."""

from __future__ import annotations

from grokjax.metrics import (
    circuit_metrics,
    learning,
    logits,
    matrices,
    progress_metrics,
    representation,
    token_spectrum,
    weights,
)
from grokjax.metrics.metric import Metric

BUILTIN: tuple[Metric, ...] = (*learning.METRICS, *weights.METRICS, *token_spectrum.METRICS)

OPTIONAL: dict[str, tuple[Metric, ...]] = {
    "progress": progress_metrics.METRICS,
    "circuits": circuit_metrics.METRICS,
    "representation": representation.METRICS,
    "matrices": matrices.METRICS,
    "logits": logits.METRICS,
}
"""Groups of metrics that a run records only if their name is given, as they take time."""

OPTIONAL_BY_NAME: dict[str, tuple[Metric, ...]] = OPTIONAL | {
    each.name: (each,) for group in OPTIONAL.values() for each in group
}
"""Metrics by the names that `metrics` accepts: of the groups, and of each metric in them."""
