"""The whole analysis of an ensemble in one call, labelled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from jax import Array
from jax import numpy as jnp

from grokjax import layout
from grokjax.analysis import circles, fourier
from grokjax.analysis.concentration import gini, participation
from grokjax.analysis.members import over_members
from grokjax.analysis.neurons import Neurons, neurons
from grokjax.analysis.pca import COMPONENTS, PCA, pca
from grokjax.config import Config

if TYPE_CHECKING:
    from collections.abc import Sequence

    import xarray as xr


class Findings(NamedTuple):
    """All of one member; see where each is defined."""

    pca: PCA
    pairs: circles.Pairs
    spectra: fourier.Spectra
    planes: fourier.Planes
    neurons: Neurons
    gini: Array  # []
    participation: Array  # []


@over_members
def findings(params: dict[str, Any], network: Config | None = None) -> Findings:
    """Everything about one member, from its parameters (see `layout.inferred`)."""
    network = network or layout.inferred(params)
    embedding = layout.table(params, network.modulus)
    components = pca.one(embedding, min(COMPONENTS, *embedding.shape))
    spectra = fourier.spectra.one(params, network)
    return Findings(
        pca=components,
        pairs=circles.pairs.one(components.scores),
        spectra=spectra,
        planes=fourier.planes.one(embedding),
        neurons=neurons.one(params, network),
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
    "activation_power": ("frequency_a", "frequency_b"),
    "logit_power": ("frequency_a", "frequency_b"),
    "gini": (),
    "participation": (),
}


def survey(
    params: dict[str, Any],
    members: Sequence[int] | None = None,
    key_times: float = fourier.KEY_TIMES,
    network: Config | None = None,
) -> xr.Dataset:
    """What every member learnt.

    Args:
      params: as `Run.params`, leading axis M; NaN for a member that has none.
      members: their numbers, as in `Run.members`; None: 0, 1, ...
      key_times: see `fourier.is_key`.
      network: what they are parameters of, as `Run.network`; None: of the notebook's kind.

    Returns:
      A Dataset with dims `member, token, component, pair, frequency, table, axis,
      neuron, slot, frequency_a, frequency_b`; P tokens, frequencies 1..P // 2
      (from 0 in a and b), tables embedding, first, second, output. Variables:
      `scores, explained` (`pca.PCA`), `pair_step, pair_shares, pair_circularity`
      (`circles.Pairs`), `power`, bool `key` (`fourier.is_key` of the embedding),
      `plane, plane_circularity, plane_share` (`fourier.Planes`), `neuron_frequency,
      neuron_share, neuron_phase, activation_power, logit_power`
      (`neurons.Neurons`), `gini` and `participation` of the embedding.
    """
    import xarray as xr

    found = findings(params, network=network)
    values = _values(found, key_times)
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
    return xr.Dataset(data, coordinates)


def _values(found: Findings, key_times: float) -> dict[str, Any]:
    """By the names that the Dataset has."""
    return {
        "scores": found.pca.scores,
        "explained": found.pca.explained,
        "pair_step": found.pairs.step,
        "pair_shares": found.pairs.shares,
        "pair_circularity": found.pairs.circularity,
        "power": np.stack(found.spectra, axis=1),
        "key": fourier.is_key(np.asarray(found.spectra.embedding), key_times),
        "plane": found.planes.points,
        "plane_circularity": found.planes.circularity,
        "plane_share": found.planes.share,
        "neuron_frequency": found.neurons.frequency,
        "neuron_share": found.neurons.share,
        "neuron_phase": found.neurons.phase,
        "activation_power": found.neurons.activations,
        "logit_power": found.neurons.logits,
        "gini": found.gini,
        "participation": found.participation,
    }
