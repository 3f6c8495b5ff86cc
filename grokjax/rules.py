"""Rules that optax does not have, each a `GradientTransformation` of one member.

All take `active` (bool `[]`): on a step without rows, whose gradients are zero,
an update changes neither parameters nor state, to the bit. Scalars do that;
selecting between old and new arrays was tried and costs 6% in copies of the state.
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

TINY = 1e-30

TINY_EPS, UP = 1e-12, 2.0**40
"""Where eps does not hold Adam back, gradients below 1e-19 do harm: their squares are flushed to
zero on CPU, and what is divided by the root of that is far too long a step. Seen in recipe
`prieto-stablemax` (eps 1e-25): weights grew a hundredfold at once at epoch 60 000."""


def scale_by_adam(
    beta1: float, beta2: float, eps: float, active: jax.Array | bool = True
) -> optax.GradientTransformation:
    """Adam's rescaling (Kingma & Ba 2015, Algorithm 1), rounded alike on any device count.

    `optax.scale_by_adam` divides the moments by the bias corrections. Mapped
    over lanes, XLA turns that division into a product with a reciprocal on one
    device and not on two, and the last bits of a member differ. Here the
    reciprocals are written out. The state is optax's.

    With a tiny eps the moments are those of gradients times `UP`, a power of two, so
    nothing else is rounded otherwise.
    """
    up = UP if eps < TINY_EPS else 1.0

    def init(params: optax.Params) -> optax.ScaleByAdamState:
        zeros = jax.tree.map(jnp.zeros_like, params)
        return optax.ScaleByAdamState(jnp.zeros([], jnp.int32), zeros, zeros)

    def update(
        updates: optax.Updates, state: optax.OptState, params: optax.Params | None = None
    ) -> tuple[optax.Updates, optax.ScaleByAdamState]:
        assert isinstance(state, optax.ScaleByAdamState)
        count = state.count + jnp.int32(active)
        keep1, keep2 = jnp.where(active, beta1, 1.0), jnp.where(active, beta2, 1.0)
        if up != 1:
            updates = optax.tree.scale(up, updates)
        mu = jax.tree.map(lambda m, g: keep1 * m + (1 - beta1) * g, state.mu, updates)
        nu = jax.tree.map(lambda n, g: keep2 * n + (1 - beta2) * g * g, state.nu, updates)
        unbias1, unbias2 = _bias_correction(beta1, count), _bias_correction(beta2, count)
        rescaled = jax.tree.map(
            lambda m, n: m * unbias1 / (jnp.sqrt(n * unbias2) + eps * up), mu, nu
        )
        return rescaled, optax.ScaleByAdamState(count, mu, nu)

    return optax.GradientTransformation(init, update)


def _bias_correction(beta: float, count: jax.Array) -> jax.Array:
    """Return `1 / (1 - beta**count)`, float32 `[]`, exact to the last digits from the first step.

    `1 - float32(beta)**count` subtracts two numbers near 1 and loses five of seven digits at
    `beta` = 0.999; `-expm1(count * log(beta))` loses none.
    """
    if beta == 0:
        return jnp.ones([], jnp.float32)
    return -1 / jnp.expm1(count.astype(jnp.float32) * math.log(beta))


def orthogonal_gradient() -> optax.GradientTransformation:
    """The part of each array's gradient orthogonal to the array, at the gradient's norm.

    Prieto et al. 2025, Algorithm 1, with the constants of their code.
    """

    def project(g: Any, w: Any) -> jax.Array:
        across = g - jnp.vdot(w, g) / (jnp.vdot(w, w) + TINY) * w
        return across * (optax.safe_norm(g, 0.0) / (optax.safe_norm(across, 0.0) + TINY))

    return optax.stateless_with_tree_map(project)


def gradient_noise(
    key: jax.Array, deviation: jax.Array, active: jax.Array | bool = True
) -> optax.GradientTransformation:
    """Adds normal noise of constant deviation, drawn anew at each step of the member.

    `optax.add_noise` has a Python integer for a seed, and noise that must decay.
    """

    def update(updates: optax.Updates, state: Any, params: optax.Params | None = None) -> Any:
        drawn = jax.random.fold_in(key, state.count)
        leaves, tree = jax.tree.flatten(updates)
        strength = jnp.where(active, deviation, 0)
        noisy = [
            g + strength * jax.random.normal(jax.random.fold_in(drawn, i), g.shape)
            for i, g in enumerate(leaves)
        ]
        count = state.count + jnp.int32(active)
        return jax.tree.unflatten(tree, noisy), state._replace(count=count)

    return optax.GradientTransformation(_counted, update)


def _counted(params: optax.Params) -> optax.ScaleByScheduleState:
    return optax.ScaleByScheduleState(jnp.zeros([], jnp.int32))


def scheduled(
    kind: str,
    warmup_steps: jax.Array,
    decay_steps: jax.Array,
    final_rate: jax.Array,
    active: jax.Array | bool = True,
) -> optax.GradientTransformation:
    """A factor on the updates: from 0 at the first step up to 1, then along the schedule.

    The first step is of size 0, as in Power et al. and Nanda et al. optax's
    schedules compare their lengths in Python, so they cannot be traced.

    Args:
      kind: constant, cosine or linear.
      warmup_steps: float32 `[]`; 0: none.
      decay_steps: float32 `[]`, after the warm-up.
      final_rate: float32 `[]`, the factor after both.
      active: false on a step without rows.
    """

    def factor(count: jax.Array) -> jax.Array:
        rising = jnp.where(count < warmup_steps, count / jnp.maximum(warmup_steps, 1), 1.0)
        if kind == "constant":
            return rising
        progress = jnp.clip((count - warmup_steps) / jnp.maximum(decay_steps, 1), 0, 1)
        left = 1 - progress if kind == "linear" else (1 + jnp.cos(math.pi * progress)) / 2
        return rising * (final_rate + (1 - final_rate) * left)

    def update(updates: optax.Updates, state: Any, params: optax.Params | None = None) -> Any:
        now = factor(state.count.astype(jnp.float32))
        return optax.tree.scale(now, updates), state._replace(count=state.count + jnp.int32(active))

    return optax.GradientTransformation(_counted, update)


class EmaState(NamedTuple):
    """Of `grokfast_ema`."""

    steps: jax.Array  # int32 []
    ema: Any  # as the gradients


def grokfast_ema(
    alpha: jax.Array, strength: jax.Array, active: jax.Array | bool = True
) -> optax.GradientTransformation:
    """Adds `strength` times an exponential average of the gradients (Lee et al. 2024, Grokfast).

    The average begins with the first gradient, as in their code.
    """

    def init(params: optax.Params) -> EmaState:
        return EmaState(jnp.zeros([], jnp.int32), jax.tree.map(jnp.zeros_like, params))

    def update(updates: optax.Updates, state: Any, params: optax.Params | None = None) -> Any:
        keep = jnp.where(active, jnp.where(state.steps == 0, 0.0, alpha), 1.0)
        ema = jax.tree.map(lambda e, g: keep * e + (1 - keep) * g, state.ema, updates)
        add = jnp.where(active, strength, 0.0)
        amplified = jax.tree.map(lambda g, e: g + add * e, updates, ema)
        return amplified, EmaState(state.steps + jnp.int32(active), ema)

    return optax.GradientTransformation(init, update)


class MovingState(NamedTuple):
    """Of `grokfast_ma`; W steps a window. `fresh`: the sum since the ring was last full."""

    steps: jax.Array  # int32 []
    ring: Any  # [W, ...]
    leaving: Any  # as the gradients, the row of the ring that is written next
    total: Any  # as the gradients, the sum of the ring
    fresh: Any  # as the gradients


def _written(ring: jax.Array, row: jax.Array, slot: jax.Array) -> jax.Array:
    """`ring` `[W, ...]` with `row` at `slot`; mapped over lanes, an update would be a scatter."""

    def selected(ring: jax.Array, row: jax.Array, slot: jax.Array) -> jax.Array:
        here = jnp.arange(len(ring)) == slot
        return jnp.where(jnp.expand_dims(here, range(1, ring.ndim)), row[None], ring)

    update = lambda ring, row, slot: jax.lax.dynamic_update_index_in_dim(ring, row, slot, 0)  # noqa: E731
    return jax.lax.platform_dependent(ring, row, slot, cpu=update, default=selected)


def grokfast_ma(
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
