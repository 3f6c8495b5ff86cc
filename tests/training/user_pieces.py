"""A task, a network, an update rule and two metrics as a user would write them in a file."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

import grokjax
from grokjax import Config, Dataset
from tests.conftest import TINY


@grokjax.task
def largest(size: int = 7) -> Dataset:
    """The task max(a, b)."""
    pairs = np.stack(np.divmod(np.arange(size**2), size), axis=1)
    return Dataset(inputs=pairs, targets=pairs.max(axis=1), num_classes=size, num_tokens=size)


@grokjax.model
class Skipping(nnx.Module):
    """Self-attention over both tokens, then two layers with a skip connection.

    The last token has no row in the table. XLA rounds the divisions of a softmax differently on one
    device than on several, unless `CPU_OPTIONS` forbid it.
    """

    def __init__(self, num_tokens: int, num_classes: int, width: int = 6, *, rngs: nnx.Rngs):
        self.table = nnx.Embed(num_tokens, width, rngs=rngs)
        self.query, self.key, self.value = (nnx.Linear(width, width, rngs=rngs) for _ in range(3))
        self.layers = nnx.List([nnx.Linear(2 * width, 2 * width, rngs=rngs) for _ in range(2)])
        self.norm = nnx.LayerNorm(2 * width, rngs=rngs)
        self.readout = nnx.Linear(2 * width, num_classes, rngs=rngs)

    def __call__(self, inputs: jax.Array) -> jax.Array:
        x = self.table(inputs)  # [B, 2, D]
        scores = jnp.einsum("btd,bsd->bts", self.query(x), self.key(x))
        x = x + jax.nn.softmax(scores / jnp.sqrt(x.shape[-1])) @ self.value(x)
        x = x.reshape(len(inputs), -1)
        x = nnx.relu(self.layers[0](x))
        return self.readout(self.norm(x + nnx.relu(self.layers[1](x))))


@grokjax.rule
def sign_descent(learning_rate: Any, weight_decay: Any, mask: Any = None, inertia: float = 0.9):
    """Move by the softened sign of the momentum: a complete rule with decay of its own."""
    return optax.chain(
        optax.trace(inertia),
        optax.stateless(lambda updates, _: jax.tree.map(jnp.tanh, updates)),
        optax.add_decayed_weights(weight_decay, mask),
        optax.scale_by_learning_rate(learning_rate),
    )


@grokjax.metric
def largest_weight(params: Any) -> jax.Array:
    return jnp.stack([jnp.abs(leaf).max() for leaf in jax.tree.leaves(params)]).max()


@grokjax.metric(dims=("percentile",))
def margins(params: Any, evaluation: Any) -> jax.Array:
    """Return the quartiles of the largest logit minus the mean logit."""
    logits = evaluation.logits()
    return jnp.percentile(logits.max(axis=1) - logits.mean(axis=1), jnp.array([25.0, 50.0, 75.0]))


METRICS = (largest_weight, margins)

NOT_OF_THE_MLP = {"modulus", "embed_dim", "hidden_dim"}


def own_config(**settings: Any) -> Config:
    """Return the small configuration of the tests with these pieces in place of the built-in."""
    common = {name: value for name, value in TINY.items() if name not in NOT_OF_THE_MLP}
    pieces = {"task": largest, "model": Skipping, "optimizer": sign_descent}
    return Config(**pieces, **common | settings)
