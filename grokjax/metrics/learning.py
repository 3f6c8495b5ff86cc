"""Loss and accuracy on both splits."""

from __future__ import annotations

from grokjax.metrics.metric import Metric

METRICS = (
    Metric("train_loss", lambda params, each: each.split_means(each.losses)[0]),
    Metric("test_loss", lambda params, each: each.split_means(each.losses)[1]),
    Metric("train_accuracy", lambda params, each: each.split_means(each.correct)[0]),
    Metric("test_accuracy", lambda params, each: each.split_means(each.correct)[1]),
)
