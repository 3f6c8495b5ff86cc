"""Principal components of one member's embedding."""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

COMPONENTS = 12
"""Components that scienceetonnante/grokking fits: six pairs."""


class PCA(NamedTuple):
    """C components of an embedding `[P, D]` by decreasing variance; `pca` stacks M members."""

    mean: Array
    """`[D]`, over the tokens."""
    components: Array  # [C, D], orthonormal rows
    explained: Array
    """`[C]`, share of the variance."""
    scores: Array
    """`[P, C]`, coordinates of the centred tokens."""


def principal_components(embedding: Array, components: int = COMPONENTS) -> PCA:
    """Principal components of an embedding, by singular value decomposition.

    Args:
      embedding: float `[P, D]`.
      components: C; at most min(P, D) are returned.

    Returns:
      `PCA`. Signs are chosen so that the largest entry of each component is positive.
    """
    mean = embedding.mean(axis=0)
    tokens, scale, rows = jnp.linalg.svd(embedding - mean[None], full_matrices=False)
    largest = jnp.take_along_axis(rows, jnp.abs(rows).argmax(axis=1)[:, None], axis=1)[:, 0]
    sign = jnp.where(largest < 0, -1.0, 1.0)[:components]
    return PCA(
        mean=mean,
        components=rows[:components] * sign[:, None],
        explained=(scale**2 / jnp.sum(scale**2))[:components],
        scores=tokens[:, :components] * (scale[:components] * sign)[None],
    )
