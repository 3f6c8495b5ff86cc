"""Principal components of the embedding, as in scienceetonnante/grokking.

That notebook fits 12 components on the centred embedding of the last epoch and projects the
embeddings of earlier epochs on them.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

from grokjax.analysis.over_members import over_members
from grokjax.runtime.arguments import integer_at_least, takes

COMPONENTS = 12
"""Components that the notebook fits: six pairs."""


class PCA(NamedTuple):
    """C components of an embedding `[P, D]` by decreasing variance; `pca` stacks M members."""

    mean: Array  # [D], over the tokens
    components: Array  # [C, D], orthonormal rows
    explained: Array  # [C], share of the variance
    scores: Array  # [P, C], coordinates of the centred tokens


@over_members
@takes(embedding="P D", components=integer_at_least(1))
def pca(embedding: Array, components: int = COMPONENTS) -> PCA:
    """Principal components of an embedding, by singular value decomposition.

    Args:
      embedding: float `[P, D]` of a member; `[M, P, D]` for all members.
      components: C, by keyword; at most min(P, D) are returned.

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


@over_members
@takes(snapshots="T P D", fit=PCA)
def project(snapshots: Array, fit: PCA) -> Array:
    """Scores `[T, P, C]` of snapshots `[T, P, D]` on components fitted on another embedding.

    The mean of the fit is subtracted, as in the notebook's animation.
    """
    return (snapshots - fit.mean[None, None]) @ fit.components.T
