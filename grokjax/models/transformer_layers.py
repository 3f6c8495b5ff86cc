"""The layers of the transformer and the distributions of their initial weights.

| name | embedding | position | query, key, value, output | mlp/in | mlp/out | unembed |
|---|---|---|---|---|---|---|
| nanda | N(0, 1/D) | N(0, 1/D) | N(0, 1/D) | N(0, 1/D) | N(0, 1/D) | N(0, 1/C) |
| zhong | N(0, 1/D) | N(0, 1/D) | N(0, 1/D) | N(0, 1/F) | N(0, 1/D) | N(0, 1/C) |
| torch | N(0, 1) | N(0, 1) | U(±1/√in) | U(±1/√in) | U(±1/√in) | U(±1/√in) |

Nanda et al. 2023 and Zhong et al. 2023 as their published codes have them; torch's `Embedding` and
`Linear`, as openai/grok uses them. Biases are 0. Letters: B batch, S positions, D width of the
residual stream, F width of the MLP, C classes.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.nn.initializers import normal

from grokjax.models.initializers import Init, symmetric_uniform
from grokjax.models.mlp_network import ACTIVATIONS
from grokjax.models.token_ops import product
from grokjax.models.transformer import Transformer


def initializer(settings: Transformer, name: str, fan_in: int, scale: int) -> Init:
    """Return the initialiser of an array.

    Args:
      settings: of the network.
      name: of the array, as in the table above.
      fan_in: its inputs.
      scale: the size whose inverse is the variance, outside of `torch`.
    """
    if settings.initializer == "torch":
        embeds = name in ("embedding", "position")
        return normal(1.0) if embeds else symmetric_uniform(1 / math.sqrt(fan_in))
    if settings.initializer == "zhong" and name == "mlp/in":
        scale = settings.mlp_width
    return normal(1 / math.sqrt(scale))


def param(init: Init, shape: tuple[int, ...], rngs: nnx.Rngs) -> nnx.Param:
    """Return a parameter drawn from a distribution."""
    return nnx.Param(init(rngs.params(), shape, jnp.float32))


class Embedding(nnx.Module):
    """Vectors of tokens and, where they are learned, of positions."""

    def __init__(self, settings: Transformer, tokens: int, length: int, rngs: nnx.Rngs) -> None:
        width = settings.embed_dim
        self._settings, self._length = settings, length
        shape = (tokens, width)
        self.embedding = param(initializer(settings, "embedding", width, width), shape, rngs)
        if settings.positions == "learned":
            init = initializer(settings, "position", width, width)
            self.position = param(init, (length, width), rngs)

    def of_positions(self) -> jax.Array:
        """Return what is added at each position, `[S, D]`."""
        shape = self._length, self._settings.embed_dim
        if self._settings.positions == "learned":
            return self.position[...]
        if self._settings.positions == "sinusoidal":
            return jnp.asarray(sinusoids(*shape))
        return jnp.zeros(shape)


def sinusoids(length: int, width: int) -> np.ndarray:
    """Return the fixed positions of Vaswani et al. 2017 (Sec. 3.5), float32 `[S, D]`."""
    even = np.arange(0, width, 2)
    angles = np.arange(length)[:, None] / 10_000 ** (even / width)
    table = np.zeros((length, width), np.float32)
    table[:, 0::2], table[:, 1::2] = np.sin(angles), np.cos(angles[:, : width // 2])
    return table


class Attention(nnx.Module):
    """Queries, keys and values `[heads, D, head_dim]`, and output `[heads, head_dim, D]`."""

    def __init__(self, settings: Transformer, rngs: nnx.Rngs) -> None:
        self._settings = settings
        heads, width, inner = settings.heads, settings.embed_dim, settings.head_width

        def made(name: str, fan_in: int, *shape: int) -> nnx.Param:
            return param(initializer(settings, name, fan_in, width), (heads, *shape), rngs)

        self.query = made("query", width, width, inner)
        self.key = made("key", width, width, inner)
        self.value = made("value", width, width, inner)
        self.output = made("output", heads * inner, inner, width)

    def __call__(self, x: jax.Array, rate: jax.Array, last: bool) -> jax.Array:
        """Return what all heads write to the residual stream, `[B, S, D]`.

        Args:
          x: `[B, S, D]`.
          rate: the attention rate.
          last: whether only the last position is asked for, `[B, 1, D]`.
        """
        settings, length = self._settings, x.shape[1]
        asking = x[:, -1:] if last else x
        query, key, value = (
            jnp.einsum("bsd,hdk->bhsk", source, kernel[...])
            for source, kernel in ((asking, self.query), (x, self.key), (x, self.value))
        )
        scores = jnp.einsum("bhqk,bhsk->bhqs", query, key) / math.sqrt(settings.head_width)
        allowed = np.ones((asking.shape[1], length), bool)
        if settings.causal:
            allowed = np.tri(length, dtype=bool)[-asking.shape[1] :]
        allowed = jnp.asarray(allowed)[None, None]
        weights = mixed(jax.nn.softmax(scores, axis=-1, where=allowed), rate) * allowed
        heads = jnp.einsum("bhqs,bhsk->bqhk", weights, value)
        return jnp.einsum("bqhk,hkd->bqd", heads, self.output[...])


def mixed(weights: jax.Array, rate: jax.Array) -> jax.Array:
    """Return r w + (1 - r) of attention weights w of any shape (Zhong et al. 2023)."""
    return rate * weights + (1 - rate)


class Linear(nnx.Module):
    """A kernel `[inputs, outputs]` and, where asked for, a bias."""

    def __init__(self, init: Init, inputs: int, outputs: int, biases: bool, rngs: nnx.Rngs) -> None:
        self._biases = biases
        self.kernel = param(init, (inputs, outputs), rngs)
        if biases:
            self.bias = nnx.Param(jnp.zeros(outputs))

    def offset(self) -> jax.Array:
        """Return the bias, or 0."""
        return self.bias[...] if self._biases else jnp.zeros(self.kernel.shape[1])

    def __call__(self, x: jax.Array) -> jax.Array:
        """Return `x @ kernel + bias` for `[..., inputs]`."""
        rows = product(x.reshape(-1, x.shape[-1]), self.kernel[...])
        return (rows + self.offset()[None]).reshape(*x.shape[:-1], -1)


class FeedForward(nnx.Module):
    """The MLP of a block; its layers are named `in` and `out`."""

    def __init__(self, settings: Transformer, rngs: nnx.Rngs) -> None:
        width, inner, biases = settings.embed_dim, settings.mlp_width, settings.mlp_biases
        self.activation: Callable[[jax.Array], jax.Array] = ACTIVATIONS[settings.activation]
        into = initializer(settings, "mlp/in", width, width)
        setattr(self, "in", Linear(into, width, inner, biases, rngs))
        self.out = Linear(
            initializer(settings, "mlp/out", inner, width), inner, width, biases, rngs
        )

    @property
    def into(self) -> Linear:
        """The layer `in`, whose name Python reserves."""
        return getattr(self, "in")

    def hidden(self, x: jax.Array) -> jax.Array:
        """Return the activations, `[..., F]`."""
        return self.activation(self.into(x))
