"""What hidden neurons and logits are as functions of both tokens (a, b): 2-D spectra.

After Nanda et al. 2023 (Sec. 4.2, App. C.2) and its published code: a neuron's
frequency is the k that explains most of its centred activations by waves of k
in a, in b and in both.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from grokjax import models, tasks
from grokjax.analysis import fourier
from grokjax.analysis.members import of_networks
from grokjax.config import Config


class Neurons(NamedTuple):
    """Of one member; K = P // 2."""

    frequency: Array  # int32 [H], 1..K; 0 for a neuron that never changes
    share: Array  # [H], of its variance that its frequency explains; NaN for such a one
    # [H, 2], radians: where along a and along b the wave of its frequency has its crest. Of its
    # waves in a alone and in b alone, so it says nothing where those are weak.
    phase: Array
    activations: Array  # [K + 1, K + 1], power of all activations by frequency in a and in b
    logits: Array  # [K + 1, K + 1], the same of all logits


@of_networks
def neurons(params: dict[str, Any], network: Config) -> Neurons:
    """Frequencies and phases of the hidden neurons, and both 2-D spectra.

    Power is that of values centred over all P**2 pairs, so entry [0, 0] of a
    spectrum is 0, and its sum is the sum of squares (Parseval).

    Args:
      params: of one member; `neurons(run)` is of all. With several hidden layers the neurons
        are those of the last one.
      network: the settings of its network (see `layout.network`).
    """
    model, modulus, width = models.build(network), network.modulus, network.hidden_dim
    pairs = jnp.asarray(tasks.pairs(modulus))
    hidden = model.hidden(params, pairs).reshape(modulus, modulus, width)
    waves = _spectrum(hidden)  # [P, P, H]
    power = waves**2
    cosine = jnp.arange(1, modulus, 2)  # rows of the basis, [K]
    sine = jnp.minimum(cosine + 1, modulus - 1)  # for k = P/2 there is none: counted out below
    paired = (cosine < modulus - 1)[:, None]
    in_a, in_b = fourier.folded(power[:, 0])[1:], fourier.folded(power[0])[1:]  # [K, H]
    sines = power[cosine, sine] + power[sine, cosine] + power[sine, sine]
    explained = in_a + in_b + power[cosine, cosine] + jnp.where(paired, sines, 0)
    total = power.sum(axis=(0, 1))  # [H]
    frequency = explained.argmax(axis=0) + 1
    # cos(w a - phase) has the coefficients cos(phase) of the cosine and sin(phase) of the sine.
    c, s, neuron = cosine[frequency - 1], sine[frequency - 1], jnp.arange(width)
    there = paired[frequency - 1, 0]
    phase_a = jnp.arctan2(jnp.where(there, waves[s, 0, neuron], 0), waves[c, 0, neuron])
    phase_b = jnp.arctan2(jnp.where(there, waves[0, s, neuron], 0), waves[0, c, neuron])
    logits = model.apply(params, pairs).reshape(modulus, modulus, -1)  # [P, P, C]
    # Rounding leaves a constant neuron some 1e-14 of its square; a NaN is not greater.
    silent = ~(total > 1e-9 * jnp.sum(hidden**2, axis=(0, 1)))
    return Neurons(
        frequency=jnp.where(silent, 0, frequency).astype(jnp.int32),
        share=jnp.where(silent, jnp.nan, explained.max(axis=0) / total),
        phase=jnp.stack([phase_a, phase_b], axis=1),
        activations=_folded_twice(power.sum(axis=2)),
        logits=_folded_twice((_spectrum(logits) ** 2).sum(axis=2)),
    )


def key_frequencies(frequency: np.ndarray, share: np.ndarray, modulus: int) -> np.ndarray:
    """Which frequencies the neurons use, bool `[..., P // 2]`; entry i is frequency i + 1.

    A neuron counts where its frequency explains at least half of what K equal frequencies
    would leave unexplained, (1 + 1/K) / 2; a frequency is used that has at least a quarter of
    an even share of all H neurons, H / 4K, so at least one. Of untrained networks of 53
    tokens or more no neuron counts.

    Args:
      frequency: `[..., H]`, `Neurons.frequency`.
      share: `[..., H]`, `Neurons.share`.
      modulus: P.
    """
    k = np.arange(1, modulus // 2 + 1)
    counts = neurons_of(frequency, share, modulus)
    return counts >= max(1.0, frequency.shape[-1] / (4 * len(k)))


def neurons_of(frequency: np.ndarray, share: np.ndarray, modulus: int) -> np.ndarray:
    """How many neurons count for each frequency (see `key_frequencies`), int `[..., P // 2]`."""
    k = np.arange(1, modulus // 2 + 1)
    counted = share >= (1 + 1 / len(k)) / 2 - 1e-6  # a NaN is not
    return np.sum((frequency[..., None] == k) & counted[..., None], axis=-2)


def _spectrum(values: Array) -> Array:
    """`[P, P, N]` over (a, b), centred over both, in the real Fourier basis of each."""
    modulus, _, count = values.shape
    rows = jnp.asarray(fourier.basis(modulus)[0])
    along_a = rows @ values.reshape(modulus, -1)  # one large product, [P, P * N]
    waves = jnp.matmul(rows, along_a.reshape(modulus, modulus, count))
    return waves.at[0, 0].set(0.0)  # the mean


def _folded_twice(power: Array) -> Array:
    """The same in both directions: `[P, P]` -> `[K + 1, K + 1]`."""
    return fourier.folded(fourier.folded(power).T).T
