"""Analyse all members of a run in one call, with labelled results."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import xarray as xr
from jax import Array
from jax import numpy as jnp

from grokjax.analysis import circles, fourier
from grokjax.analysis.groups import cyclic_group, token_group
from grokjax.analysis.neurons import Neurons, key_frequencies, neurons
from grokjax.analysis.over_members import (
    MemberNetwork,
    Params,
    built_network,
    of_networks,
    params_and_network,
)
from grokjax.analysis.pca import COMPONENTS, PCA, pca
from grokjax.config.settings import NetworkSettings
from grokjax.metrics.token_spectrum import in_order, neuron_ratios
from grokjax.results.run import Run
from grokjax.tasks.token_group import TokenGroup


class Findings(NamedTuple):
    """All findings on one member; each is described where it is defined."""

    pca: PCA
    pairs: circles.ComponentPairs
    spectra: fourier.Spectra
    planes: fourier.Planes
    neurons: Neurons | None
    """None where the network's module does not give activations."""
    neuron_ipr: Array | None
    """`[H]`; None where it does not give the neurons' weights."""
    gini: Array
    """`[]`, see `spectrum.gini`, of the amplitudes of the embedding's frequencies."""
    participation: Array
    """`[]`, see `spectrum.participation`, of their powers."""


@of_networks
def findings(
    params: dict[str, Any], network: MemberNetwork, group: TokenGroup | None = None
) -> Findings:
    """Compute everything about one member, from its parameters and its network's settings."""
    spectra = fourier.spectra.one(params, network, group)
    model, group = built_network(network), cyclic_group("findings", network, group)
    assert model.token_table is not None  # else `spectra` has refused it
    table = in_order(model.token_table.read(params), group)
    components = pca.one(table, min(COMPONENTS, *table.shape))
    ratios = None
    if model.neuron_weights is not None:
        packed = model.pack(params)
        weights = model.neuron_weights(packed, model.precompute(packed))
        ratios = neuron_ratios(weights, network.spec, group)
    return Findings(
        pca=components,
        pairs=circles.component_pairs.one(components.scores),
        spectra=spectra,
        planes=fourier.planes.one(table),
        neurons=None if model.activations is None else neurons.one(params, network, group),
        neuron_ipr=ratios,
        gini=fourier.gini.one(jnp.sqrt(spectra.embedding)),
        participation=fourier.participation.one(spectra.embedding),
    )


VARIABLES = {
    "scores": ("pca.scores", "token", "component"),
    "explained": ("pca.explained", "component"),
    "pair_step": ("pairs.step", "pair"),
    "pair_shares": ("pairs.shares", "pair", "frequency"),
    "pair_circularity": ("pairs.circularity", "pair"),
    "plane": ("planes.points", "frequency", "token", "axis"),
    "plane_circularity": ("planes.circularity", "frequency"),
    "plane_share": ("planes.share", "frequency"),
    "neuron_frequency": ("neurons.frequency", "neuron"),
    "neuron_share": ("neurons.share", "neuron"),
    "neuron_phase": ("neurons.phase", "neuron", "slot"),
    "neuron_ipr": ("neuron_ipr", "neuron"),
    "activation_power": ("neurons.activations", "frequency_a", "frequency_b"),
    "logit_power": ("neurons.logits", "frequency_a", "frequency_b"),
    "gini": ("gini",),
    "participation": ("participation",),
}
"""Variables of a survey: the finding that each holds, and its dimensions after `member`."""


def survey(
    source: Run | Params,
    members: Sequence[int] | None = None,
    key_times: float | None = None,
    network: NetworkSettings | None = None,
    group: TokenGroup | None = None,
) -> xr.Dataset:
    """Analyse what every member learnt.

    Call it as `survey(run)`, or as `survey(run.params, network=run.network)`.

    Args:
      source: a Run whose members have one kind of network, or parameters with a leading
        axis M; the findings of a member whose parameters are NaN are NaN.
      members: numbers of the members where parameters are given; None: 0, 1, ...
      key_times: see `fourier.is_key`; None: `fourier.key_times` of the table's width.
      network: the settings of the network where parameters are given, such as `run.network`.
      group: the group that the tokens form where parameters are given, such as
        `run.config.task_settings.token_group()`; None: the residues under addition.

    Returns:
      A Dataset of `VARIABLES`, of `power [member, table, frequency]` (`fourier.Spectra`) and of
      the key frequencies, bool `key [member, frequency]`. Frequencies are 1..P // 2, in a and b
      from 0. The coordinate `token` has the tokens in the order of their group: 0..P-1, or for
      products mod a prime the nonzero ones by powers of a primitive root. Attributes say in words
      what was looked at.

      Key frequencies are those of the embedding (`fourier.is_key`), or of the neurons
      (`neurons.key_frequencies`) where the embedding has none, and always with one-hot inputs,
      whose token table holds the neurons' own weights. Where the network's module gives no
      activations or weights of its neurons, the variables on neurons and logits are missing, and
      the tables first, second and output are NaN.

    Raises:
      ValueError: parameters without their network; a Run whose members have several kinds of
        network or groups of tokens (use `select`), members or a group given with a Run, tokens
        that form no cyclic group, or a task whose examples are not all pairs of Z_P.
      ConfigError: a model or task of your own that has not been imported.
    """
    params, known = params_and_network("survey", source, network)
    group = token_group("survey", source, network or known, group)
    network = known
    operations: list[str] = []
    if isinstance(source, Run):
        if members is not None:
            raise ValueError("survey: a Run numbers its members; leave out members, or use run.of")
        members = source.members.index.tolist()
        names = [source.sweep[m].values.get("operation") for m in members]
        operations = list(dict.fromkeys(name for name in names if name is not None))
    found = findings(params, network=network, group=cyclic_group("survey", network, group))
    if key_times is None and not _has_own_weights(found, network):
        key_times = fourier.key_times(found.pca.mean.shape[-1])
    key = _key(found, group, key_times)
    coordinates = _coordinates(found, group, key.shape[1], members)
    words = _words(found, network, operations, key_times)
    words |= {"group": group.name, "order_of_tokens": fourier.order_of_tokens(group, operations)}
    return xr.Dataset(_variables(found, key), coordinates, words)


def _variables(found: Findings, key: np.ndarray) -> dict[str, Any]:
    """Return the variables of the Dataset with their dimensions; those not found are left out."""
    variables: dict[str, Any] = {
        name: (("member", *dims), operator.attrgetter(path)(found))
        for name, (path, *dims) in VARIABLES.items()
        if getattr(found, path.partition(".")[0]) is not None
    }
    variables["power"] = (("member", "table", "frequency"), np.stack(found.spectra, axis=1))
    variables["key"] = (("member", "frequency"), key)
    return variables


def _has_own_weights(found: Findings, network: NetworkSettings) -> bool:
    """Whether the token table holds the neurons' own weights, as with one-hot inputs."""
    table = built_network(network).token_table
    assert table is not None  # else `findings` has refused it
    return table.parameter.rsplit("/", 1)[-1] != "embedding" and found.neurons is not None


def _key(found: Findings, group: TokenGroup, key_times: float | None) -> np.ndarray:
    """Return the key frequencies, bool `[M, K]`; those of the neurons if `key_times` is None."""
    of_table = of_neurons = None
    if key_times is not None:
        of_table = fourier.is_key(np.asarray(found.spectra.embedding), key_times)
    if found.neurons is not None:
        frequency, share = np.asarray(found.neurons.frequency), np.asarray(found.neurons.share)
        of_neurons = key_frequencies(frequency, share, group.size)
    if of_table is None:
        assert of_neurons is not None  # else the table has a `key_times`
        return of_neurons
    if of_neurons is None:
        return of_table
    return np.where(of_table.any(axis=1, keepdims=True), of_table, of_neurons)


def _coordinates(
    found: Findings, group: TokenGroup, frequencies: int, members: Sequence[int] | None
) -> dict[str, Any]:
    """Return the coordinates of the Dataset."""
    from_zero = np.arange(frequencies + 1)
    coordinates = {
        "member": np.arange(len(found.gini)) if members is None else list(members),
        "token": list(group.order),
        "frequency": from_zero[1:],
        "table": list(fourier.Spectra._fields),
        "axis": ["cosine", "sine"],
    }
    if found.neurons is not None:
        coordinates |= {"frequency_a": from_zero, "frequency_b": from_zero, "slot": ["a", "b"]}
    return coordinates


def _words(
    found: Findings, network: NetworkSettings, operations: list[str], key_times: float | None
) -> dict[str, str]:
    """Say in words what was looked at, for the attributes of the Dataset."""
    table = built_network(network).token_table
    title = "" if table is None else table.title
    key = "those of the hidden neurons, each of which has its own weights from every token"
    if key_times is not None:
        key = f"from {key_times:.3g} times an even share of the power of the {title}"
        if found.neurons is not None:
            key += "; those of the hidden neurons where it has none"
    words = {
        "network": ", ".join(f"{name} {value}" for name, value in network.values.items()),
        "operation": ", ".join(operations),
        "token_table": title,
        "key_frequencies": key,
    }
    return {name: text for name, text in words.items() if text}
