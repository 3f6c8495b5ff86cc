"""Spectra of the token table and of the neurons' weights, where the tokens are those of Z_P."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from grokjax.metrics import spectrum
from grokjax.metrics.metric import Evaluation, Metric
from grokjax.models.network import Network, Params
from grokjax.settings.data_spec import DataSpec


def embedding_power(params: Params, evaluation: Evaluation) -> jax.Array:
    """Return the power of the token table at frequencies 1..P // 2."""
    assert evaluation.network.token_table is not None
    return spectrum.power(evaluation.network.token_table.read(params))


def embedding_gini(params: Params, evaluation: Evaluation) -> jax.Array:
    """Return how unequally the amplitudes of the frequencies are distributed (Gini)."""
    return spectrum.gini(jnp.sqrt(embedding_power(params, evaluation)))


def neuron_ipr(params: Params, evaluation: Evaluation) -> jax.Array:
    """Return the mean over hidden neurons of their inverse participation ratios.

    Doshi et al. 2023 measure one neuron at a time: the spectrum of a table adds up the neurons, so
    it is flat where each has a frequency of its own.
    """
    network = evaluation.network
    assert network.neuron_weights is not None
    weights = network.neuron_weights(evaluation.packed, evaluation.table)
    return jnp.mean(neuron_ratios(weights, evaluation.spec))


def over_residues(weights: dict[str, jax.Array], spec: DataSpec) -> dict[str, jax.Array]:
    """Return the weights that have a row a residue, `[P, H]`, without rows of further tokens.

    Args:
      weights: by name, as from `neuron_weights`, a row a token or a class.
      spec: of the data, whose tokens 0..P-1 are Z_P.
    """
    sizes = (spec.modulus, spec.num_tokens)
    return {n: table[: spec.modulus] for n, table in weights.items() if len(table) in sizes}


def neuron_ratios(weights: dict[str, jax.Array], spec: DataSpec) -> jax.Array:
    """Return the inverse participation ratio of each hidden neuron, `[H]`.

    It is the mean over the neuron's weights from each token, as first and as second operand, and,
    where the answers are the P tokens, to each answer.

    Args:
      weights: `first` and `second` `[P, H]` and `output` `[C, H]`, as from `neuron_weights`.
      spec: of the data.
    """
    tables = list(over_residues(weights, spec).values())
    # One product for all tables is quicker than one for each.
    ratios = spectrum.inverse_participation(jnp.concatenate(tables, axis=1))
    return jnp.mean(ratios.reshape(len(tables), -1), axis=0)


def _has_table(network: Network, spec: DataSpec) -> bool:
    return spec.modulus is not None and network.token_table is not None


def _has_neurons(network: Network, spec: DataSpec) -> bool:
    return spec.modulus is not None and network.neuron_weights is not None


def frequency_labels(network: Network, spec: DataSpec) -> dict[str, list[int]]:
    """Return the frequencies 1..P // 2, as labels of the dimension `frequency`."""
    assert spec.modulus is not None
    return {"frequency": list(range(1, spec.modulus // 2 + 1))}


METRICS = (
    Metric("embedding_power", embedding_power, ("frequency",), frequency_labels, _has_table),
    Metric("embedding_gini", embedding_gini, applies=_has_table),
    Metric("neuron_ipr", neuron_ipr, applies=_has_neurons),
)
