"""Two-dimensional Fourier transform of values over all pairs (a, b) of Z_P, and neuron frequencies.

They follow Nanda et al. 2023 (Sec. 4.2, App. C.2) and its published code: a neuron's frequency is
the k whose waves in a, in b and in both explain most of the variance of its activations.
Letters: P tokens, K = P // 2 frequencies, H neurons.
"""

from __future__ import annotations

from typing import NamedTuple

import jax.numpy as jnp
from jax import Array

from grokjax.metrics import spectrum


class NeuronFrequencies(NamedTuple):
    """The frequency of each neuron, and how much it explains."""

    frequency: Array  # int32 [H], 1..K; 0 for a constant neuron
    share: Array
    """`[H]`, share of the variance that the frequency explains; NaN if constant."""


def transform(values: Array) -> Array:
    """Transform `[P, P, N]` to the real Fourier basis of a and of b, without the mean."""
    modulus, _, count = values.shape
    rows = jnp.asarray(spectrum.basis(modulus)[0])
    along_a = rows @ values.reshape(modulus, -1)  # one large product, [P, P * N]
    waves = jnp.matmul(rows, along_a.reshape(modulus, modulus, count))
    return waves.at[0, 0].set(0.0)  # the mean


def folded_twice(power: Array) -> Array:
    """Fold power in both directions: `[P, P]` -> `[K + 1, K + 1]`."""
    return spectrum.folded(spectrum.folded(power).T).T


def neuron_frequencies(values: Array, waves: Array) -> NeuronFrequencies:
    """Find the frequency of each neuron.

    Args:
      values: activations `[P, P, H]`.
      waves: their `transform`.
    """
    modulus = len(values)
    power = waves**2
    cosine = jnp.arange(1, modulus, 2)  # rows of the basis, [K]
    sine = jnp.minimum(cosine + 1, modulus - 1)  # k = P/2 has no sine: masked below
    paired = (cosine < modulus - 1)[:, None]
    in_a, in_b = spectrum.folded(power[:, 0])[1:], spectrum.folded(power[0])[1:]  # [K, H]
    sines = power[cosine, sine] + power[sine, cosine] + power[sine, sine]
    explained = in_a + in_b + power[cosine, cosine] + jnp.where(paired, sines, 0)
    total = power.sum(axis=(0, 1))  # [H]
    # Rounding leaves a constant neuron some 1e-14 of its square; a NaN is not greater.
    silent = ~(total > 1e-9 * jnp.sum(values**2, axis=(0, 1)))
    return NeuronFrequencies(
        jnp.where(silent, 0, explained.argmax(axis=0) + 1).astype(jnp.int32),
        jnp.where(silent, jnp.nan, explained.max(axis=0) / total),
    )
