"""Loss and accuracy on both splits."""

from __future__ import annotations

from grokjax.metrics.metric import Metric

METRICS = (
    Metric("train_loss", lambda params, evaluation: evaluation.split_means(evaluation.losses)[0]),
    Metric("test_loss", lambda params, evaluation: evaluation.split_means(evaluation.losses)[1]),
    Metric(
        "train_accuracy", lambda params, evaluation: evaluation.split_means(evaluation.correct)[0]
    ),
    Metric(
        "test_accuracy", lambda params, evaluation: evaluation.split_means(evaluation.correct)[1]
    ),
)
