"""Nanda et al.'s progress measures as metrics, recorded where `metrics=["progress"]` asks for them.

The key frequencies are the member's own at that evaluation, by its logits: neurons would take a
transform of `[P, P, H]` values. The published definition fixes them from the final parameters,
which needs parameters through training: see `grokjax.analysis.progress_measures`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from grokjax.errors import ConfigError
from grokjax.metrics import progress
from grokjax.metrics.metric import Evaluation, Labels, Metric
from grokjax.metrics.token_spectrum import frequency_labels
from grokjax.models.model import flat_params
from grokjax.models.network import Network, Params
from grokjax.settings.data_spec import DataSpec

SUBSETS = ("train", "test", "all")
TABLES = ("embedding", "output")


class _Logits(NamedTuple):
    """What the measures share."""

    logits: jax.Array  # [N, C]
    answers: jax.Array  # int32 [N]
    means: progress.AnswerMeans
    along: jax.Array  # [K], coefficients
    share: jax.Array  # [K], of the variance
    key: jax.Array  # bool [K]


def _logits(evaluation: Evaluation) -> _Logits:
    """Return what the measures share, computed by the first of them."""
    if "progress" not in evaluation.shared:
        evaluation.shared["progress"] = _computed(evaluation)
    return evaluation.shared["progress"]


def _computed(evaluation: Evaluation) -> _Logits:
    answers, modulus = evaluation.true_labels, evaluation.spec.modulus
    if answers is None or modulus is None:
        raise ConfigError("the task has values to regress on, not classes")
    logits = evaluation.logits()
    means = progress.answer_means(logits, answers, modulus)
    along, share = progress.coefficients(means), progress.explained_variance(logits, means)
    key = progress.key_frequencies(along, share)
    return _Logits(logits, answers, means, along, share, key)


def restricted_loss(params: Params, evaluation: Evaluation) -> jax.Array:
    """Return the loss of the key frequencies alone, with bias correction, by subset."""
    shared, labels, loss = _logits(evaluation), evaluation.targets, evaluation.loss
    losses = progress.restricted_losses(shared.means, shared.key, shared.answers, labels, loss)
    return _means(evaluation, losses)


def excluded_loss(params: Params, evaluation: Evaluation) -> jax.Array:
    """Return the loss without the key frequencies, by subset."""
    logits, answers, means, *_, key = _logits(evaluation)
    labels, loss = evaluation.targets, evaluation.loss
    return _means(evaluation, progress.excluded_losses(logits, means, key, answers, labels, loss))


def key_frequency(params: Params, evaluation: Evaluation) -> jax.Array:
    """Return 1 for each key frequency and 0 for the others."""
    return _logits(evaluation).key


def logit_coefficient(params: Params, evaluation: Evaluation) -> jax.Array:
    """Return the coefficient of the logits along cos(w_k(a + b - c)), by frequency."""
    return _logits(evaluation).along


def logit_fve(params: Params, evaluation: Evaluation) -> jax.Array:
    """Return the share of the variance of the logits along the key frequencies' cosines."""
    shared = _logits(evaluation)
    return jnp.sum(shared.share, where=shared.key)


def component_gini(params: Params, evaluation: Evaluation) -> jax.Array:
    """Return the Gini coefficients of `component_ginis`."""
    modulus = evaluation.spec.modulus
    assert modulus is not None
    network, packed, table = evaluation.network, evaluation.packed, evaluation.table
    return component_ginis(network, params, packed, table, modulus)


def component_ginis(
    network: Network, params: Params, packed: Params, table: Any, modulus: int
) -> jax.Array:
    """Return Nanda et al.'s Gini coefficients of W_E and W_L, `[2]`; NaN for an unknown one.

    W_E is the token table, and W_L what the last hidden layer's neurons write to the logits.
    """
    found = [jnp.float32(jnp.nan)] * 2
    if network.token_table is not None:
        found[0] = progress.component_gini(network.token_table.read(params))
    if network.neuron_weights is not None:
        output = network.neuron_weights(packed, table)["output"][:modulus]
        found[1] = progress.component_gini(output)
    return jnp.stack(found)


def parameter_squares(params: Params, evaluation: Evaluation | None = None) -> jax.Array:
    """Return the sum of squares of each parameter, in alphabetical order of their names."""
    flat = flat_params(params)
    return jnp.stack([jnp.sum(flat[name] ** 2) for name in sorted(flat)])


def _means(evaluation: Evaluation, losses: jax.Array) -> jax.Array:
    """Average losses `[N]` over the train split, the test split, and both."""
    train, test = evaluation.split_means(losses)
    share = evaluation.train_size / evaluation.num_examples
    return jnp.stack([train, test, share * train + (1 - share) * test])


def _has_pairs(network: Network, spec: DataSpec) -> bool:
    return spec.modulus is not None and spec.num_classes >= spec.modulus


def _of_logits(name: str, function: Any, *dims: str) -> Metric:
    def labels(network: Network, spec: DataSpec) -> Labels:
        return {"subset": SUBSETS} | frequency_labels(network, spec)

    return Metric(name, function, dims, labels, _has_pairs, reads_logits=True)


METRICS = (
    _of_logits("restricted_loss", restricted_loss, "subset"),
    _of_logits("excluded_loss", excluded_loss, "subset"),
    _of_logits("key_frequency", key_frequency, "frequency"),
    _of_logits("logit_coefficient", logit_coefficient, "frequency"),
    _of_logits("logit_fve", logit_fve),
    Metric(
        "component_gini",
        component_gini,
        ("table",),
        lambda network, spec: {"table": TABLES},
        _has_pairs,
    ),
    Metric(
        "parameter_squares",
        parameter_squares,
        ("parameter",),
        lambda network, spec: {"parameter": sorted(network.shapes)},
    ),
)
