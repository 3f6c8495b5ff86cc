"""Zhong et al.'s measures as metrics, recorded where `metrics=["circuits"]` asks for them.

They are NaN where the answers are no sums or differences over the group of the tokens. Labels and
delays of generalisation follow from what is recorded: see `grokjax.analysis.circuits`.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp

from grokjax.errors import ConfigError
from grokjax.metrics.circuits import Circuits, measure_circuits
from grokjax.metrics.isolated_circles import CIRCUITS
from grokjax.metrics.metric import Evaluation, Labels, Metric
from grokjax.metrics.placed_network import PlacedNetwork, places_of
from grokjax.metrics.token_spectrum import of_own_group
from grokjax.models.network import Network, Params
from grokjax.settings.data_spec import DataSpec
from grokjax.tasks.token_group import TokenGroup


def _measured(params: Params, evaluation: Evaluation) -> Circuits:
    """Return the measures of the member, computed by the first of the metrics."""
    if "circuits" not in evaluation.shared:
        evaluation.shared["circuits"] = _computed(params, evaluation)
    return evaluation.shared["circuits"]


def _computed(params: Params, evaluation: Evaluation) -> Circuits:
    answers, modulus = evaluation.true_labels, evaluation.spec.modulus
    if answers is None or modulus is None:
        raise ConfigError("the task has values to regress on, not classes")

    def of_group(group: TokenGroup) -> Circuits:
        places = places_of(answers, group, modulus)
        placed = PlacedNetwork(evaluation.network, evaluation.spec, params, places)
        found = measure_circuits(placed)
        return jax.tree.map(lambda each: jnp.where(places.exist, each, jnp.nan), found)

    return of_own_group(evaluation, of_group)


def _has_group(network: Network, spec: DataSpec) -> bool:
    return spec.modulus is not None and spec.num_classes >= spec.modulus


def _has_embedding(network: Network, spec: DataSpec) -> bool:
    table = network.token_table
    return _has_group(network, spec) and table is not None and table.is_embedding


def _metric(
    name: str,
    read: Callable[[Circuits], jax.Array],
    *dims: str,
    applies: Callable[[Network, DataSpec], bool] = _has_embedding,
) -> Metric:
    """Return the metric that reads a value of `Circuits`."""

    def labels(network: Network, spec: DataSpec) -> Labels:
        return {"circuit": CIRCUITS} if "circuit" in dims else {}

    return Metric(name, lambda *given: read(_measured(*given)), dims, labels, applies)


METRICS = (
    _metric("gradient_symmetricity", lambda found: found.gradient_symmetricity),
    _metric("distance_irrelevance", lambda found: found.distance_irrelevance, applies=_has_group),
    _metric(
        "distance_irrelevance_incorrect",
        lambda found: found.distance_irrelevance_incorrect,
        applies=_has_group,
    ),
    _metric("component_circularity", lambda found: found.component_circularity),
    _metric("circle_frequency", lambda found: found.circles.frequency, "circle"),
    _metric("circle_step", lambda found: found.circles.step, "circle"),
    _metric("circle_fve", lambda found: found.circles.fve, "circle", "circuit"),
)
