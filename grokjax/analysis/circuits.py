"""The Clock or the Pizza: which algorithm each member computes (Zhong et al. 2023).

Definitions and formulas are those of `metrics.circuits` and `metrics.isolated_circles`.
Letters: M members, T evaluations.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from jax import Array
from numpy.typing import ArrayLike

from grokjax.analysis.groups import cyclic_group
from grokjax.analysis.member_pairs import group_of_members, members_and_pairs, traced_settings
from grokjax.analysis.over_members import MemberNetwork, Params, built_network, over_members
from grokjax.config.config import Config
from grokjax.config.settings import NetworkSettings
from grokjax.config.stopping import THRESHOLD
from grokjax.metrics.circuits import Circuits, measure_circuits
from grokjax.metrics.isolated_circles import CIRCUITS
from grokjax.metrics.placed_network import PlacedNetwork, places_of
from grokjax.results.run import Run
from grokjax.runtime.arguments import history_like, positive_number, takes
from grokjax.tasks.token_group import TokenGroup

if TYPE_CHECKING:
    import xarray as xr

SYMMETRIC = 0.98
"""Gradient symmetricity from which a member counts as a pizza; below it is a clock or neither.

This bound and the next one are second-hand: our sources of the paper and its code have none.
"""

IRRELEVANT = 0.6
"""Distance irrelevance up to which a member may be a pizza, and above which a clock."""

CIRCULAR = 0.995
"""Circularity from which Zhong et al. count an embedding as circular."""

NAME = "circuits"


def circuits(
    source: Run | Params,
    config: Config | Sequence[Config] | None = None,
    all_triples: bool = False,
) -> xr.Dataset:
    """Measure for every member whether it computes the Clock or the Pizza.

    Args:
      source: a Run whose members have one kind of network, or parameters with a leading axis M.
      config: for parameters: the settings of all members, or of each.
      all_triples: whether gradient symmetricity averages over all triples of tokens instead of the
        100 that the published code draws; it is slower.

    Returns:
      A Dataset with dims `member, component, circle, circuit`: the fields of `Circuits` and of
      `Circles`, `circularity` for `circularities`, `circle_frequency`, `circle_step` and
      `circle_fve`, and `label`, see `label_circuits`.

    Raises:
      ValueError: parameters without settings or of another network; members that differ in their
        network; answers that are no sums, differences, products or quotients of tokens.
      ConfigError: a model or task of your own that has not been imported.
    """
    found, network, configs, pairs = members_and_pairs(NAME, source, config)
    group = group_of_members(NAME, source, network, configs)
    computed = _measured(
        found,
        traced_settings(network, configs),
        np.stack([each.answers for each in pairs]),
        network=network.with_traced(None),
        group=cyclic_group(NAME, network, group),
        all_triples=all_triples,
    )
    if not computed.places_exist.all():
        names = sorted(
            {c.variant for c, ok in zip(configs, computed.places_exist, strict=True) if not ok}
        )
        raise ValueError(
            f"{NAME}: needs sums, differences, products or quotients of tokens, got "
            f"{', '.join(names)}; use select"
        )
    members = source.members.index.tolist() if isinstance(source, Run) else range(len(configs))
    return _labelled(computed, list(members))


@over_members
def _measured(
    params: Params,
    traced: dict[str, Array],
    answers: Array,
    network: NetworkSettings,
    group: TokenGroup,
    all_triples: bool,
) -> Circuits:
    """Compute the measures of one member; answers: int32 `[P**2]`."""
    model = built_network(MemberNetwork(network, SimpleNamespace(**traced)))
    assert network.spec.modulus is not None
    places = places_of(answers, group, network.spec.modulus)
    placed = PlacedNetwork(model, network.spec, params, places)
    return measure_circuits(placed, all_triples)


def _labelled(computed: Circuits, members: list[int]) -> xr.Dataset:
    """Return the measures as a Dataset, with labels."""
    import xarray as xr

    scalars = Circuits._fields[:4]
    data: dict[str, Any] = {name: ("member", getattr(computed, name)) for name in scalars}
    data["accuracy"] = ("member", computed.accuracy)
    data["circularity"] = (("member", "component"), computed.circularities)
    for name in ("frequency", "step"):
        data[f"circle_{name}"] = (("member", "circle"), getattr(computed.circles, name))
    data["circle_fve"] = (("member", "circle", "circuit"), computed.circles.fve)
    measured = computed.gradient_symmetricity, computed.distance_irrelevance, computed.accuracy
    data["label"] = ("member", label_circuits(*measured))
    numbers = np.arange(computed.circles.frequency.shape[1])
    coordinates = {"member": members, "circle": numbers, "circuit": list(CIRCUITS)}
    return xr.Dataset(data, coordinates)


@takes(symmetric=positive_number, irrelevant=positive_number)
def label_circuits(
    gradient_symmetricity: ArrayLike,
    distance_irrelevance: ArrayLike,
    accuracy: ArrayLike,
    symmetric: float = SYMMETRIC,
    irrelevant: float = IRRELEVANT,
) -> np.ndarray:
    """Label networks `clock`, `pizza` or `neither`, text of the shape of the measures.

    A pizza has gradients as symmetric as `symmetric` and a distance irrelevance of at most
    `irrelevant`; a clock has less of the first and more of the second. A network with an accuracy
    below 99% is `neither`: one that memorises, or is untrained, measures like a clock. So is NaN.
    """
    measured = gradient_symmetricity, distance_irrelevance, accuracy
    symmetricity, irrelevance, accuracy = np.broadcast_arrays(*map(np.asarray, measured))
    learnt = accuracy >= THRESHOLD
    pizza = learnt & (symmetricity >= symmetric) & (irrelevance <= irrelevant)
    clock = learnt & (symmetricity < symmetric) & (irrelevance > irrelevant)
    return np.select([pizza, clock], ["pizza", "clock"], "neither")


class Delays(NamedTuple):
    """The published delays of generalisation of M members, in epochs; float64 `[M]`."""

    delay1: np.ndarray
    """Sum over epochs of the gap of the best accuracies so far."""
    delay2: np.ndarray
    """The same of what the gap exceeds its final value by."""


@takes(history=history_like)
def generalisation_delays(history: Any) -> Delays:
    """Sum the gap between the best train and test accuracy so far over epochs (Zhong et al. 2023).

    An evaluation stands for the epochs until the next one, and the last one for one epoch: with an
    evaluation each epoch this is the published sum. Epochs after a member has stopped do not count.

    history: such as `Run.history`.
    """
    epochs = np.asarray(history.epoch.values, float)
    weights = np.diff(np.append(epochs, epochs[-1:] + 1))
    train, test = (
        np.asarray(history[f"{name}_accuracy"].transpose("member", "eval").values, float)
        for name in ("train", "test")
    )
    known = np.isfinite(train) & np.isfinite(test)
    best = [np.maximum.accumulate(np.where(known, x, 0), axis=1) for x in (train, test)]
    gaps = best[0] - best[1]  # [M, T]
    above = np.maximum(gaps - gaps[:, -1:], 0)
    return Delays(*(np.sum(np.where(known, each, 0) * weights, axis=1) for each in (gaps, above)))
