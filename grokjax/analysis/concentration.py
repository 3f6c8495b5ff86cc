"""How few frequencies hold the power: measures of concentration."""

from __future__ import annotations

from jax import Array
from jax import numpy as jnp

from grokjax.analysis.members import over_members
from grokjax.arguments import takes


@over_members
@takes(values="n")
def gini(values: Array) -> Array:
    """Gini coefficient of non-negative values, `[n]` -> `[]`: 0 if equal, 1 - 1/n if one has all.

    sum_i (2 i - n - 1) v_i / (n sum v), v ascending (Hurley & Rickard 2009).
    Nanda et al. 2023 (Sec. 5) take it of the norms of Fourier components; here
    `embedding_gini` is that of the square roots of `embedding_power`, so sine and
    cosine of a frequency count as one and the mean over tokens is left out. Of an
    embedding that is 0, or too small for its squares, it is 0: all are equal.
    """
    n = values.shape[0]
    rank = 2.0 * jnp.arange(1, n + 1) - n - 1
    ascending = jnp.sort(values)
    total = n * jnp.sum(ascending)  # the small ones first, so that they are not rounded away
    return jnp.sum(rank * ascending) / jnp.where(total == 0, 1.0, total)


@over_members
@takes(power="K")
def participation(power: Array) -> Array:
    """Inverse participation ratio of a spectrum, `[K]` -> `[]`: sum of squared shares.

    1 if one frequency holds all, 1/K if all hold the same; its inverse is about
    the number of frequencies in use (Doshi et al. 2023, with r = 2).
    """
    return jnp.sum((power / jnp.sum(power)) ** 2)
