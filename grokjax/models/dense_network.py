"""The module of the MLP on features. Letters: B batch, H hidden, C outputs."""

from __future__ import annotations

import math

import jax
from flax import nnx

from grokjax.models import initializers
from grokjax.models.dense import Dense
from grokjax.models.mlp_network import ACTIVATIONS
from grokjax.models.token_ops import product
from grokjax.settings.data_spec import DataSpec


class DenseNetwork(nnx.Module):
    """`act(x @ W1 + b1) @ W2 + b2` with one or more hidden layers."""

    def __init__(self, settings: Dense, spec: DataSpec, *, rngs: nnx.Rngs) -> None:
        self._settings = settings
        inputs = math.prod(spec.input_shape)
        sizes = dict.fromkeys(settings.hidden_names(), settings.hidden_dim)
        for name, outputs in (sizes | {"output": spec.num_classes}).items():
            layer = nnx.Linear(
                inputs,
                outputs,
                use_bias=settings.biases,
                kernel_init=initializers.kernel(settings, inputs, outputs, name == "output"),
                bias_init=initializers.bias(settings, inputs, name == "output"),
                rngs=rngs,
            )
            setattr(self, name, layer)
            inputs = outputs

    def activations(self, inputs: jax.Array) -> jax.Array:
        """Return the last hidden layer, `[B, H]`, of inputs `[B, ...]`."""
        x = inputs.reshape(len(inputs), -1)
        for name in self._settings.hidden_names():
            x = ACTIVATIONS[self._settings.activation](self._layer(name, x))
        return x

    def __call__(self, inputs: jax.Array) -> jax.Array:
        """Return outputs, `[B, C]`."""
        return self._layer("output", self.activations(inputs))

    def _layer(self, name: str, x: jax.Array) -> jax.Array:
        layer = getattr(self, name)
        x = product(x, layer.kernel[...])
        return x + layer.bias[...][None] if self._settings.biases else x
