"""The metrics that every run records, where they apply."""

from __future__ import annotations

from grokjax.metrics import learning, token_spectrum, weights
from grokjax.metrics.metric import Metric

BUILTIN: tuple[Metric, ...] = (*learning.METRICS, *weights.METRICS, *token_spectrum.METRICS)
