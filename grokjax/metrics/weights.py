"""Norms of the weights: of all, and of each layer."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import optax

from grokjax.metrics.metric import Evaluation, Metric
from grokjax.models.network import Params


def layer_norms(params: Params, evaluation: Evaluation | None = None) -> jax.Array:
    """Return the norm of each layer's parameters, `[layers]`, layers in alphabetical order."""
    return jnp.stack([optax.tree.norm(params[layer]) for layer in sorted(params)])


def weight_norm(params: Params, evaluation: Evaluation) -> jax.Array:
    """Return the norm of all parameters together, `[]`."""
    return jnp.sqrt(jnp.sum(layer_norms(params) ** 2))


METRICS = (
    Metric("weight_norm", weight_norm),
    Metric(
        "layer_norm",
        layer_norms,
        ("layer",),
        lambda network, spec: {"layer": sorted(network.abstract)},
    ),
)
