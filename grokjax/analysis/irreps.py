"""Power of tables over the elements of S5 in each irreducible representation.

A function on a finite group is a sum of one part for each irreducible representation, which takes
the place of a frequency (Chughtai, Chan & Nanda 2023; Diaconis 1988, Ch. 2). The part is found by
the projector (d / |G|) sum_g chi(g**-1) rho(g), from the dimension d and the character chi.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from grokjax.analysis.groups import modulus_of
from grokjax.analysis.over_members import (
    MemberNetwork,
    built_network,
    of_networks,
    over_members,
)
from grokjax.metrics.token_spectrum import over_residues
from grokjax.runtime.arguments import takes
from grokjax.tasks import symmetric_group
from grokjax.tasks.token_group import TokenGroup, permutations_of_five

NAMES = tuple(f"({','.join(map(str, each))})" for each in symmetric_group.PARTITIONS)
"""Names of the representations by partition: (5) is trivial, (1,1,1,1,1) the sign."""


class IrrepPower(NamedTuple):
    """Power of every table over S5 in the seven representations, in the order of `NAMES`.

    The sum is the squared Frobenius norm (Parseval). The last three are NaN where the network's
    module does not say what its neurons weigh, `output` also where the answers are not 120.
    """

    embedding: Array
    """`[7]`, of the token table."""
    first: Array
    """`[7]`, what a token as first operand brings to the first hidden layer."""
    second: Array
    """`[7]`, and as second operand."""
    output: Array  # [7], of the output weights over the classes


def dimensions() -> np.ndarray:
    """Return the dimensions of the representations, int `[7]`: 1, 4, 5, 6, 5, 4, 1."""
    return symmetric_group.characters()[:, -1]


def chance() -> np.ndarray:
    """Return the share of the power of a random table in each representation, `[7]`: d**2 / 120."""
    return dimensions() ** 2 / symmetric_group.SIZE


@over_members
@takes(table="P D")
def power(table: Array) -> Array:
    """Power of a table over S5 in each representation, `[120, D]` -> `[7]`."""
    parts = jnp.asarray(symmetric_group.projectors(), float) @ table  # [7, 120, D]
    return jnp.sum(parts**2, axis=(1, 2))


@of_networks
def irrep_power(
    params: dict[str, Any], network: MemberNetwork, group: TokenGroup | None = None
) -> IrrepPower:
    """Compute the power of one member's tables in the irreducible representations of S5.

    Args:
      params: of one member; `irrep_power(run)` is of all.
      network: the settings of its network, such as `run.network`.
      group: that the tokens form; it must be S5, as for the operations s5, s5-conjugate and
        s5-aba.

    Raises ValueError for another group, or a network without a token table.
    """
    modulus_of("irrep_power", network)
    model = built_network(network)
    if group != permutations_of_five():
        found = "no group" if group is None else group.name
        raise ValueError(f"irrep_power: the tokens must form S5, got {found}")
    if model.token_table is None:
        raise ValueError("irrep_power: the network has no table of tokens")
    embedding = power.one(model.token_table.read(params))
    packed = model.pack(params)
    weights = model.neuron_weights
    tables = {} if weights is None else weights(packed, model.precompute(packed))
    elements = over_residues(tables, network.spec)
    known = {name: power.one(table) for name, table in elements.items()}
    unknown = jnp.full_like(embedding, jnp.nan)
    return IrrepPower(embedding, *(known.get(n, unknown) for n in ("first", "second", "output")))
