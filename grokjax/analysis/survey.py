"""The whole analysis of an ensemble in one call, labelled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from jax import Array
from jax import numpy as jnp

from grokjax import layout, models
from grokjax.analysis import circles, fourier, periodicity
from grokjax.analysis.concentration import gini, participation
from grokjax.analysis.members import Params, of_networks, params_and_network
from grokjax.analysis.neurons import Neurons, key_frequencies, neurons
from grokjax.analysis.pca import COMPONENTS, PCA, pca
from grokjax.config import Config
from grokjax.run import Run

if TYPE_CHECKING:
    from collections.abc import Sequence

    import xarray as xr


class Findings(NamedTuple):
    """Everything about one member; see where each is defined."""

    pca: PCA
    pairs: circles.Pairs
    spectra: fourier.Spectra
    planes: fourier.Planes
    neurons: Neurons
    neuron_ipr: Array  # [H]
    gini: Array  # []
    participation: Array  # []


@of_networks
def findings(params: dict[str, Any], network: Config) -> Findings:
    """Everything about one member, from its parameters and the settings of its network."""
    table = layout.table(params, network)
    components = pca.one(table, min(COMPONENTS, *table.shape))
    spectra = fourier.spectra.one(params, network)
    model = models.build(network)
    tokens = model.tokens(model.pack(params))
    return Findings(
        pca=components,
        pairs=circles.pairs.one(components.scores),
        spectra=spectra,
        planes=fourier.planes.one(table),
        neurons=neurons.one(params, network),
        neuron_ipr=periodicity.ratios(params, tokens, network).mean,
        gini=gini.one(jnp.sqrt(spectra.embedding)),
        participation=participation.one(spectra.embedding),
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
    network: Config | None = None,
) -> xr.Dataset:
    """What every member learnt: `survey(run)`, or `survey(run.params, network=run.network)`.

    Args:
      source: a Run whose members have one kind of network, or parameters with a leading
        axis M; NaN for a member that has none.
      members: numbers of the members where parameters are given; None: 0, 1, ...
      key_times: see `fourier.is_key`; None: as the table's width has it (`fourier.key_times`).
      network: the settings of the network where parameters are given, such as `run.network`.

    Returns:
      A Dataset with dims `member, token, component, pair, frequency, table, axis,
      neuron, slot, frequency_a, frequency_b`; P tokens, frequencies 1..P // 2
      (from 0 in a and b), tables embedding, first, second, output. Variables:
      `scores, explained` (`pca.PCA`), `pair_step, pair_shares, pair_circularity`
      (`circles.Pairs`), `power` (`fourier.Spectra`), bool `key` (the key frequencies),
      `plane, plane_circularity, plane_share` (`fourier.Planes`), `neuron_frequency,
      neuron_share, neuron_phase, activation_power, logit_power`
      (`neurons.Neurons`), `neuron_ipr` (`periodicity.Ratios.mean`), `gini` and
      `participation` of the table. Attributes say in words what was looked at: `network`,
      `operation` (of a Run), `token_table`, `key_frequencies`, `order_of_tokens`.

      Key frequencies are those of the embedding (`fourier.is_key`), or of the neurons
      (`neurons.key_frequencies`) where the embedding has none, and always with one-hot inputs,
      whose token table holds the neurons' own weights.

    Raises:
      ValueError: parameters without their network; a Run whose members have several
        kinds of network (use `select`), or members given with a Run.
    """
    import xarray as xr

    params, network = params_and_network("survey", source, network)
    operations: list[str] = []
    if isinstance(source, Run):
        if members is not None:
            raise ValueError("survey: a Run numbers its members; leave out members, or use run.of")
        members = source.members.index.tolist()
        operations = list(dict.fromkeys(source.sweep[m].operation for m in members))
    found = findings(params, network=network)
    times = fourier.key_times(network.embed_dim) if network.embed_dim else None
    times = times if key_times is None else key_times
    values = _values(found, network, times)
    count = len(found.gini)
    frequencies = np.arange(values["key"].shape[1] + 1)
    coordinates = {
        "member": np.arange(count) if members is None else list(members),
        "frequency": frequencies[1:],
        "frequency_a": frequencies,
        "frequency_b": frequencies,
        "table": list(fourier.Spectra._fields),
        "axis": ["cosine", "sine"],
        "slot": ["a", "b"],
    }
    data = {name: (("member", *DIMS[name]), values[name]) for name in DIMS}
    return xr.Dataset(data, coordinates, _words(network, operations, times))


def _words(network: Config, operations: list[str], times: float | None) -> dict[str, str]:
    """What was looked at, as attributes of the Dataset."""
    kind = ", ".join(f"{name} {getattr(network, name)}" for name in layout.NETWORK)
    table = layout.table_name(network)
    key = "those of the hidden neurons, each of which has its own weights from every token"
    if times is not None:
        key = (
            f"from {times:.3g} times an even share of the power of the {table}; "
            "those of the hidden neurons where it has none"
        )
    words = {
        "network": kind,
        "operation": ", ".join(operations),
        "token_table": table,
        "key_frequencies": key,
        "order_of_tokens": fourier.order_of_tokens(operations),
    }
    return {name: text for name, text in words.items() if text}


def _key(found: Findings, network: Config, times: float | None) -> np.ndarray:
    """Key frequencies, bool `[M, K]`, by the measure that fits the network."""
    frequency, share = np.asarray(found.neurons.frequency), np.asarray(found.neurons.share)
    of_neurons = key_frequencies(frequency, share, network.modulus)
    if times is None:
        return of_neurons
    of_table = fourier.is_key(np.asarray(found.spectra.embedding), times)
    return np.where(of_table.any(axis=1, keepdims=True), of_table, of_neurons)


def _values(found: Findings, network: Config, times: float | None) -> dict[str, Any]:
    """By the names that the Dataset has."""
    return {
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
        "neuron_frequency": found.neurons.frequency,
        "neuron_share": found.neurons.share,
        "neuron_phase": found.neurons.phase,
        "neuron_ipr": found.neuron_ipr,
        "activation_power": found.neurons.activations,
        "logit_power": found.neurons.logits,
        "gini": found.gini,
        "participation": found.participation,
    }
