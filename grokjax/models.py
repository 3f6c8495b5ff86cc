"""Networks as two pure functions on a plain dict of arrays.

The only file that imports flax. An NNX module is defined, split once into
graph and parameters, and crossed into `Model(init, apply)`; all transforms
outside are `jax.*`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from grokjax import initializers, layout
from grokjax.config import Config
from grokjax.layers import lookup, product

Params = dict[str, Any]
"""Nested dict of float32 arrays, as `grokjax.layout` names and shapes them."""

Tokens = jax.Array
"""What a model computes of every token: float32 `[P, 2H]`, for each slot what it
brings to the first hidden layer, or `[P, H]` where that is the same for both."""


@dataclass(frozen=True)
class Model:
    """One network, for one member.

    init: typed key -> Params.
    apply: (Params, pairs int32 `[N, 2]`) -> logits float32 `[N, C]`.
    hidden: (Params, pairs) -> the last hidden layer, float32 `[N, H]`.

    Training takes it in parts. There are only P tokens, so what depends on one
    alone is computed once for each and looked up by the rows:

    pack, unpack: Params to the layout in which they train, and back. They move
        numbers and compute nothing, so gradients and moments go the same way.
    tokens: packed Params -> Tokens.
    logits, activations: (packed Params, Tokens, pairs) -> logits, last hidden layer.
    """

    init: Callable[[jax.Array], Params]
    pack: Callable[[Params], Params]
    unpack: Callable[[Params], Params]
    tokens: Callable[[Params], Tokens]
    logits: Callable[[Params, Tokens, jax.Array], jax.Array]
    activations: Callable[[Params, Tokens, jax.Array], jax.Array]

    def apply(self, params: Params, pairs: jax.Array) -> jax.Array:
        packed = self.pack(params)
        return self.logits(packed, self.tokens(packed), pairs)

    def hidden(self, params: Params, pairs: jax.Array) -> jax.Array:
        packed = self.pack(params)
        return self.activations(packed, self.tokens(packed), pairs)


ACTIVATIONS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "relu": jax.nn.relu,
    "gelu": lambda x: jax.nn.gelu(x, approximate=False),  # as torch's
    "tanh": jnp.tanh,
    "square": jnp.square,
}


class Bias(nnx.Module):
    """What is left of an output layer whose kernel is the embedding."""

    def __init__(self, init: initializers.Init, size: int, rngs: nnx.Rngs) -> None:
        self.bias = nnx.Param(init(rngs.params(), (size,), jnp.float32))


class MLP(nnx.Module):
    """The family: two tokens, embedded or one-hot, then 1 to 3 hidden layers, logits.

    Settings and not subclasses say which one (`grokjax.config`). The notebook's
    computes `relu(concat(E[a], E[b]) @ W1 + b1) @ W2 + b2`. The first layer is
    factored in all of them: there are only P tokens, so each is projected once,
    `(E @ W1a)[a] + (E @ W1b)[b]`; with one-hot inputs its weights are looked up
    themselves. Same parameters, same function (a test holds it to the literal
    form), a third of the work in full batch. It is called with packed parameters.
    """

    def __init__(self, config: Config, *, rngs: nnx.Rngs) -> None:
        self._config = config
        tokens, width, hidden = config.modulus, config.embed_dim, config.hidden_dim

        def linear(inputs: int, outputs: int, last: bool = False) -> nnx.Linear:
            return nnx.Linear(
                inputs,
                outputs,
                use_bias=config.biases,
                kernel_init=initializers.kernel(config, inputs, outputs, last),
                bias_init=initializers.bias(config, inputs, last),
                rngs=rngs,
            )

        if width:
            init = initializers.embedding(config)
            self.embed = nnx.Embed(tokens, width, embedding_init=init, rngs=rngs)
            if config.embeddings == "separate":
                self.embed_second = nnx.Embed(tokens, width, embedding_init=init, rngs=rngs)
        self.hidden = linear(layout.first_inputs(config), hidden)
        for name in layout.hidden_names(config)[1:]:
            setattr(self, name, linear(hidden, hidden))
        for name in layout.norm_names(config):
            norm = nnx.LayerNorm(hidden, epsilon=1e-5, use_fast_variance=False, rngs=rngs)
            setattr(self, name, norm)
        if not config.tied:
            self.output = linear(hidden, config.num_classes, last=True)
        elif config.biases:
            self.output = Bias(initializers.bias(config, hidden, True), config.num_classes, rngs)

    def tokens(self) -> jax.Array:
        """Every token through the first layer, for both slots."""
        kernel = self.hidden.kernel[...]  # [D or P, 2H], or [.., H] of a sum
        if self._config.embed_dim == 0:
            return kernel
        embedding = self.embed.embedding[...]
        if self._config.embeddings == "shared":
            return product(embedding, kernel)
        summed = self._config.combine == "sum"
        first, second = (kernel, kernel) if summed else jnp.split(kernel, 2, axis=1)
        return jnp.concatenate(
            [product(embedding, first), product(self.embed_second.embedding[...], second)], axis=1
        )

    def activations(self, tokens: jax.Array, pairs: jax.Array) -> jax.Array:
        """The last hidden layer, `[N, H]`."""
        config, act = self._config, ACTIVATIONS[self._config.activation]
        same = tokens.shape[1] == config.hidden_dim
        first, second = (tokens, tokens) if same else jnp.split(tokens, 2, axis=1)  # [P, H] each
        x = lookup(first, pairs[:, 0]) + lookup(second, pairs[:, 1])  # [N, H]
        for i, name in enumerate(layout.hidden_names(config)):
            layer = getattr(self, name)
            if i > 0:
                x = product(x, layer.kernel[...])
            x = act(x + layer.bias[...][None] if config.biases else x)
            if config.layer_normalization:
                x = getattr(self, layout.norm_names(config)[i])(x)
        return x

    def __call__(self, tokens: jax.Array, pairs: jax.Array) -> jax.Array:
        """Logits, `[N, C]`."""
        config, x = self._config, self.activations(tokens, pairs)
        kernel = self.embed.embedding if config.tied else self.output.kernel  # pyright: ignore[reportAttributeAccessIssue]
        logits = x @ kernel[...].T
        if not config.biases:
            return logits
        assert self.output.bias is not None  # nnx types it as optional
        return logits + self.output.bias[...][None]


def _layout_of(config: Config) -> tuple[Callable[[Params], Params], Callable[[Params], Params]]:
    """Parameters as they are laid out while they train, and back; any leading axes are kept.

    `hidden/kernel` of a concatenation, `[2D, H]` -> `[D, 2H]`, its halves side by
    side: one product takes every token through both. `output/kernel` `[H, C]` ->
    `[C, H]`, as its gradient comes. Doing either at each step takes about 10% of
    it on CPU.
    """

    def relaid(params: Params, take: int, put: int) -> Params:
        new = dict(params)
        if config.combine == "concatenate":
            halves = jnp.split(params["hidden"]["kernel"], 2, axis=take)
            new["hidden"] = params["hidden"] | {"kernel": jnp.concatenate(halves, axis=put)}
        if not config.tied:
            kernel = jnp.swapaxes(params["output"]["kernel"], -1, -2)
            new["output"] = params["output"] | {"kernel": kernel}
        return new

    return lambda params: relaid(params, -2, -1), lambda packed: relaid(packed, -1, -2)


def build(config: Config) -> Model:
    """The network of a config, as pure functions."""
    config = config.static

    def module(key: jax.Array) -> MLP:
        return MLP(config, rngs=nnx.Rngs(params=key))

    graph = nnx.graphdef(nnx.eval_shape(lambda: module(jax.random.key(0))))

    def init(key: jax.Array) -> Params:
        return nnx.to_pure_dict(nnx.state(module(key)))

    def merged(packed: Params) -> MLP:
        return nnx.merge(graph, packed)

    pack, unpack = _layout_of(config)
    return Model(
        init=init,
        pack=pack,
        unpack=unpack,
        tokens=lambda packed: merged(packed).tokens(),
        logits=lambda packed, tokens, pairs: merged(packed)(tokens, pairs),
        activations=lambda packed, tokens, pairs: merged(packed).activations(tokens, pairs),
    )
