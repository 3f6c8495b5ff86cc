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

ONE_WORD = 2**16
"""Most indices that share a word of 32 bits with a random number: 16 bits each."""

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


def shuffled(key: jax.Array, bound: int, count: jax.Array | int, most: int) -> jax.Array:
    """A random order of 0..count-1, then the rest up to bound-1: int32 `[bound]`.

    `count` may be traced. The first `count` entries do not depend on `bound`,
    only on `most`, which no bound exceeds: element i of a threefry draw depends
    on the key and i alone. An index is sorted by a random number above it in
    one word, four times faster on CPU than a pair of words
    (`jax.random.permutation` has a static length and sorts those). Of 2 809, 20
    bits are random: two given ones tie with probability 1e-6, and the smaller
    then comes first. Above `ONE_WORD` too few would be left.
    """
    index = jnp.arange(bound, dtype=jnp.uint32)
    ranks = jax.random.bits(key, (bound,), jnp.uint32)
    ranks = jnp.where(index < count, ranks, jnp.uint32(0xFFFFFFFF))
    if most > ONE_WORD:
        return jax.lax.sort((ranks, index.astype(jnp.int32)), num_keys=1, is_stable=True)[1]
    low = jnp.uint32((1 << (most - 1).bit_length()) - 1)
    ranks = ranks & ~low
    return (jnp.sort(ranks | index) & low).astype(jnp.int32)


def split(key: jax.Array, modulus: int) -> jax.Array:
    """A random order of all pair numbers, int32 `[P**2]`.

    The first `train_size` are trained on, the rest tested on, so that one seed
    at two train fractions has nested training sets.
    """
    return shuffled(key, modulus**2, modulus**2, modulus**2)
