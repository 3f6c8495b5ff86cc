"""Parallelograms of an embedding, in which Liu et al. 2022 measure how linear it is (Sec. 3).

A parallelogram is two unordered pairs with the same sum: i + n = j + m with i < j <= m < n. It is
realised where E_i + E_n = E_j + E_m, and then the decoder cannot tell the two pairs apart.
Letters: P symbols, D dimensions, Q parallelograms.
"""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np

DISTANCE = 0.01
"""Mean squared error below which a parallelogram counts as realised, of embeddings of standard
deviation 1: `threshold_P` of ejmichaud/grokking-squared. The paper writes |.| <= delta."""


@functools.cache
def parallelograms(symbols: int) -> np.ndarray:
    """Return the rows (i, n, j, m) with i + n = j + m and i < j <= m < n, int `[Q, 4]`.

    There are 70 for P = 10.
    """
    found = [
        (i, i + width, j, i + width - (j - i))
        for i in range(symbols)
        for width in range(2, symbols - i)
        for j in range(i + 1, i + width // 2 + 1)
    ]
    return np.array(found, int).reshape(-1, 4)


@functools.cache
def equations(symbols: int) -> np.ndarray:
    """Return the matrix A with A E = 0 where all parallelograms are realised, float64 `[Q, P]`."""
    rows = parallelograms(symbols)
    matrix = np.zeros((len(rows), symbols))
    for corner, sign in enumerate((1, 1, -1, -1)):
        np.add.at(matrix, (np.arange(len(rows)), rows[:, corner]), sign)
    return matrix


def normalised(embedding: jax.Array) -> jax.Array:
    """Return an embedding `[P, D]` with mean 0 and standard deviation 1 (n - 1) in each dimension.

    A dimension that is the same for all symbols becomes 0.
    """
    centred = embedding - jnp.mean(embedding, axis=0)[None]
    deviation = jnp.std(centred, axis=0, ddof=1)
    return centred / jnp.where(deviation == 0, 1.0, deviation)[None]


def realised(embedding: jax.Array) -> jax.Array:
    """Return which parallelograms an embedding `[P, D]` realises, bool `[Q]`."""
    matrix = jnp.asarray(equations(len(embedding)), float)
    return jnp.mean((matrix @ normalised(embedding)) ** 2, axis=1) < DISTANCE


def representation_quality(embedding: jax.Array) -> jax.Array:
    """Return the representation quality index (RQI) of an embedding `[P, D]`.

    It is the share of the parallelograms that are realised, 1 for equally spaced points on a line.
    """
    return jnp.mean(realised(embedding).astype(float))
