"""Transformations of gradients that optax does not have, or not as exactly, for one member."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

TINY = 1e-30

TINY_EPS, SCALED_UP = 1e-12, 2.0**40
"""Where eps does not hold Adam back, gradients below 1e-19 do harm: their squares are flushed to
zero on CPU, and dividing by the root of that gives far too long a step. Seen in recipe
`prieto-stablemax` (eps 1e-25): weights grew a hundredfold at once at epoch 60 000."""


def scale_by_adam(beta1: float, beta2: float, eps: float) -> optax.GradientTransformation:
    """Rescale gradients as Adam does (Kingma & Ba 2015, Algorithm 1), exactly in float32.

    It differs from `optax.scale_by_adam` in three ways. The averages and bias corrections keep all
    digits of betas near 1. With a tiny eps the moments are those of gradients times `SCALED_UP`, a
    power of two, so nothing else is rounded otherwise. And reciprocals are written out: XLA may
    turn optax's divisions by the bias corrections into products or not, depending on the rest of
    the program (`numerics.CPU_OPTIONS`). The state is optax's.
    """
    scale = SCALED_UP if eps < TINY_EPS else 1.0

    def init(params: optax.Params) -> optax.ScaleByAdamState:
        zeros = jax.tree.map(jnp.zeros_like, params)
        return optax.ScaleByAdamState(jnp.zeros([], jnp.int32), zeros, zeros)

    def update(
        updates: optax.Updates, state: optax.OptState, params: optax.Params | None = None
    ) -> tuple[optax.Updates, optax.ScaleByAdamState]:
        assert isinstance(state, optax.ScaleByAdamState)
        count = jnp.asarray(state.count) + 1
        if scale != 1:
            updates = optax.tree.scale(scale, updates)
        average1, average2 = _averaging(beta1), _averaging(beta2)
        mu = jax.tree.map(average1, state.mu, updates)
        nu = jax.tree.map(lambda n, g: average2(n, g * g), state.nu, updates)
        unbias1, unbias2 = _bias_correction(beta1, count), _bias_correction(beta2, count)
        rescaled = jax.tree.map(
            lambda m, n: m * unbias1 / (jnp.sqrt(n * unbias2) + eps * scale), mu, nu
        )
        return rescaled, optax.ScaleByAdamState(count, mu, nu)

    return optax.GradientTransformation(init, update)


def _averaging(beta: float) -> Callable[[Any, Any], Any]:
    """Return the function (old, new) -> beta * old + (1 - beta) * new.

    `float32(beta) * old` would give the average another memory: at `beta` = 0.999 by 1 part in
    80 000, so that late updates are off by 6e-6. Here only the smaller of the two factors is
    rounded.
    """
    if beta >= 0.5:
        return lambda old, new: old + (1 - beta) * (new - old)
    return lambda old, new: new + beta * (old - new)


def _bias_correction(beta: float, count: jax.Array) -> jax.Array:
    """Return `1 / (1 - beta**count)`, float32 `[]`, exact to the last digits from the first step.

    `1 - float32(beta)**count` subtracts two numbers near 1 and loses five of seven digits at
    `beta` = 0.999; `-expm1(count * log(beta))` loses none.
    """
    if beta == 0:
        return jnp.ones([])
    return -1 / jnp.expm1(count.astype(float) * math.log(beta))


def momentum(beta1: float) -> optax.GradientTransformation:
    """Accumulate gradients as torch's SGD does: `optax.trace`."""
    return optax.trace(beta1)


def array_name(path: Any) -> str | None:
    """Return what the module calls an array, such as `kernel`, from its path in the parameters."""
    return getattr(path[-1], "key", None) if path else None  # a bare array has no path


def scale_embeddings(ratio: jax.Array) -> optax.GradientTransformation:
    """Multiply the updates of embeddings, the arrays named `embedding`, by float32 `[]`."""

    def scaled(path: Any, update: jax.Array) -> jax.Array:
        return ratio * update if array_name(path) == "embedding" else update

    return optax.stateless(
        lambda updates, params: jax.tree_util.tree_map_with_path(scaled, updates)
    )


def orthogonal_gradient() -> optax.GradientTransformation:
    """Keep the part of each array's gradient that is orthogonal to the array, at the same norm.

    Prieto et al. 2025, Algorithm 1, with the constants of their code.
    """

    def project(g: Any, w: Any) -> jax.Array:
        across = g - jnp.vdot(w, g) / (jnp.vdot(w, w) + TINY) * w
        return across * (optax.safe_norm(g, 0.0) / (optax.safe_norm(across, 0.0) + TINY))

    return optax.stateless_with_tree_map(project)


def gradient_noise(key: jax.Array, deviation: jax.Array) -> optax.GradientTransformation:
    """Add normal noise of constant deviation, drawn anew at each step of the member.

    deviation: float32 `[]`. `optax.add_noise` scales its noise by the step to a power, and makes
    its key from an integer.
    """

    def update(updates: optax.Updates, state: Any, params: optax.Params | None = None) -> Any:
        drawn = jax.random.fold_in(key, state.count)
        leaves, tree = jax.tree.flatten(updates)
        noisy = [
            g + deviation * jax.random.normal(jax.random.fold_in(drawn, i), g.shape, jnp.float32)
            for i, g in enumerate(leaves)
        ]
        return jax.tree.unflatten(tree, noisy), state._replace(count=state.count + 1)

    def init(params: optax.Params) -> optax.ScaleByScheduleState:
        return optax.ScaleByScheduleState(jnp.zeros([], jnp.int32))

    return optax.GradientTransformation(init, update)


def schedule_factor(
    kind: str, warmup_steps: jax.Array, decay_steps: jax.Array, final_rate: jax.Array
) -> optax.Schedule:
    """Return the factor on the learning rate as a function of the step.

    It rises from 0 at the first step to 1, as in Power et al. and Nanda et al., then follows the
    schedule. optax's schedules compare their lengths in Python, so those cannot be traced.

    Args:
      kind: constant, cosine or linear.
      warmup_steps: float32 `[]`; 0 for no warm-up.
      decay_steps: float32 `[]`, after the warm-up.
      final_rate: float32 `[]`, the factor after both.
    """

    def factor(step: Any) -> jax.Array:
        count = step.astype(float)
        rising = jnp.where(count < warmup_steps, count / jnp.maximum(warmup_steps, 1), 1.0)
        if kind == "constant":
            return rising
        # Neither `1 - progress` nor `1 + cos(pi * progress)`: towards the end both lose all digits.
        length = jnp.maximum(decay_steps, 1)
        left = jnp.clip((length - (count - warmup_steps)) / length, 0, 1)
        if kind == "cosine":
            left = jnp.sin(math.pi / 2 * left) ** 2
        return rising * (final_rate + (1 - final_rate) * left)

    return factor
