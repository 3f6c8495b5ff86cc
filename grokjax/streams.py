"""Streams of randomness, one a purpose, folded into a member's own key."""

from __future__ import annotations

import jax

# Never reuse a number.
INIT, SPLIT, BATCHES, LABELS, LABEL_NOISE, GRADIENT_NOISE = range(6)


def stream(seed: jax.Array | int, number: int) -> jax.Array:
    """The key of one stream of one member."""
    return jax.random.fold_in(jax.random.key(seed, impl="threefry2x32"), number)
