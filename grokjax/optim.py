"""Optimisers built from traced hyperparameters."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax

from grokjax import grokfast, rules
from grokjax.config import Config
from grokjax.hypers import Hypers
from grokjax.streams import GRADIENT_NOISE, stream


def build(
    config: Config, hypers: Hypers, active: jax.Array | bool = True, start: Any = None
) -> optax.GradientTransformation:
    """The optimiser of one member: what it makes of gradients, in the order in which it does.

    Noise, Grokfast's filter, the projection off the weights; then the optimiser
    proper, which is AdamW with decoupled decay (Loshchilov & Hutter 2019), Adam with
    coupled L2 or SGD with momentum, both as torch has them; then the schedule.

    Built inside the mapped function from this member's traced rate and decay;
    betas and eps stay Python floats. `optax.inject_hyperparams` was tried: it
    turns the betas into traced float32 and so changes the rounding of
    `1 - beta2`, and with it the parameters by 6e-2 in 2 000 steps.

    Args:
      config: which parts there are.
      hypers: how strong they are.
      active: false on a step without rows (see `grokjax.rules`).
      start: the initial parameters, where decay pulls towards them.
    """
    parts = []
    if config.gradient_noise:
        key = stream(hypers.seed, GRADIENT_NOISE)
        parts.append(rules.gradient_noise(key, hypers.gradient_noise, active))
    if config.grokfast == "ema":
        parts.append(grokfast.ema(hypers.grokfast_share, hypers.grokfast_lambda, active))
    if config.grokfast == "ma":
        parts.append(
            grokfast.moving_average(config.grokfast_window, hypers.grokfast_lambda, active)
        )
    if config.orthogonal_gradient:
        parts.append(rules.orthogonal_gradient())
    parts += _proper(config, hypers, active, start)
    if config.schedule != "constant" or config.warmup_steps:
        lengths = hypers.warmup_steps, hypers.decay_steps, hypers.final_rate
        parts.append(rules.scheduled(config.schedule, *lengths, active))
    rate = jnp.where(active, hypers.learning_rate, 0)
    return optax.chain(*parts, optax.scale_by_learning_rate(rate))


def _proper(config: Config, hypers: Hypers, active: jax.Array | bool, start: Any) -> list[Any]:
    """AdamW, Adam or SGD with their decay."""
    if config.optimizer == "adamw":
        adam = rules.scale_by_adam(config.beta1, config.beta2, config.eps, active)
        return [adam, _decay(config, hypers.weight_decay, start)]
    coupled = _decay(config, jnp.where(active, hypers.weight_decay, 0), start)
    if config.optimizer == "adam":
        return [coupled, rules.scale_by_adam(config.beta1, config.beta2, config.eps, active)]
    return [coupled, optax.trace(jnp.where(active, config.beta1, 1.0))]


def _decay(config: Config, strength: jax.Array, start: Any) -> optax.GradientTransformation:
    if config.decay_towards == "zero":
        return optax.add_decayed_weights(strength)
    pull = lambda g, p, s: g + strength * (p - s)  # noqa: E731
    return optax.stateless(lambda updates, params: jax.tree.map(pull, updates, params, start))
