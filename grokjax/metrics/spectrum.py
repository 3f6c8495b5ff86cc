"""Fourier power of one member's arrays over Z_P, and how concentrated it is.

A token t of Z_P has the angle 2 pi k t / P at frequency k = 1..P // 2. Frequency -k is
the same wave in the other direction, so the power of k includes that of -k.

Gini coefficient: Hurley & Rickard 2009; Nanda et al. 2023 (Sec. 5). Inverse participation
ratio: Gromov 2023; Doshi et al. 2023.
"""

from __future__ import annotations

import numpy as np
from jax import Array
from jax import numpy as jnp

from grokjax.runtime.arguments import integer_at_least, takes


@takes(modulus=integer_at_least(1))
def basis(modulus: int) -> tuple[np.ndarray, np.ndarray]:
    """The real Fourier basis of functions on Z_P, and the frequency of each row.

    Returns:
      Orthonormal rows, float64 `[P, P]`: the constant, then cosine and sine of
      each k; for even P the alternating row last. Frequencies, int `[P]`:
      0, 1, 1, 2, 2, ...
    """
    t = np.arange(modulus)
    frequencies = (t + 1) // 2
    angles = 2 * np.pi * np.outer(frequencies, t) / modulus
    rows = np.where((t % 2 == 1)[:, None] | (t == 0)[:, None], np.cos(angles), np.sin(angles))
    return rows / np.linalg.norm(rows, axis=1, keepdims=True), frequencies


def folded(power: Array) -> Array:
    """Sum the power of cosine and sine of each frequency: rows of `basis` `[P, N]` -> `[K + 1, N]`.

    K = P // 2, and row 0 is the constant.
    """
    modulus = len(power)
    sines = jnp.pad(power[2::2], ((0, 1 - modulus % 2), (0, 0)))  # k = P/2 has no sine
    return jnp.concatenate([power[:1], power[1::2] + sines])


def power(table: Array) -> Array:
    """Power at frequencies 1..P // 2 over the tokens, `[P, D]` -> `[P // 2]`.

    This is |DFT|**2 summed over dimensions and over k and -k, divided by P. Its sum, plus P
    times the squared column means, is the squared Frobenius norm (Parseval).
    """
    modulus = table.shape[0]
    spectrum = jnp.fft.rfft(table, axis=0)[1:]  # [P // 2, D]
    summed = jnp.sum(jnp.abs(spectrum) ** 2, axis=1) / modulus
    twice = jnp.arange(1, modulus // 2 + 1) * 2 != modulus  # k = P/2 equals -k
    return summed * jnp.where(twice, 2.0, 1.0)


def gini(values: Array) -> Array:
    """Gini coefficient of non-negative values, `[n]` -> `[]`: 0 if equal, 1 - 1/n if one has all.

    sum_i (2 i - n - 1) v_i / (n sum v), v ascending (Hurley & Rickard 2009).
    Nanda et al. 2023 (Sec. 5) apply it to the norms of Fourier components. The recorded
    `embedding_gini` applies it to the square roots of `embedding_power`, so it joins sine and
    cosine of a frequency and leaves out the mean over tokens. It is 0 for an embedding
    whose squares are all 0.
    """
    n = values.shape[0]
    rank = 2.0 * jnp.arange(1, n + 1) - n - 1
    ascending = jnp.sort(values)
    total = n * jnp.sum(ascending)  # summing from the smallest value up loses the fewest digits
    return jnp.sum(rank * ascending) / jnp.where(total == 0, 1.0, total)


def participation(power: Array) -> Array:
    """Inverse participation ratio of a spectrum, `[K]` -> `[]`: the sum of squared shares.

    It is 1 if one frequency has all the power and 1/K if all have the same. Its inverse is
    about the number of frequencies in use (Doshi et al. 2023, r = 2).
    """
    return jnp.sum((power / jnp.sum(power)) ** 2)


def inverse_participation(table: Array) -> Array:
    """Inverse participation ratio of each column's Fourier transform, `[P, N]` -> `[N]`.

    sum_k (|v_k| / |v|)**4 with v = rfft(column), k = 0..P // 2 (Doshi et al. 2023, r = 2).
    It is 1 if one frequency has all the power and about 2 / (P // 2 + 2) for random numbers.
    The constant counts as frequency 0; k and -k count once. A column of zeros gives 0.
    """
    modulus = len(table)
    largest = jnp.max(jnp.abs(table), axis=0, keepdims=True)
    scaled = table / jnp.where(largest == 0, 1, largest)  # squares of small weights underflow
    # On CPU a matrix product takes a third to a fifth of the time of many short transforms.
    rows = jnp.asarray(basis(modulus)[0])
    both = folded((rows @ scaled) ** 2)  # [K + 1, N]
    k = jnp.arange(modulus // 2 + 1)
    power = both * jnp.where((k == 0) | (2 * k == modulus), 1.0, 0.5)[:, None]
    total = jnp.sum(power, axis=0)
    return jnp.sum(power**2, axis=0) / jnp.where(total == 0, 1, total) ** 2
