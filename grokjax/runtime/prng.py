"""Random streams: each use of randomness has its own number, so that none shares bits."""

from __future__ import annotations

import jax

# Never change or reuse a number: it decides the random bits of every run.
INIT = 0
"""Initial parameters."""
SPLIT = 1
"""Train and test split."""
BATCHES = 2
"""Order of the train examples in each epoch."""
LABELS = 3
"""Labels of the operation `random`."""
LABEL_NOISE = 4
"""Random labels of the noisy train examples."""
GRADIENT_NOISE = 5
"""Gaussian noise on gradients."""


def stream_key(seed: jax.Array | int, stream: int) -> jax.Array:
    """Return the random key for this seed and one of the streams above."""
    return jax.random.fold_in(jax.random.key(seed, impl="threefry2x32"), stream)
