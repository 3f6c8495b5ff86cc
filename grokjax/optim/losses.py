"""Losses of each example: logits `[N, C]`, one-hot targets `[N, C]` -> `[N]`."""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp
import optax

Loss = Callable[[jax.Array, jax.Array], jax.Array]


def mean_squared_error(logits: jax.Array, target: jax.Array) -> jax.Array:
    """Average the squared error of logits `[N, C]` over classes, `[N]`, as torch's `MSELoss`."""
    return jnp.mean(optax.losses.squared_error(logits, target), axis=-1)


def stablemax_cross_entropy(logits: jax.Array, target: jax.Array) -> jax.Array:
    """Compute the cross-entropy with s(x) in place of exp(x): x + 1 for x >= 0, else 1 / (1 - x).

    Logits and one-hot targets are `[N, C]`, losses `[N]`.

    Prieto et al. 2025, Definition 2. Their code takes the logarithm of the normalised s in
    float64. `log1p(sum of the others / s of the target)` is the same number, and is exact in
    float32 where the loss is small.
    """
    # The inner `where` keeps the unused branch away from its pole, whose gradient would be NaN.
    below = 1 / (1 - jnp.where(logits >= 0, 0.0, logits))
    scores = jnp.where(logits >= 0, 1 + logits, below)
    right = jnp.sum(scores * target, axis=-1)
    wrong = jnp.sum(scores * (1 - target), axis=-1)
    return jnp.log1p(wrong / right)


@jax.custom_vjp
def exact_cross_entropy(logits: jax.Array, target: jax.Array) -> jax.Array:
    """Compute the softmax cross-entropy with all digits of float32, however small it is.

    Logits and one-hot targets are `[N, C]`, losses `[N]`.

    `log_softmax` takes the logarithm of a sum near 1: in float32 a loss of 3e-7 is off by 17%, and
    a loss below 6e-8 is 0. Here the target's own term, which is 1, is added by `log1p`. In the
    gradient, p - 1 of the target is computed as minus the sum of the other probabilities, for the
    same reason. Both are what float64 gives for float32 logits, as Nanda et al. 2023 train.
    """
    right = jnp.sum(logits * target, axis=-1, keepdims=True)
    above = logits - right  # [N, C], 0 for the target
    most = jnp.max(above, axis=-1)  # at least 0
    others = jnp.sum((1 - target) * jnp.exp(above - most[..., None]), axis=-1)
    return most + jnp.log1p(others + jnp.expm1(-most))


def _exact_forward(logits: jax.Array, target: jax.Array) -> tuple[jax.Array, tuple]:
    return exact_cross_entropy(logits, target), (logits, target)


def _exact_backward(saved: tuple, cotangent: jax.Array) -> tuple[jax.Array, None]:
    logits, target = saved
    others = (1 - target) * jax.nn.softmax(logits, axis=-1)
    gradient = others - target * jnp.sum(others, axis=-1, keepdims=True)
    return cotangent[..., None] * gradient, None


exact_cross_entropy.defvjp(_exact_forward, _exact_backward)


LOSSES: dict[str, Loss] = {
    "cross-entropy": optax.losses.softmax_cross_entropy,
    "exact-cross-entropy": exact_cross_entropy,
    "mse": mean_squared_error,
    "stablemax": stablemax_cross_entropy,
}
"""Losses whose gradients are trained on. The gradient of the cross-entropy is that of torch in
float32: it is 0 where the network is almost certain, which Prieto et al. 2025 call softmax
collapse."""

RECORDED: dict[str, Loss] = LOSSES | {"cross-entropy": exact_cross_entropy}
"""Losses that evaluations record: the same, but exact where they are small."""
