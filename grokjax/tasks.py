"""Operation tables and train/test splits.

A task is a binary operation on the tokens 0..P-1. Its P**2 ordered pairs are
numbered `pair = a * P + b`, as the published codes enumerate them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

import jax
import jax.numpy as jnp
import numpy as np

from grokjax.config import Operation

_FORMULAS: dict[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "add": lambda a, b: a + b,
    "subtract": lambda a, b: a - b,
    "multiply": lambda a, b: a * b,
}


def pairs(modulus: int) -> np.ndarray:
    """All ordered pairs (a, b), int32 `[P**2, 2]`, in the order of their numbers."""
    numbers = np.arange(modulus**2, dtype=np.int32)
    return np.stack([numbers // modulus, numbers % modulus], axis=-1)


def label_table(modulus: int) -> np.ndarray:
    """Labels of every operation, int32 `[O, P**2]`, in the order of `Operation`."""
    a, b = pairs(modulus).astype(np.int64).T  # int64: a product overflows int32 above P = 46 340
    return np.stack([_FORMULAS[name](a, b) % modulus for name in get_args(Operation)]).astype(
        np.int32
    )


def shuffled(key: jax.Array, bound: int, count: jax.Array | int) -> jax.Array:
    """A random order of 0..count-1, then of no meaning: int32 `[bound]`.

    `count` may be traced. The first `count` entries do not depend on `bound`:
    element i of a threefry draw depends on the key and i alone, and the sort
    is stable. (`jax.random.permutation` has a static length and sorts more
    than once.) Two 32-bit keys of 1 404 are equal with probability 2e-4; the
    smaller index then comes first.
    """
    index = jnp.arange(bound, dtype=jnp.int32)
    ranks = jax.random.bits(key, (bound,), jnp.uint32)
    ranks = jnp.where(index < count, ranks, jnp.uint32(0xFFFFFFFF))
    return jax.lax.sort((ranks, index), num_keys=1, is_stable=True)[1]


def split(key: jax.Array, modulus: int) -> jax.Array:
    """A random order of all pair numbers, int32 `[P**2]`.

    The first `train_size` are trained on, the rest tested on, so that one seed
    at two train fractions has nested training sets.
    """
    return shuffled(key, modulus**2, modulus**2)
