"""The module of the MLP on a pair of tokens, with its first layer factored.

There are only P tokens, so each is projected once, `(E @ W1a)[a] + (E @ W1b)[b]`; one-hot inputs
select rows of the first layer's weights. The module has the same parameters and computes the same
function as one that concatenates two embeddings, with a third of the work in full batch.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from grokjax.models import initializers
from grokjax.models.mlp import MLP
from grokjax.models.token_ops import lookup, product
from grokjax.settings.data_spec import DataSpec

Params = dict[str, Any]

ACTIVATIONS: dict[str, Callable[[jax.Array], jax.Array]] = {
    "relu": jax.nn.relu,
    "gelu": lambda x: jax.nn.gelu(x, approximate=False),  # as torch's
    "tanh": jnp.tanh,
    "square": jnp.square,
}


class Bias(nnx.Module):
    """The bias of an output layer whose kernel is the embedding."""

    def __init__(self, init: initializers.Init, size: int, rngs: nnx.Rngs) -> None:
        self.bias = nnx.Param(init(rngs.params(), (size,), jnp.float32))


class MLPNetwork(nnx.Module):
    """`relu(concat(E[a], E[b]) @ W1 + b1) @ W2 + b2` and its variants.

    It is called with parameters in their training layout (see `training_layout`).
    """

    def __init__(self, settings: MLP, spec: DataSpec, *, rngs: nnx.Rngs) -> None:
        assert spec.num_tokens is not None
        self._settings, self._classes = settings, spec.num_classes
        tokens, width, hidden = spec.num_tokens, settings.embed_dim, settings.hidden_dim

        def linear(inputs: int, outputs: int, last: bool = False) -> nnx.Linear:
            return nnx.Linear(
                inputs,
                outputs,
                use_bias=settings.biases and (settings.output_bias or not last),
                kernel_init=initializers.kernel(settings, inputs, outputs, last),
                bias_init=initializers.bias(settings, inputs, last),
                rngs=rngs,
            )

        if width:
            init = initializers.embedding(settings, tokens)
            self.embed = nnx.Embed(tokens, width, embedding_init=init, rngs=rngs)
            if settings.embeddings == "separate":
                self.embed_second = nnx.Embed(tokens, width, embedding_init=init, rngs=rngs)
        self.hidden = linear(settings.first_inputs(tokens), hidden)
        for name in settings.hidden_names()[1:]:
            setattr(self, name, linear(hidden, hidden))
        for name in settings.norm_names():
            norm = nnx.LayerNorm(hidden, epsilon=1e-5, use_fast_variance=False, rngs=rngs)
            setattr(self, name, norm)
        if not settings.tied:
            self.output = linear(hidden, spec.num_classes, last=True)
        elif settings.biases and settings.output_bias:
            init = initializers.bias(settings, hidden, True)
            self.output = Bias(init, spec.num_classes, rngs)

    def precompute(self) -> jax.Array:
        """Project every token through the first layer for both slots.

        Returns float32 `[P, 2H]`, or `[P, H]` where it is the same for both.
        """
        kernel = self.hidden.kernel[...]  # [D or P, 2H], or [.., H] of a sum
        if self._settings.embed_dim == 0:
            return kernel
        embedding = self.embed.embedding[...]
        if self._settings.embeddings == "shared":
            return product(embedding, kernel)
        summed = self._settings.combine != "concatenate"
        first, second = (kernel, kernel) if summed else jnp.split(kernel, 2, axis=1)
        return jnp.concatenate(
            [product(embedding, first), product(self.embed_second.embedding[...], second)], axis=1
        )

    def activations(self, pairs: jax.Array, table: jax.Array) -> jax.Array:
        """Return the last hidden layer, `[B, H]`, of pairs int32 `[B, 2]`."""
        settings, act = self._settings, ACTIVATIONS[self._settings.activation]
        same = table.shape[1] == settings.hidden_dim
        first, second = (table, table) if same else jnp.split(table, 2, axis=1)  # [P, H] each
        x = lookup(first, pairs[:, 0]) + lookup(second, pairs[:, 1])  # [B, H]
        for i, name in enumerate(settings.hidden_names()):
            layer = getattr(self, name)
            if i > 0:
                x = product(x, layer.kernel[...])
            if settings.biases:
                twice = i == 0 and settings.combine == "sum-of-layers"  # once for each token
                x = x + (2 * layer.bias[...] if twice else layer.bias[...])[None]
            x = act(x)
            if settings.layer_normalization:
                x = getattr(self, settings.norm_names()[i])(x)
        return x

    def __call__(self, pairs: jax.Array, table: jax.Array) -> jax.Array:
        """Return logits, `[B, C]`."""
        settings, x = self._settings, self.activations(pairs, table)
        logits = x @ self._output_weights().T
        if not (settings.biases and settings.output_bias):
            return logits
        assert self.output.bias is not None  # nnx types it as optional
        return logits + self.output.bias[...][None]

    def neuron_weights(self, table: jax.Array) -> dict[str, jax.Array]:
        """Return weights of the hidden neurons: `first`, `second` `[P, H]` and `output` `[C, H]`.

        `first` and `second` are what a token in either slot adds to the neurons of the first hidden
        layer; `output` has the output weights of the neurons of the last hidden layer.
        """
        width = self._settings.hidden_dim
        output = self._output_weights()
        return {"first": table[:, :width], "second": table[:, -width:], "output": output}

    def _output_weights(self) -> jax.Array:
        """Return the output weights `[C, H]`; a tied embedding may have further rows."""
        if self._settings.tied:
            return self.embed.embedding[...][: self._classes]
        return self.output.kernel[...]  # pyright: ignore[reportAttributeAccessIssue]

    @staticmethod
    def training_layout(
        settings: MLP,
    ) -> tuple[Callable[[Params], Params], Callable[[Params], Params]]:
        """Return the functions from parameters to their training layout, and back.

        In it, `hidden/kernel` of a concatenation, `[2D, H]` -> `[D, 2H]`, has its halves side by
        side, so that one product projects every token for both slots. `output/kernel`, `[H, C]` ->
        `[C, H]`, has the layout of its gradient. Either change takes about 10% of a step on CPU if
        it is made at each step. Both functions only move numbers, and keep any leading axes.
        """

        def relaid(params: Params, take: int, put: int) -> Params:
            new = dict(params)
            if settings.combine == "concatenate":
                halves = jnp.split(params["hidden"]["kernel"], 2, axis=take)
                new["hidden"] = params["hidden"] | {"kernel": jnp.concatenate(halves, axis=put)}
            if not settings.tied:
                kernel = jnp.swapaxes(params["output"]["kernel"], -1, -2)
                new["output"] = params["output"] | {"kernel": kernel}
            return new

        return lambda params: relaid(params, -2, -1), lambda packed: relaid(packed, -1, -2)
