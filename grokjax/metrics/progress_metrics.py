"""Nanda et al.'s progress measures as metrics, recorded where `metrics=["progress"]` asks for them.

The key frequencies are the member's own at that evaluation, by its logits: neurons would take a
transform of `[P, P, H]` values. The published definition fixes them from the final parameters,
which needs parameters through training: see `grokjax.analysis.progress_measures`. Each member has
them over the cyclic group that its operation makes of the tokens: for products mod a prime these
are the nonzero tokens in the order of powers of a primitive root.
"""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from grokjax.errors import ConfigError
from grokjax.metrics import progress
from grokjax.metrics.group_pairs import GroupPairs, group_pairs
from grokjax.metrics.metric import Evaluation, Labels, Metric
from grokjax.metrics.token_spectrum import frequency_labels, of_own_group
from grokjax.models.model import flat_params
from grokjax.models.network import Network, Params
from grokjax.settings.data_spec import DataSpec
from grokjax.tasks.token_group import TokenGroup

SUBSETS = ("train", "test", "all")
TABLES = ("embedding", "output")


class Measures(NamedTuple):
    """The recorded measures of one member; subsets are train, test and all pairs of the group."""

    restricted_loss: jax.Array
    """`[subset]`, with bias correction."""
    excluded_loss: jax.Array
    """`[subset]`, without all key frequencies."""
    key_frequency: jax.Array
    """`[K]`, 1 for each key frequency and 0 for the others."""
    logit_coefficient: jax.Array
    """`[K]`, along cos(w_k(a + b - c))."""
    logit_fve: jax.Array
    """`[]`, share of the variance along the key frequencies' cosines."""
    component_gini: jax.Array
    """`[table]`, see `component_ginis`."""


def _measures(params: Params, evaluation: Evaluation) -> Measures:
    """Return the measures, computed by the first of the metrics."""
    if "progress" not in evaluation.shared:
        of_group = functools.partial(_of_group, params, evaluation)
        evaluation.shared["progress"] = of_own_group(evaluation, of_group)
    return evaluation.shared["progress"]


def _of_group(params: Params, evaluation: Evaluation, group: TokenGroup) -> Measures:
    """Compute the measures over the pairs of a group."""
    modulus = evaluation.spec.modulus
    if evaluation.true_labels is None or modulus is None:
        raise ConfigError("the task has values to regress on, not classes")
    pairs, loss = group_pairs(group, modulus), evaluation.loss
    logits = evaluation.logits()[pairs.rows][:, pairs.order]
    answers = pairs.places(evaluation.true_labels[pairs.rows])
    labels = pairs.places(evaluation.targets[pairs.rows])
    means = progress.answer_means(logits, answers, group.size)
    along, share = progress.coefficients(means), progress.explained_variance(logits, means)
    key = progress.key_frequencies(along, share)
    restricted = progress.restricted_losses(means, key, answers, labels, loss)
    excluded = progress.excluded_losses(logits, means, key, answers, labels, loss)
    known = (answers >= 0) & (labels >= 0)

    def by_subset(losses: jax.Array) -> jax.Array:
        return _means(evaluation, pairs, jnp.where(known, losses, 0), known)

    network, table = evaluation.network, evaluation.table
    return Measures(
        restricted_loss=by_subset(restricted),
        excluded_loss=by_subset(excluded),
        key_frequency=key.astype(jnp.float32),
        logit_coefficient=along,
        logit_fve=jnp.sum(share, where=key),
        component_gini=component_ginis(network, params, evaluation.packed, table, pairs.order),
    )


def _means(
    evaluation: Evaluation, pairs: GroupPairs, losses: jax.Array, known: jax.Array
) -> jax.Array:
    """Average losses `[G**2]` over the train split, the test split and both, where known."""
    number = np.full(len(evaluation.inputs), -1, np.int32)  # of each pair among the group's
    number[pairs.rows] = np.arange(len(pairs.rows), dtype=np.int32)
    inside = jnp.asarray(number >= 0)
    spread = [jnp.where(inside, each[number], 0) for each in (losses, known.astype(jnp.float32))]
    sums, counts = (jnp.stack(evaluation.split_means(each)) for each in spread)  # [train, test]
    share = evaluation.train_size / evaluation.num_examples
    weights = jnp.stack([share, 1 - share])
    both = jnp.sum(weights * sums) / jnp.sum(weights * counts)
    return jnp.append(sums / counts, both)


def component_ginis(
    network: Network, params: Params, packed: Params, table: Any, order: np.ndarray
) -> jax.Array:
    """Return Nanda et al.'s Gini coefficients of W_E and W_L, `[2]`; NaN for an unknown one.

    W_E is the token table, and W_L what the last hidden layer's neurons write to the logits.
    order: the tokens of a cyclic group in its order, int `[G]`.
    """
    found = [jnp.float32(jnp.nan)] * 2
    if network.token_table is not None:
        found[0] = progress.component_gini(network.token_table.read(params)[order])
    if network.neuron_weights is not None:
        output = network.neuron_weights(packed, table)["output"][order]
        found[1] = progress.component_gini(output)
    return jnp.stack(found)


def parameter_squares(params: Params, evaluation: Evaluation | None = None) -> jax.Array:
    """Return the sum of squares of each array, `[arrays]`, in alphabetical order of their names."""
    flat = flat_params(params)
    return jnp.stack([jnp.sum(flat[name] ** 2) for name in sorted(flat)])


def _has_pairs(network: Network, spec: DataSpec) -> bool:
    return spec.modulus is not None and spec.num_classes >= spec.modulus


def _metric(name: str, *dims: str) -> Metric:
    """Return the metric that reads a field of `Measures`."""

    def labels(network: Network, spec: DataSpec) -> Labels:
        return {"subset": SUBSETS, "table": TABLES} | frequency_labels(network, spec)

    def read(params: Params, evaluation: Evaluation) -> jax.Array:
        return getattr(_measures(params, evaluation), name)

    return Metric(name, read, dims, labels, _has_pairs, reads_logits=name != "component_gini")


METRICS = (
    _metric("restricted_loss", "subset"),
    _metric("excluded_loss", "subset"),
    _metric("key_frequency", "frequency"),
    _metric("logit_coefficient", "frequency"),
    _metric("logit_fve"),
    _metric("component_gini", "table"),
    Metric(
        "parameter_squares",
        parameter_squares,
        ("parameter",),
        lambda network, spec: {"parameter": sorted(network.shapes)},
    ),
)
