"""Norms of the weight matrices alone, and the effective rank of the embedding."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from grokjax.metrics.metric import Evaluation, Metric
from grokjax.models.network import Params
from grokjax.optim.optimizer import decayed


def layer_matrix_norms(params: Params, evaluation: Evaluation | None = None) -> jax.Array:
    """Return the norm of each layer's matrices, `[layers]`, layers in alphabetical order.

    Matrices are the arrays that decay with `weight_decay_on="no-biases"`: embeddings and kernels.
    A layer without any has norm 0.
    """
    counted = jax.tree.map(
        lambda array, is_matrix: jnp.sum(array**2) if is_matrix else jnp.float32(0),
        params,
        decayed(params, "no-biases"),
    )
    squares = [sum(jax.tree.leaves(counted[layer])) for layer in sorted(params)]
    return jnp.sqrt(jnp.stack(squares))


def matrix_norm(params: Params, evaluation: Evaluation | None = None) -> jax.Array:
    """Return the norm of all weight matrices together, `[]`."""
    return jnp.sqrt(jnp.sum(layer_matrix_norms(params) ** 2))


def effective_rank(table: jax.Array) -> jax.Array:
    """Return exp of the entropy of the singular values of a table `[P, D]`, from 1 to min(P, D).

    They are divided by their sum.

    Roy & Vetterli 2007. It differs from `representation.spectrum_dimension`, which takes the shares
    of the variance (squares) of the centred table.
    """
    scale = jnp.linalg.svd(table, compute_uv=False)
    share = scale / jnp.sum(scale)
    return jnp.exp(-jnp.sum(jnp.where(share > 0, share * jnp.log(share), 0.0)))


def _embedding_rank(params: Params, evaluation: Evaluation) -> jax.Array:
    assert evaluation.network.token_table is not None
    return effective_rank(evaluation.network.token_table.read(params))


METRICS = (
    Metric("matrix_norm", matrix_norm),
    Metric(
        "layer_matrix_norm",
        layer_matrix_norms,
        ("layer",),
        lambda network, spec: {"layer": sorted(network.abstract)},
    ),
    Metric(
        "embedding_effective_rank",
        _embedding_rank,
        applies=lambda network, spec: network.token_table is not None,
    ),
)
