"""Rules that optax does not have, each a `GradientTransformation` of one member.

All take `active` (bool `[]`): on a step without rows, whose gradients are zero,
an update changes neither parameters nor state, to the bit. Scalars do that;
selecting between old and new arrays was tried and costs 6% in copies of the state.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

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
        if up != 1:
            updates = optax.tree.scale(up, updates)
        average1, average2 = _averaging(beta1, active), _averaging(beta2, active)
        mu = jax.tree.map(average1, state.mu, updates)
        nu = jax.tree.map(lambda n, g: average2(n, g * g), state.nu, updates)
        unbias1, unbias2 = _bias_correction(beta1, count), _bias_correction(beta2, count)
        rescaled = jax.tree.map(
            lambda m, n: m * unbias1 / (jnp.sqrt(n * unbias2) + eps * up), mu, nu
        )
        return rescaled, optax.ScaleByAdamState(count, mu, nu)

    return optax.GradientTransformation(init, update)


def _averaging(beta: float, active: jax.Array | bool) -> Callable[[Any, Any], Any]:
    """Return the function (old, new) -> beta * old + (1 - beta) * new; old if not active.

    `float32(beta) * old` would give the average another memory: at `beta` = 0.999 by 1 part in
    80 000, so that late updates are off by 6e-6. Here only the smaller of the two factors is
    rounded. A step that is not active has zeros for `new`.
    """
    if beta >= 0.5:  # `where` on the difference: an average that has overflowed stays as it is
        return lambda old, new: old + (1 - beta) * jnp.where(active, new - old, 0.0)
    keep = jnp.where(active, beta, 1.0)
    return lambda old, new: new + keep * (old - new)


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
        # Neither `1 - progress` nor `1 + cos(pi * progress)`: towards the end both lose all digits.
        length = jnp.maximum(decay_steps, 1)
        left = jnp.clip((length - (count - warmup_steps)) / length, 0, 1)
        if kind == "cosine":
            left = jnp.sin(math.pi / 2 * left) ** 2
        return rising * (final_rate + (1 - final_rate) * left)

    def update(updates: optax.Updates, state: Any, params: optax.Params | None = None) -> Any:
        now = factor(state.count.astype(jnp.float32))
        return optax.tree.scale(now, updates), state._replace(count=state.count + jnp.int32(active))

    return optax.GradientTransformation(_counted, update)
