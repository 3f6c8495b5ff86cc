"""What interventions do, as functions of traced settings: see `grokjax.optim.intervention`."""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp

from grokjax.optim.optimizer import decayed

Params = Any


@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class Moment:
    """What an intervention is told of the step in which it acts.

    since: int32 `[]`, updates since it began, 0 at the first; negative before, when what it does is
    thrown away. measured: what its effect measured of the weights before that first update; an
    empty tuple if it measures nothing. now: what it measures of the weights after this update.
    """

    since: jax.Array
    measured: Any
    now: Any


@dataclass(frozen=True)
class Effect:
    """What an intervention does once it has begun.

    weights: (Params, Moment) -> Params, after each update.
    measure: Params -> arrays, of the weights after each update, and before the first.
    waits: whether `weights` returns the parameters as they are while `since` is negative. Otherwise
      grokjax sees to it, which takes as long as another pass over the weights.
    settings: Hypers -> Hypers, those of the update.
    temperature: float32 `[]`, divisor of the logits in the loss that is trained on.
    """

    weights: Callable[[Params, Moment], Params] | None = None
    measure: Callable[[Params], Any] = lambda params: ()
    waits: bool = False
    settings: Callable[[Any], Any] = lambda hypers: hypers
    temperature: jax.Array | float = 1.0


def chosen(params: Params, which: str) -> Any:
    """Return the tree of True and False that says which arrays `which` names.

    which: all; matrices, the arrays that are no biases (see `optimizer.decayed`); or a layer.
    """
    if which == "matrices":
        return decayed(params, "no-biases")
    return {
        layer: jax.tree.map(lambda _, own=which in ("all", layer): own, each)
        for layer, each in params.items()
    }


def scaled(params: Params, factor: jax.Array, which: Any) -> Params:
    """Multiply the arrays that the tree `which` chooses by a factor, `[]`."""
    return jax.tree.map(lambda p, own: factor * p if own else p, params, which)


def norm(params: Params, which: Any) -> jax.Array:
    """Return the norm of the arrays that the tree `which` chooses, float32 `[]`."""
    squares = jax.tree.map(lambda p, own: _sum_of_squares(p) if own else 0.0, params, which)
    return jnp.sqrt(sum(jax.tree.leaves(squares), jnp.float32(0)))


def _sum_of_squares(array: jax.Array) -> jax.Array:
    """Sum the squares of an array, in 16 rows that are added to each other, twice.

    On CPU, XLA adds one number after the other along a sum. Whole rows are added eight numbers at a
    time: a step of recipe `notebook` with `clamp-norm` takes 4% longer, and not 25%.
    """
    flat, rest = _folded(jnp.square, array.reshape(-1))
    flat, left = _folded(lambda row: row, flat)
    return jnp.sum(flat) + rest + left


def _folded(of: Callable[[jax.Array], jax.Array], flat: jax.Array) -> tuple[Any, Any]:
    """Return the sum of 16 rows of `of(flat)`, and the sum of the numbers that are left."""
    length = flat.size // 16
    if length == 0:
        return jnp.zeros(1), jnp.sum(of(flat))
    rows = [of(flat[i * length : (i + 1) * length]) for i in range(16)]
    return functools.reduce(jnp.add, rows), jnp.sum(of(flat[16 * length :]))


def clamp_norm(clamp_norm: jax.Array, clamp_ratio: jax.Array, clamp_weights: str) -> Effect:
    """Rescale weights together to a norm, `[]`, see `interventions.ClampNorm`."""

    def measure(params: Params) -> jax.Array:
        return norm(params, chosen(params, clamp_weights))

    def weights(params: Params, moment: Moment) -> Params:
        which = chosen(params, clamp_weights)
        reference = jnp.where(jnp.isnan(clamp_norm), moment.measured, clamp_norm)
        factor = jnp.where(moment.since >= 0, clamp_ratio * reference / moment.now, 1.0)
        return scaled(params, factor, which)

    return Effect(weights=weights, measure=measure, waits=True)


def rescale(rescale_factor: jax.Array, rescale_weights: str) -> Effect:
    """Multiply weights by a factor, `[]`, once, see `interventions.Rescale`."""

    def weights(params: Params, moment: Moment) -> Params:
        factor = jnp.where(moment.since == 0, rescale_factor, 1.0)
        return scaled(params, factor, chosen(params, rescale_weights))

    return Effect(weights=weights, waits=True)


def change_settings(changed_learning_rate: jax.Array, changed_weight_decay: jax.Array) -> Effect:
    """Change settings of updates to others, `[]`, see `interventions.ChangeSettings`."""
    changes = {"learning_rate": changed_learning_rate, "weight_decay": changed_weight_decay}

    def settings(hypers: Any) -> Any:
        return hypers._replace(
            **{n: jnp.where(jnp.isnan(v), getattr(hypers, n), v) for n, v in changes.items()}
        )

    return Effect(settings=settings)


def temperature(logit_temperature: jax.Array) -> Effect:
    """Divide logits in the training loss by a number, `[]`, see `interventions.Temperature`."""
    return Effect(temperature=logit_temperature)


def of_function(
    source: Callable[..., Any], accepted: Collection[str], hypers: Any, own: Any
) -> Effect:
    """Return the effect of a user's function from parameters to parameters."""
    settings = own.own_values(hypers)

    def weights(params: Params, moment: Moment) -> Params:
        given = {"params": params, "moment": moment}
        return source(**{n: given[n] for n in accepted}, **settings)

    return Effect(weights=weights)
