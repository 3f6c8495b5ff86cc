"""Two-dimensional spectra of hidden neurons and logits, as functions of both tokens (a, b).

Frequencies and shares are those of `metrics.pair_waves` (Nanda et al. 2023).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import Array

from grokjax.analysis.groups import cyclic_group, modulus_of
from grokjax.analysis.over_members import MemberNetwork, built_network, of_networks
from grokjax.metrics import pair_waves
from grokjax.tasks.token_group import TokenGroup


class Neurons(NamedTuple):
    """The neurons of one member; K = P // 2."""

    frequency: Array
    """int32 `[H]`, 1..K; 0 for a constant neuron."""
    share: Array
    """`[H]`, share of the variance that the frequency explains; NaN if constant."""
    phase: Array
    """`[H, 2]`, radians: the crest of the frequency's wave along a and along b. It is computed from
    the waves in a alone and in b alone, so it means nothing where those are weak.
    """
    activations: Array
    """`[K + 1, K + 1]`, power of all activations by frequency in a and in b."""
    logits: Array
    """`[K + 1, K + 1]`, power of all logits."""


@of_networks
def neurons(
    params: dict[str, Any], network: MemberNetwork, group: TokenGroup | None = None
) -> Neurons:
    """Compute frequencies and phases of the hidden neurons, and both 2-D spectra.

    The power is that of values centred over all pairs of the group's tokens, so entry [0, 0] of a
    spectrum is 0, and its sum is the sum of squares (Parseval).

    Call it as `neurons(run)` for all members. With several hidden layers the neurons are those of
    the last one. group: that the tokens form; None: the residues under addition. Raises ValueError
    where the tokens are not those of Z_P or form no cyclic group, or the module has no
    `activations`.
    """
    model, group = built_network(network), cyclic_group("neurons", network, group)
    order, modulus = np.array(group.order), group.size
    if model.activations is None:
        raise ValueError("neurons: the network's module has no method activations(inputs)")
    rows = (order[:, None] * modulus_of("neurons", network) + order).ravel()
    pairs = jnp.asarray(network.spec.all_pairs()[rows])
    hidden = model.hidden(params, pairs).reshape(modulus, modulus, -1)
    waves = pair_waves.transform(hidden)  # [P, P, H]
    found = pair_waves.neuron_frequencies(hidden, waves)
    logits = model.apply(params, pairs).reshape(modulus, modulus, -1)  # [P, P, C]
    return Neurons(
        frequency=found.frequency,
        share=found.share,
        phase=_phases(waves, jnp.maximum(found.frequency, 1)),
        activations=pair_waves.folded_twice((waves**2).sum(axis=2)),
        logits=pair_waves.folded_twice((pair_waves.transform(logits) ** 2).sum(axis=2)),
    )


def _phases(waves: Array, frequency: Array) -> Array:
    """Return the crests along a and along b of each neuron's frequency, `[H, 2]`."""
    last, neuron = len(waves) - 1, jnp.arange(len(frequency))
    cosine = 2 * frequency - 1  # rows of the basis, [H]
    sine, has_sine = jnp.minimum(cosine + 1, last), cosine < last  # k = P/2 has no sine
    # cos(w a - phase) has the coefficients cos(phase) of the cosine and sin(phase) of the sine.
    in_a = jnp.where(has_sine, waves[sine, 0, neuron], 0), waves[cosine, 0, neuron]
    in_b = jnp.where(has_sine, waves[0, sine, neuron], 0), waves[0, cosine, neuron]
    return jnp.stack([jnp.arctan2(*in_a), jnp.arctan2(*in_b)], axis=1)


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
