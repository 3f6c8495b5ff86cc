"""Grokfast (Lee et al. 2024): the slow part of gradients amplified, by two kinds of average.

Both take `active`, as the rules of `grokjax.rules` do.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax


class EmaState(NamedTuple):
    """State of `ema`."""

    steps: jax.Array  # int32 []
    ema: Any  # as the gradients


def ema(
    share: jax.Array, strength: jax.Array, active: jax.Array | bool = True
) -> optax.GradientTransformation:
    """Adds `strength` times an exponential average of the gradients (Lee et al. 2024, Grokfast).

    The average begins with the first gradient, as in their code.

    Args:
      share: float32 `[]`, of a new gradient in the average: 1 - alpha, subtracted in float64.
        From a float32 alpha of 0.999 it would be off by 1 part in 80 000.
      strength: float32 `[]`, lambda.
      active: false on a step without rows.
    """

    def init(params: optax.Params) -> EmaState:
        return EmaState(jnp.zeros([], jnp.int32), jax.tree.map(jnp.zeros_like, params))

    def update(updates: optax.Updates, state: Any, params: optax.Params | None = None) -> Any:
        now = jnp.where(state.steps == 0, 1.0, share)
        ema = jax.tree.map(lambda e, g: e + now * jnp.where(active, g - e, 0.0), state.ema, updates)
        add = jnp.where(active, strength, 0.0)
        amplified = jax.tree.map(lambda g, e: g + add * e, updates, ema)
        return amplified, EmaState(state.steps + jnp.int32(active), ema)

    return optax.GradientTransformation(init, update)


class MovingState(NamedTuple):
    """State of `moving_average`; W steps a window."""

    steps: jax.Array  # int32 []
    ring: Any  # [W, ...]
    leaving: Any  # as the gradients, the row of the ring that is written next
    total: Any  # as the gradients, the sum of the ring
    fresh: Any  # as the gradients, their sum since the ring was last full


def _written(ring: jax.Array, row: jax.Array, slot: jax.Array) -> jax.Array:
    """`ring` `[W, ...]` with `row` at `slot`; mapped over lanes, an update would be a scatter."""

    def selected(ring: jax.Array, row: jax.Array, slot: jax.Array) -> jax.Array:
        here = jnp.arange(len(ring)) == slot
        return jnp.where(jnp.expand_dims(here, range(1, ring.ndim)), row[None], ring)

    update = lambda ring, row, slot: jax.lax.dynamic_update_index_in_dim(ring, row, slot, 0)  # noqa: E731
    return jax.lax.platform_dependent(ring, row, slot, cpu=update, default=selected)


def moving_average(
    window: int, strength: jax.Array, active: jax.Array | bool = True
) -> optax.GradientTransformation:
    """Adds `strength` times the mean of the last `window` gradients, once there are so many.

    Lee et al. 2024, Grokfast-MA. The sum is kept up by what enters and what
    leaves the window. Gradients shrink by orders of magnitude while a network
    groks, and rounding of the first ones would drown the last, so each time the
    ring is full its sum is replaced by one that was added up afresh.
    """

    def init(params: optax.Params) -> MovingState:
        zeros = jax.tree.map(jnp.zeros_like, params)
        ring = jax.tree.map(lambda p: jnp.zeros((window, *p.shape), p.dtype), params)
        return MovingState(jnp.zeros([], jnp.int32), ring, zeros, zeros, zeros)

    def update(updates: optax.Updates, state: Any, params: optax.Params | None = None) -> Any:
        slot = state.steps % window
        full = active & (state.steps + 1 >= window)
        old = state.leaving
        new = jax.tree.map(lambda g, o: jnp.where(active, g, o), updates, old)
        ring = jax.tree.map(lambda ring, row: _written(ring, row, slot), state.ring, new)
        steps = state.steps + jnp.int32(active)
        leaving = jax.tree.map(
            lambda ring: jax.lax.dynamic_index_in_dim(ring, steps % window, keepdims=False), ring
        )
        fresh = jax.tree.map(
            lambda f, n: jnp.where(active, jnp.where(slot == 0, n, f + n), f), state.fresh, new
        )
        total = jax.tree.map(
            lambda t, n, o, f: jnp.where(active & (slot == window - 1), f, t + (n - o)),
            *(state.total, new, old, fresh),
        )
        add = jnp.where(full, strength / window, 0.0)
        amplified = jax.tree.map(lambda g, t: g + add * t, updates, total)
        return amplified, MovingState(steps, ring, leaving, total, fresh)

    return optax.GradientTransformation(init, update)
