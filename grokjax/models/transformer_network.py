"""The modules of the transformer: factored by token, and plain.

Both have the same parameters and compute the same function; a network of one block without layer
normalisation is factored. Logits are those of the last position.
Letters: B batch, S positions, T tokens, D width of the residual stream, F width of the MLP,
C classes.
"""

from __future__ import annotations

import math
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from grokjax.models.token_ops import lookup, product
from grokjax.models.transformer import Transformer
from grokjax.models.transformer_layers import (
    Attention,
    Embedding,
    FeedForward,
    Linear,
    initializer,
    mixed,
)
from grokjax.settings.data_spec import DataSpec


def block_names(base: str, count: int) -> list[str]:
    """Return the names of a layer in each block: `mlp`, `mlp_2`, and so on."""
    return [base, *(f"{base}_{i}" for i in range(2, count + 1))]


class TransformerModule(nnx.Module):
    """The parameters that both modules have."""

    attention: Attention
    mlp: FeedForward

    def __init__(self, settings: Transformer, spec: DataSpec, *, rngs: nnx.Rngs) -> None:
        assert spec.num_tokens is not None
        self._settings, self._template = settings, spec.template
        self.embed = Embedding(settings, spec.num_tokens, spec.input_shape[0], rngs)
        for attention, mlp in self.blocks():
            setattr(self, attention, Attention(settings, rngs))
            setattr(self, mlp, FeedForward(settings, rngs))
        width, classes = settings.embed_dim, spec.num_classes
        init = initializer(settings, "unembed", width, classes)
        self.unembed = Linear(init, width, classes, False, rngs)

    def blocks(self) -> list[tuple[str, str]]:
        """Return the names of the attention and of the MLP of each block."""
        names = (block_names(base, self._settings.blocks) for base in ("attention", "mlp"))
        return list(zip(*names, strict=True))


class FactoredTransformer(TransformerModule):
    """One block, with all that depends on one token computed once a step.

    Only the last position is read, so only its query counts. Keys and values are functions of one
    token and its position; where every sequence ends with the same token, so are the scores.
    What the heads write enters the MLP and the logits by one product with `output @ [in, unembed]`,
    and the MLP's output enters the logits by `out @ unembed`.
    """

    def precompute(self, attention_rate: jax.Array) -> dict[str, Any]:
        """Return what depends on one token or on none."""
        settings, attention, mlp = self._settings, self.attention, self.mlp
        embedding, position = self.embed.embedding[...], self.embed.of_positions()
        unembed = self.unembed.kernel[...]
        inner = settings.heads * settings.head_width

        def columns(kernel: jax.Array) -> jax.Array:  # [heads, D, head_dim] -> [D, inner]
            return jnp.swapaxes(kernel, 0, 1).reshape(-1, inner)

        tokens = [embedding if t is None else embedding[t : t + 1] for t in self._template]
        vectors = [rows + position[i][None] for i, rows in enumerate(tokens)]  # [T or 1, D] each
        both = jnp.concatenate([columns(attention.key[...]), columns(attention.value[...])], axis=1)
        ends = [sum(map(len, vectors[:i])) for i in range(1, len(vectors))]
        keys, values = jnp.split(product(jnp.concatenate(vectors), both), 2, axis=1)
        query = product(vectors[-1], columns(attention.query[...]))  # [T or 1, inner]
        onward = jnp.concatenate([mlp.into.kernel[...], unembed], axis=1)  # [D, F + C]
        offset = jnp.concatenate([mlp.into.offset(), mlp.out.offset() @ unembed])
        keys = jnp.split(keys, ends)
        if self._template[-1] is None:
            matched = {"query": query, "keys": keys}
        else:
            matched = {"scores": [self._scores(query, each) for each in keys]}
        return matched | {
            "values": jnp.split(values, ends),
            "heads": product(attention.output[...].reshape(inner, -1), onward),  # [inner, F + C]
            "last": product(vectors[-1], onward) + offset[None],  # [T or 1, F + C]
            "neurons": product(mlp.out.kernel[...], unembed),  # [F, C]
            "rate": attention_rate,
        }

    def _scores(self, query: jax.Array, key: jax.Array) -> jax.Array:
        """Return the scores of queries and keys `[N, inner]`, by head, `[N, heads]`."""
        products = (query * key).reshape(-1, self._settings.heads, self._settings.head_width)
        return products.sum(axis=-1) / math.sqrt(self._settings.head_width)

    def _at_last(self, inputs: jax.Array, table: dict[str, Any]) -> tuple[jax.Array, jax.Array]:
        """Return activations `[B, F]`, and what enters the logits without them, `[B, C]`."""
        settings, heads = self._settings, self._settings.heads

        def rows(tables: jax.Array, position: int) -> jax.Array:
            """Look up the token at a position, `[B, ...]`; `[1, ...]` where it is constant."""
            constant = self._template[position] is not None
            return tables if constant else lookup(tables, inputs[:, position])

        if "scores" in table:
            scores = [rows(each, i) for i, each in enumerate(table["scores"])]
        else:
            query = rows(table["query"], -1)
            scores = [self._scores(query, rows(each, i)) for i, each in enumerate(table["keys"])]
        shape = (len(inputs), heads)
        scores = jnp.stack([jnp.broadcast_to(each, shape) for each in scores])  # [S, B, heads]
        weights = mixed(jax.nn.softmax(scores, axis=0), jax.lax.stop_gradient(table["rate"]))
        weights = jnp.repeat(weights, settings.head_width, axis=2)  # [S, B, inner]
        read = sum(
            w * rows(v, i) for i, (w, v) in enumerate(zip(weights, table["values"], strict=True))
        )
        onward = product(read, table["heads"]) + rows(table["last"], -1)  # [B, F + C]
        width = settings.mlp_width
        return self.mlp.activation(onward[:, :width]), onward[:, width:]

    def activations(self, inputs: jax.Array, table: dict[str, Any]) -> jax.Array:
        """Return the activations of the MLP at the last position, `[B, F]`."""
        return self._at_last(inputs, table)[0]

    def __call__(self, inputs: jax.Array, table: dict[str, Any]) -> jax.Array:
        """Return logits `[B, C]` of tokens int32 `[B, S]`."""
        hidden, direct = self._at_last(inputs, table)
        return direct + product(hidden, table["neurons"])

    def neuron_weights(self, table: dict[str, Any]) -> dict[str, jax.Array]:
        """Return what each neuron writes to the logits, `output` `[C, F]`."""
        return {"output": table["neurons"].T}


class PlainTransformer(TransformerModule):
    """Any number of blocks; of the last one only the last position is computed."""

    def __init__(self, settings: Transformer, spec: DataSpec, *, rngs: nnx.Rngs) -> None:
        super().__init__(settings, spec, rngs=rngs)
        if settings.normalization == "post":
            for name in self.norms():
                norm = nnx.LayerNorm(
                    settings.embed_dim, epsilon=1e-5, use_fast_variance=False, rngs=rngs
                )
                setattr(self, name, norm)

    def norms(self) -> list[str]:
        """Return the names of the layer normalisations, two a block."""
        return block_names("norm", 2 * self._settings.blocks)

    def precompute(self, attention_rate: jax.Array) -> jax.Array:
        """Return the attention rate."""
        return attention_rate

    def _normalized(self, x: jax.Array, index: int) -> jax.Array:
        if self._settings.normalization == "none":
            return x
        return getattr(self, self.norms()[index])(x)

    def _last_block(self, inputs: jax.Array, rate: jax.Array) -> tuple[jax.Array, jax.Array]:
        """Return the last MLP's activations `[B, F]` and its residual stream `[B, D]`."""
        rate = jax.lax.stop_gradient(rate)
        x = lookup(self.embed.embedding[...], inputs.reshape(-1)).reshape(*inputs.shape, -1)
        hidden = x = x + self.embed.of_positions()[None]
        for i, (attention, mlp) in enumerate(self.blocks()):
            last = i + 1 == self._settings.blocks
            written = getattr(self, attention)(x, rate, last)
            x = self._normalized((x[:, -1:] if last else x) + written, 2 * i)
            hidden = getattr(self, mlp).hidden(x)
            x = self._normalized(x + getattr(self, mlp).out(hidden), 2 * i + 1)
        return hidden[:, 0], x[:, 0]

    def activations(self, inputs: jax.Array, table: jax.Array) -> jax.Array:
        """Return the activations of the last MLP at the last position, `[B, F]`."""
        return self._last_block(inputs, table)[0]

    def __call__(self, inputs: jax.Array, table: jax.Array) -> jax.Array:
        """Return logits `[B, C]` of tokens int32 `[B, S]`."""
        return product(self._last_block(inputs, table)[1], self.unembed.kernel[...])
