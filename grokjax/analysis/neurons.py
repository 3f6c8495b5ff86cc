"""Two-dimensional spectra of hidden neurons and logits, as functions of both tokens (a, b).

They follow Nanda et al. 2023 (Sec. 4.2, App. C.2) and its published code: a neuron's frequency is
the k whose waves in a, in b and in both explain most of the variance of its activations.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from grokjax.analysis.over_members import (
    MemberNetwork,
    built_network,
    modulus_of,
    of_networks,
)
from grokjax.metrics import spectrum


class Neurons(NamedTuple):
    """The neurons of one member; K = P // 2."""

    frequency: Array  # int32 [H], 1..K; 0 for a constant neuron
    share: Array  # [H], share of the variance that the frequency explains; NaN if constant
    # [H, 2], radians: the crest of the frequency's wave along a and along b. It is computed from
    # the waves in a alone and in b alone, so it means nothing where those are weak.
    phase: Array
    activations: Array  # [K + 1, K + 1], power of all activations by frequency in a and in b
    logits: Array  # [K + 1, K + 1], power of all logits


@of_networks
def neurons(params: dict[str, Any], network: MemberNetwork) -> Neurons:
    """Compute frequencies and phases of the hidden neurons, and both 2-D spectra.

    The power is that of values centred over all P**2 pairs, so entry [0, 0] of a spectrum is 0,
    and its sum is the sum of squares (Parseval).

    Call it as `neurons(run)` for all members. With several hidden layers the neurons are those of
    the last one. Raises ValueError where the tokens are not those of Z_P, or the module has no
    `activations`.
    """
    model, modulus = built_network(network), modulus_of("neurons", network)
    if model.activations is None:
        raise ValueError("neurons: the network's module has no method activations(inputs)")
    pairs = jnp.asarray(network.spec.all_pairs())
    hidden = model.hidden(params, pairs).reshape(modulus, modulus, -1)
    width = hidden.shape[-1]
    waves = _spectrum(hidden)  # [P, P, H]
    power = waves**2
    cosine = jnp.arange(1, modulus, 2)  # rows of the basis, [K]
    sine = jnp.minimum(cosine + 1, modulus - 1)  # k = P/2 has no sine: masked below
    paired = (cosine < modulus - 1)[:, None]
    in_a, in_b = spectrum.folded(power[:, 0])[1:], spectrum.folded(power[0])[1:]  # [K, H]
    sines = power[cosine, sine] + power[sine, cosine] + power[sine, sine]
    explained = in_a + in_b + power[cosine, cosine] + jnp.where(paired, sines, 0)
    total = power.sum(axis=(0, 1))  # [H]
    frequency = explained.argmax(axis=0) + 1
    # cos(w a - phase) has the coefficients cos(phase) of the cosine and sin(phase) of the sine.
    c, s, neuron = cosine[frequency - 1], sine[frequency - 1], jnp.arange(width)
    has_sine = paired[frequency - 1, 0]
    phase_a = jnp.arctan2(jnp.where(has_sine, waves[s, 0, neuron], 0), waves[c, 0, neuron])
    phase_b = jnp.arctan2(jnp.where(has_sine, waves[0, s, neuron], 0), waves[0, c, neuron])
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
    """Find the frequencies that neurons `[..., H]` use, bool `[..., P // 2]`; entry i is i + 1.

    A neuron counts if its frequency explains at least half of what K equal frequencies would
    leave unexplained, (1 + 1/K) / 2. A frequency is used if at least a quarter of an even share
    of all H neurons, H / 4K, and at least one neuron, count for it. In untrained networks of 53
    tokens or more no neuron counts. `frequency` and `share` are those of `Neurons`.
    """
    k = np.arange(1, modulus // 2 + 1)
    counts = neurons_of(frequency, share, modulus)
    return counts >= max(1.0, frequency.shape[-1] / (4 * len(k)))


def neurons_of(frequency: np.ndarray, share: np.ndarray, modulus: int) -> np.ndarray:
    """Count the neurons of each frequency (see `key_frequencies`), int `[..., P // 2]`."""
    k = np.arange(1, modulus // 2 + 1)
    counted = share >= (1 + 1 / len(k)) / 2 - 1e-6  # a NaN is not
    return np.sum((frequency[..., None] == k) & counted[..., None], axis=-2)


def _spectrum(values: Array) -> Array:
    """Transform `[P, P, N]` to the real Fourier basis of a and of b, without the mean."""
    modulus, _, count = values.shape
    rows = jnp.asarray(spectrum.basis(modulus)[0])
    along_a = rows @ values.reshape(modulus, -1)  # one large product, [P, P * N]
    waves = jnp.matmul(rows, along_a.reshape(modulus, modulus, count))
    return waves.at[0, 0].set(0.0)  # the mean


def _folded_twice(power: Array) -> Array:
    """Fold power in both directions: `[P, P]` -> `[K + 1, K + 1]`."""
    return spectrum.folded(spectrum.folded(power).T).T
