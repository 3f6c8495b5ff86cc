"""Grokfast (Lee et al. 2024): amplify the slow part of gradients, by two kinds of average."""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax


class EmaState(NamedTuple):
    """The number of steps and the exponential average of the gradients."""

    steps: jax.Array  # int32 []
    ema: Any
    """Structure and shapes of the gradients."""


def ema(share: jax.Array, strength: jax.Array) -> optax.GradientTransformation:
    """Add `strength` times an exponential average of the gradients.

    The average begins with the first gradient, as in the authors' code.

    Args:
      share: float32 `[]`, the share of a new gradient in the average: 1 - alpha.
      strength: float32 `[]`, lambda.
    """

    def init(params: optax.Params) -> EmaState:
        return EmaState(jnp.zeros([], jnp.int32), jax.tree.map(jnp.zeros_like, params))

    def update(updates: optax.Updates, state: Any, params: optax.Params | None = None) -> Any:
        weight = jnp.where(state.steps == 0, 1.0, share)
        ema = jax.tree.map(lambda e, g: e + weight * (g - e), state.ema, updates)
        amplified = jax.tree.map(lambda g, e: g + strength * e, updates, ema)
        return amplified, EmaState(state.steps + 1, ema)

    return optax.GradientTransformation(init, update)


class MovingState(NamedTuple):
    """State of `moving_average`, whose window has W steps.

    Each field but `steps` has the structure of the gradients: the last W gradients, the oldest of
    them, their sum, and the sum of the gradients since the ring was last full.
    """

    steps: jax.Array  # int32 []
    ring: Any  # [W, ...]
    oldest: Any
    total: Any
    new_total: Any


def _with_row(ring: jax.Array, row: jax.Array, slot: jax.Array) -> jax.Array:
    """Return `ring` `[W, ...]` with `row` at `slot`, off CPU without a scatter over lanes."""

    def selected(ring: jax.Array, row: jax.Array, slot: jax.Array) -> jax.Array:
        here = jnp.arange(len(ring)) == slot
        return jnp.where(jnp.expand_dims(here, range(1, ring.ndim)), row[None], ring)

    update = lambda ring, row, slot: jax.lax.dynamic_update_index_in_dim(ring, row, slot, 0)  # noqa: E731
    return jax.lax.platform_dependent(ring, row, slot, cpu=update, default=selected)


def moving_average(window: int, strength: jax.Array) -> optax.GradientTransformation:
    """Add `strength` times the mean of the last `window` gradients, once there are so many.

    This is Grokfast-MA. At each step the newest gradient is added to the sum and the oldest is
    subtracted. Gradients shrink by orders of magnitude while a network groks, and the rounding
    errors of the first ones would exceed the last ones. So each time the ring is full, the sum is
    replaced by one that was added up anew. strength: float32 `[]`.
    """

    def init(params: optax.Params) -> MovingState:
        zeros = jax.tree.map(jnp.zeros_like, params)
        ring = jax.tree.map(lambda p: jnp.zeros((window, *p.shape), p.dtype), params)
        return MovingState(jnp.zeros([], jnp.int32), ring, zeros, zeros, zeros)

    def update(updates: optax.Updates, state: Any, params: optax.Params | None = None) -> Any:
        slot, steps = state.steps % window, state.steps + 1
        ring = jax.tree.map(lambda ring, row: _with_row(ring, row, slot), state.ring, updates)
        oldest = jax.tree.map(
            lambda ring: jax.lax.dynamic_index_in_dim(ring, steps % window, keepdims=False), ring
        )
        new_total = jax.tree.map(
            lambda total, g: jnp.where(slot == 0, g, total + g), state.new_total, updates
        )
        total = jax.tree.map(
            lambda total, g, old, new: jnp.where(slot == window - 1, new, total + (g - old)),
            *(state.total, updates, state.oldest, new_total),
        )
        add = jnp.where(steps >= window, strength / window, 0.0)
        amplified = jax.tree.map(lambda g, t: g + add * t, updates, total)
        return amplified, MovingState(steps, ring, oldest, total, new_total)

    return optax.GradientTransformation(init, update)
