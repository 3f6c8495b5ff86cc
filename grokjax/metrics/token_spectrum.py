"""Spectra of the token table and of the neurons' weights, where the tokens are those of Z_P.

Each member has them over the cyclic group that its operation makes of the tokens: for products mod
a prime over the nonzero tokens in the order of powers of a primitive root, whose frequencies are as
many. For operations without a cyclic group they are over the tokens in their own order.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from grokjax.metrics import spectrum
from grokjax.metrics.metric import Evaluation, Metric
from grokjax.models.network import Network, Params
from grokjax.settings.data_spec import DataSpec
from grokjax.tasks.token_group import TokenGroup, residues


def embedding_power(params: Params, evaluation: Evaluation) -> jax.Array:
    """Return the power of the token table at frequencies 1..K, `[K]`, K = P // 2."""
    assert evaluation.network.token_table is not None
    table = evaluation.network.token_table.read(params)
    return of_own_group(evaluation, lambda group: spectrum.power(in_order(table, group)))


def embedding_gini(params: Params, evaluation: Evaluation) -> jax.Array:
    """Return how unequally the amplitudes of the frequencies are distributed (Gini), `[]`."""
    return spectrum.gini(jnp.sqrt(embedding_power(params, evaluation)))


def neuron_ipr(params: Params, evaluation: Evaluation) -> jax.Array:
    """Return the mean over hidden neurons of their inverse participation ratios, `[]`.

    Doshi et al. 2023 measure one neuron at a time: the spectrum of a table adds up the neurons, so
    it is flat where each has a frequency of its own.
    """
    network, spec = evaluation.network, evaluation.spec
    assert network.neuron_weights is not None
    weights = network.neuron_weights(evaluation.packed, evaluation.table)
    return of_own_group(evaluation, lambda group: jnp.mean(neuron_ratios(weights, spec, group)))


def over_residues(weights: dict[str, jax.Array], spec: DataSpec) -> dict[str, jax.Array]:
    """Return the weights that have a row a residue, `[P, H]`, without rows of further tokens.

    Args:
      weights: by name, as from `neuron_weights`, a row a token or a class.
      spec: of the data, whose tokens 0..P-1 are Z_P.
    """
    sizes = (spec.modulus, spec.num_tokens)
    return {n: table[: spec.modulus] for n, table in weights.items() if len(table) in sizes}


def neuron_ratios(
    weights: dict[str, jax.Array], spec: DataSpec, group: TokenGroup | None = None
) -> jax.Array:
    """Return the inverse participation ratio of each hidden neuron, `[H]`.

    It is the mean over the neuron's weights from each token, as first and as second operand, and,
    where the answers are the P tokens, to each answer.

    Args:
      weights: `first` and `second` `[P, H]` and `output` `[C, H]`, as from `neuron_weights`.
      spec: of the data.
      group: a cyclic group of the tokens; None: the residues under addition.
    """
    tables = list(over_residues(weights, spec).values())
    tables = tables if group is None else [in_order(table, group) for table in tables]
    # One product for all tables is quicker than one for each.
    ratios = spectrum.inverse_participation(jnp.concatenate(tables, axis=1))
    return jnp.mean(ratios.reshape(len(tables), -1), axis=0)


def in_order(table: jax.Array, group: TokenGroup) -> jax.Array:
    """Return the rows of a table `[P, ...]` over the tokens in the group's order."""
    rows = group.rows_of(len(table))
    return table if rows is None else table[rows]


def of_own_group(evaluation: Evaluation, function: Callable[[TokenGroup], Any]) -> Any:
    """Return a function's arrays for the member's own group, of those in its program."""
    modulus = evaluation.spec.modulus
    assert modulus is not None
    groups = [g if g.is_cyclic else residues(modulus) for g in evaluation.groups]
    values = {group: function(group) for group in groups}
    if len(values) == 1:
        return values[groups[0]]
    row = jnp.array([list(values).index(group) for group in groups])[evaluation.variant]
    return jax.tree.map(lambda *each: jnp.stack(each)[row], *values.values())


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
