"""Analyse all members of a run in one call, with labelled results."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from jax import Array
from jax import numpy as jnp

from grokjax.analysis import circles, fourier
from grokjax.analysis.neurons import Neurons, key_frequencies, neurons
from grokjax.analysis.over_members import (
    Params,
    built_network,
    modulus_of,
    of_networks,
    params_and_network,
)
from grokjax.analysis.pca import COMPONENTS, PCA, pca
from grokjax.config.settings import NetworkSettings
from grokjax.metrics.token_spectrum import neuron_ratios
from grokjax.results.run import Run

if TYPE_CHECKING:
    from collections.abc import Sequence

    import xarray as xr


class Findings(NamedTuple):
    """All findings on one member; each is described where it is defined."""

    pca: PCA
    pairs: circles.ComponentPairs
    spectra: fourier.Spectra
    planes: fourier.Planes
    neurons: Neurons | None  # None where the network's module does not give activations
    neuron_ipr: Array | None  # [H]; None where it does not give the neurons' weights
    gini: Array  # []
    participation: Array  # []


@of_networks
def findings(params: dict[str, Any], network: NetworkSettings) -> Findings:
    """Compute everything about one member, from its parameters and its network's settings."""
    spectra = fourier.spectra.one(params, network)
    model, modulus = built_network(network), modulus_of("findings", network)
    assert model.token_table is not None  # else `spectra` has refused it
    table = model.token_table.read(params)
    components = pca.one(table, min(COMPONENTS, *table.shape))
    ratios = None
    if model.neuron_weights is not None:
        packed = model.pack(params)
        ratios = neuron_ratios(model.neuron_weights(packed, model.precompute(packed)), modulus)
    return Findings(
        pca=components,
        pairs=circles.component_pairs.one(components.scores),
        spectra=spectra,
        planes=fourier.planes.one(table),
        neurons=None if model.activations is None else neurons.one(params, network),
        neuron_ipr=ratios,
        gini=fourier.gini.one(jnp.sqrt(spectra.embedding)),
        participation=fourier.participation.one(spectra.embedding),
    )


DIMS = {
    "scores": ("token", "component"),
    "explained": ("component",),
    "pair_step": ("pair",),
    "pair_shares": ("pair", "frequency"),
    "pair_circularity": ("pair",),
    "power": ("table", "frequency"),
    "key": ("frequency",),
    "plane": ("frequency", "token", "axis"),
    "plane_circularity": ("frequency",),
    "plane_share": ("frequency",),
    "neuron_frequency": ("neuron",),
    "neuron_share": ("neuron",),
    "neuron_phase": ("neuron", "slot"),
    "neuron_ipr": ("neuron",),
    "activation_power": ("frequency_a", "frequency_b"),
    "logit_power": ("frequency_a", "frequency_b"),
    "gini": (),
    "participation": (),
}


def survey(
    source: Run | Params,
    members: Sequence[int] | None = None,
    key_times: float | None = None,
    network: NetworkSettings | None = None,
) -> xr.Dataset:
    """Analyse what every member learnt.

    Call it as `survey(run)`, or as `survey(run.params, network=run.network)`.

    Args:
      source: a Run whose members have one kind of network, or parameters with a leading
        axis M; the findings of a member whose parameters are NaN are NaN.
      members: numbers of the members where parameters are given; None: 0, 1, ...
      key_times: see `fourier.is_key`; None: `fourier.key_times` of the table's width.
      network: the settings of the network where parameters are given, such as `run.network`.

    Returns:
      A Dataset with dims `member, token, component, pair, frequency, table, axis,
      neuron, slot, frequency_a, frequency_b`; P tokens, frequencies 1..P // 2
      (from 0 in a and b), tables embedding, first, second, output. Variables:
      `scores, explained` (`pca.PCA`), `pair_step, pair_shares, pair_circularity`
      (`circles.ComponentPairs`), `power` (`fourier.Spectra`), bool `key` (the key frequencies),
      `plane, plane_circularity, plane_share` (`fourier.Planes`), `neuron_frequency,
      neuron_share, neuron_phase, activation_power, logit_power`
      (`neurons.Neurons`), `neuron_ipr` (`token_spectrum.neuron_ratios`), `gini` and
      `participation` of the table. Attributes say in words what was looked at: `network`,
      `operation` (of a Run), `token_table`, `key_frequencies`, `order_of_tokens`.

      Key frequencies are those of the embedding (`fourier.is_key`), or of the neurons
      (`neurons.key_frequencies`) where the embedding has none, and always with one-hot inputs,
      whose token table holds the neurons' own weights. Where the network's module gives no
      activations or weights of its neurons, the variables on neurons and logits are missing, and
      the tables first, second and output are NaN.

    Raises:
      ValueError: parameters without their network; a Run whose members have several
        kinds of network (use `select`), members given with a Run, or a task whose examples are
        not all pairs of Z_P.
      ConfigError: a model or task of your own that has not been imported.
    """
    import xarray as xr

    params, network = params_and_network("survey", source, network)
    operations: list[str] = []
    if isinstance(source, Run):
        if members is not None:
            raise ValueError("survey: a Run numbers its members; leave out members, or use run.of")
        members = source.members.index.tolist()
        names = [source.sweep[m].values.get("operation") for m in members]
        operations = list(dict.fromkeys(name for name in names if name is not None))
    found = findings(params, network=network)
    # With one-hot inputs the token table holds the neurons' own weights.
    table = built_network(network).token_table
    assert table is not None  # else `findings` has refused it
    own_weights = table.parameter.rsplit("/", 1)[-1] != "embedding" and found.neurons is not None
    times = None if own_weights else fourier.key_times(found.pca.mean.shape[-1])
    times = times if key_times is None else key_times
    values = _values(found, network, times)
    count = len(found.gini)
    frequencies = np.arange(values["key"].shape[1] + 1)
    coordinates = {
        "member": np.arange(count) if members is None else list(members),
        "frequency": frequencies[1:],
        "table": list(fourier.Spectra._fields),
        "axis": ["cosine", "sine"],
    }
    if found.neurons is not None:
        coordinates |= {"frequency_a": frequencies, "frequency_b": frequencies, "slot": ["a", "b"]}
    data = {name: (("member", *DIMS[name]), values[name]) for name in DIMS if name in values}
    words = _words(network, operations, times, has_neurons=found.neurons is not None)
    return xr.Dataset(data, coordinates, words)


def _words(
    network: NetworkSettings, operations: list[str], times: float | None, has_neurons: bool
) -> dict[str, str]:
    """Say in words what was looked at, for the attributes of the Dataset."""
    kind = ", ".join(f"{name} {value}" for name, value in network.values.items())
    table = built_network(network).token_table
    title = "" if table is None else table.title
    key = "those of the hidden neurons, each of which has its own weights from every token"
    if times is not None:
        key = f"from {times:.3g} times an even share of the power of the {title}"
        if has_neurons:
            key += "; those of the hidden neurons where it has none"
    words = {
        "network": kind,
        "operation": ", ".join(operations),
        "token_table": title,
        "key_frequencies": key,
        "order_of_tokens": fourier.order_of_tokens(operations),
    }
    return {name: text for name, text in words.items() if text}


def _key(found: Findings, network: NetworkSettings, times: float | None) -> np.ndarray:
    """Return the key frequencies, bool `[M, K]`, by the measure that fits the network."""
    of_table = of_neurons = None
    if times is not None:
        of_table = fourier.is_key(np.asarray(found.spectra.embedding), times)
    if found.neurons is not None:
        frequency, share = np.asarray(found.neurons.frequency), np.asarray(found.neurons.share)
        of_neurons = key_frequencies(frequency, share, modulus_of("survey", network))
    if of_table is None or of_neurons is None:
        only = of_neurons if of_table is None else of_table
        assert only is not None
        return only
    return np.where(of_table.any(axis=1, keepdims=True), of_table, of_neurons)


def _values(found: Findings, network: NetworkSettings, times: float | None) -> dict[str, Any]:
    """Return the findings by the names that the Dataset has."""
    values = {
        "scores": found.pca.scores,
        "explained": found.pca.explained,
        "pair_step": found.pairs.step,
        "pair_shares": found.pairs.shares,
        "pair_circularity": found.pairs.circularity,
        "power": np.stack(found.spectra, axis=1),
        "key": _key(found, network, times),
        "plane": found.planes.points,
        "plane_circularity": found.planes.circularity,
        "plane_share": found.planes.share,
        "gini": found.gini,
        "participation": found.participation,
    }
    if found.neuron_ipr is not None:
        values["neuron_ipr"] = found.neuron_ipr
    if found.neurons is not None:
        values |= {
            "neuron_frequency": found.neurons.frequency,
            "neuron_share": found.neurons.share,
            "neuron_phase": found.neurons.phase,
            "activation_power": found.neurons.activations,
            "logit_power": found.neurons.logits,
        }
    return values
