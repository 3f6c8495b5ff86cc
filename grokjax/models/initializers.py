"""Distributions of initial weights, named after their papers.

| name | embedding `[P, D]` | kernel `[in, out]` | bias |
|---|---|---|---|
| glorot-normal | N(0, 2 / (P + D)) | N(0, 2 / (in + out)) | 0 |
| glorot-uniform | U(±√(6 / (P + D))) | U(±√(6 / (in + out))) | 0 |
| he-normal | N(0, 2 / D) | N(0, 2 / in) | 0 |
| lecun-normal | N(0, 1 / D) | N(0, 1 / in) | 0 |
| fan-in-normal | N(0, 1 / D) | N(0, 1 / in) | N(0, 1e-12) |
| torch | N(0, 1) | U(±1 / √in) | U(±1 / √in) |
| gromov | N(0, s²) | N(0, s²), s = 0.5 / (2 H)^(1/3) | 0 |
| liu | U(±1/2) | U(±1 / √in) | U(±1 / √in) |
| zhong | N(0, 2 / H) | U(±1 / √in), output N(0, 1 / in) | U(±1 / √in), output 0 |

Sources: Glorot & Bengio 2010; He et al. 2015; LeCun et al. 1998; torch's `Linear` and `Embedding`;
Gromov 2023 as implemented in d-doshi/Grokking (s = .05 at H = 500); the linear models of Zhong et
al. 2023; the toy model of Liu et al. 2022; for fan-in-normal, whose tiny biases alone set it apart
from lecun-normal, ClevixLab/critical-norm-grokking (arXiv 2606.13753). Normal distributions are not
truncated, as in torch's `xavier_normal_`; those of JAX's own `glorot_normal`, `he_normal` and
`lecun_normal` are. The third to fifth row take D as the fan-in of an embedding, as torch does. In
Zhong et al.'s models D is H / 2 or H.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax.nn.initializers import normal, zeros

from grokjax.models.dense import Dense
from grokjax.models.mlp import MLP

Init = Callable[..., jax.Array]
"""(key, shape, dtype) -> array."""


def symmetric_uniform(bound: float) -> Init:
    """Return the initialiser U(-bound, bound)."""

    def init(key: jax.Array, shape: tuple[int, ...], dtype: Any = jnp.float32) -> jax.Array:
        return jax.random.uniform(key, shape, dtype, -bound, bound)

    return init


def embedding(settings: MLP, tokens: int) -> Init:
    """Return the initialiser of an embedding."""
    width = settings.embed_dim
    return {
        "glorot-normal": normal(math.sqrt(2 / (tokens + width))),
        "glorot-uniform": symmetric_uniform(math.sqrt(6 / (tokens + width))),
        "he-normal": normal(math.sqrt(2 / width)),
        "lecun-normal": normal(math.sqrt(1 / width)),
        "fan-in-normal": normal(math.sqrt(1 / width)),
        "torch": normal(1.0),
        "gromov": normal(_gromov(settings)),
        "zhong": normal(math.sqrt(2 / settings.hidden_dim)),
        "liu": symmetric_uniform(0.5),
    }[settings.initializer]


def kernel(settings: MLP | Dense, inputs: int, outputs: int, last: bool = False) -> Init:
    """Return the initialiser of a layer's kernel; `last`: whether it is the output layer."""
    by_torch = symmetric_uniform(1 / math.sqrt(inputs))
    return {
        "glorot-normal": normal(math.sqrt(2 / (inputs + outputs))),
        "glorot-uniform": symmetric_uniform(math.sqrt(6 / (inputs + outputs))),
        "he-normal": normal(math.sqrt(2 / inputs)),
        "lecun-normal": normal(math.sqrt(1 / inputs)),
        "fan-in-normal": normal(math.sqrt(1 / inputs)),
        "torch": by_torch,
        "gromov": normal(_gromov(settings)),
        "zhong": normal(math.sqrt(1 / inputs)) if last else by_torch,
        "liu": by_torch,
    }[settings.initializer]


def bias(settings: MLP | Dense, inputs: int, last: bool = False) -> Init:
    """Return the initialiser of a layer's bias; `last`: whether it is the output layer."""
    if settings.initializer in ("torch", "liu") or (settings.initializer == "zhong" and not last):
        return symmetric_uniform(1 / math.sqrt(inputs))
    return normal(1e-6) if settings.initializer == "fan-in-normal" else zeros


def _gromov(settings: MLP | Dense) -> float:
    return 0.5 / (2 * settings.hidden_dim) ** (1 / 3)
