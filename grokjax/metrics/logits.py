"""The scale of the logits, and the softmax collapse of Prieto et al. 2025 (arXiv 2501.04697)."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp

from grokjax.metrics.metric import Evaluation, Metric
from grokjax.metrics.progress_metrics import SUBSETS
from grokjax.models.network import Params


def collapsed(logits: jax.Array, labels: jax.Array) -> jax.Array:
    """Return whether the softmax of each example is collapsed in its precision, bool `[N]`.

    The sum over all classes then equals the term of the example's own label: the terms of the
    others are lost to rounding, the loss is exactly 0, and so is its gradient (Sec. 3).

    Args:
      logits: `[N, C]`.
      labels: int32 `[N]`, as trained on.
    """
    terms = jnp.exp(logits - jnp.max(logits, axis=-1, keepdims=True))
    own = jnp.sum(terms * jax.nn.one_hot(labels, logits.shape[-1]), axis=-1)
    return jnp.sum(terms, axis=-1) == own


def _mean_square(evaluation: Evaluation) -> jax.Array:
    return jnp.mean(evaluation.logits() ** 2, axis=-1)


def _peak(evaluation: Evaluation) -> jax.Array:
    logits = evaluation.logits()
    return jnp.max(logits, axis=-1) - jnp.mean(logits, axis=-1)


def _collapsed(evaluation: Evaluation) -> jax.Array:
    labels = evaluation.targets
    if labels.ndim > 1:  # values to regress on have no softmax
        return jnp.full(len(labels), jnp.nan)
    return collapsed(evaluation.logits(), labels)


def by_subset(evaluation: Evaluation, values: jax.Array) -> jax.Array:
    """Average values `[N]` over the train split, the test split and both, `[3]`."""
    means = jnp.stack(evaluation.split_means(values))
    share = evaluation.train_size / evaluation.num_examples
    return jnp.append(means, share * means[0] + (1 - share) * means[1])


def _metric(
    name: str,
    of_examples: Callable[[Evaluation], jax.Array],
    finish: Callable[[jax.Array], jax.Array] = lambda mean: mean,
) -> Metric:
    def function(params: Params, evaluation: Evaluation) -> jax.Array:
        return finish(by_subset(evaluation, of_examples(evaluation)))

    labels = lambda network, spec: {"subset": SUBSETS}  # noqa: E731
    return Metric(name, function, ("subset",), labels, reads_logits=True)


METRICS = (
    _metric("logit_rms", _mean_square, jnp.sqrt),
    _metric("logit_peak", _peak),  # mean of the largest logit minus the mean logit
    _metric("softmax_collapse", _collapsed),  # share of the examples
)
