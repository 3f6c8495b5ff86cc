"""Principal components of the embedding, as the notebook draws them.

scienceetonnante/grokking fits 12 components on the centred embedding of the
last epoch and projects earlier ones on them.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

from grokjax.analysis.members import over_members
from grokjax.arguments import takes, whole

COMPONENTS = 12
"""What the notebook takes: six pairs."""


class PCA(NamedTuple):
    """Of one embedding `[P, D]`, C components by falling variance; with a leading axis M of all."""

    mean: Array  # [D], of the tokens
    components: Array  # [C, D], orthonormal rows
    explained: Array  # [C], share of the variance
    scores: Array  # [P, C], of the centred tokens


@over_members
@takes(embedding="P D", components=whole(1))
def pca(embedding: Array, components: int = COMPONENTS) -> PCA:
    """Principal components of an embedding.

    Args:
      embedding: float `[P, D]` of a member; all of them together `[M, P, D]`.
      components: C, by keyword; there are min(P, D) of them at most.

    Returns:
      `PCA`. A component's sign is such that its largest entry is positive.
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
@takes(snapshots="T P D", onto=PCA)
def project(snapshots: Array, onto: PCA) -> Array:
    """Scores `[T, P, C]` of snapshots `[T, P, D]` on components fitted elsewhere.

    Centred with the mean of the fit, as the notebook's animation does.
    """
    return (snapshots - onto.mean[None, None]) @ onto.components.T
