"""Principal components of the embedding, as in scienceetonnante/grokking.

That notebook fits 12 components on the centred embedding of the last epoch and projects the
embeddings of earlier epochs on them.
"""

from __future__ import annotations

from jax import Array

from grokjax.analysis.over_members import over_members
from grokjax.metrics.principal_components import COMPONENTS, PCA, principal_components
from grokjax.runtime.arguments import integer_at_least, takes

__all__ = ["COMPONENTS", "PCA", "pca", "project"]


@over_members
@takes(embedding="P D", components=integer_at_least(1))
def pca(embedding: Array, components: int = COMPONENTS) -> PCA:
    """Principal components of an embedding, see `principal_components`.

    Args:
      embedding: float `[P, D]` of a member; `[M, P, D]` for all members.
      components: C, by keyword; at most min(P, D) are returned.
    """
    return principal_components(embedding, components)


@over_members
@takes(snapshots="T P D", fit=PCA)
def project(snapshots: Array, fit: PCA) -> Array:
    """Scores `[T, P, C]` of snapshots `[T, P, D]` on components fitted on another embedding.

    The mean of the fit is subtracted, as in the notebook's animation.
    """
    return (snapshots - fit.mean[None, None]) @ fit.components.T
