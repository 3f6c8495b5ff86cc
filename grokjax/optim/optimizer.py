"""The optimiser of one member: a chain of transformations built from traced hyperparameters."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import optax

from grokjax.errors import ConfigError, printable, reason, without_note
from grokjax.optim import grokfast, transforms
from grokjax.runtime.prng import GRADIENT_NOISE, stream_key


def build_optimizer(program: Any, hypers: Any, start: Any = None) -> optax.GradientTransformation:
    """Chain noise, Grokfast's filter, the orthogonal projection, and the update rule.

    It is built inside of the mapped function from this member's traced rate and decay; static
    settings stay Python floats. `optax.inject_hyperparams` was tried: it turns the betas into
    traced float32, which changes the rounding of `1 - beta2`, and the parameters by 6e-2 in 2 000
    steps.

    Args:
      program: the settings of the program (`grokjax.config.ProgramConfig`): which parts there are.
      hypers: the member's hyperparameters: how strong they are.
      start: the initial parameters, where decay pulls towards them.
    """
    parts = []
    if program.uses("gradient_noise"):
        key = stream_key(hypers.seed, GRADIENT_NOISE)
        parts.append(transforms.gradient_noise(key, hypers.gradient_noise))
    if program.grokfast == "ema":
        parts.append(grokfast.ema(hypers.grokfast_share, hypers.grokfast_lambda))
    if program.grokfast == "ma":
        parts.append(grokfast.moving_average(program.grokfast_window, hypers.grokfast_lambda))
    if program.orthogonal_gradient:
        parts.append(transforms.orthogonal_gradient())
    factor = None
    if program.schedule != "constant" or program.uses("warmup_steps"):
        lengths = hypers.warmup_steps, hypers.decay_steps, hypers.final_rate
        factor = transforms.schedule_factor(program.schedule, *lengths)
    rule = program.rule
    decay = _decay(program, hypers.weight_decay, start)
    if rule.complete:
        parts += _complete(program, hypers, decay, factor)
    else:
        direction = rule.transformation(hypers=hypers)
        parts += [direction, decay] if rule.decay == "decoupled" else [decay, direction]
        if factor is not None:
            parts.append(optax.scale_by_schedule(factor))
        parts.append(optax.scale_by_learning_rate(hypers.learning_rate))
    if program.uses("embedding_learning_rate"):
        parts.append(transforms.scale_embeddings(hypers.embedding_rate_ratio))
    return optax.chain(*parts)


def _complete(program: Any, hypers: Any, decay: Any, factor: Any) -> list[Any]:
    """Return a rule that applies the learning rate itself, with coupled decay if it has none."""
    rule, rate = program.rule, hypers.learning_rate
    rate = rate if factor is None else (lambda step: hypers.learning_rate * factor(step))
    if "weight_decay" not in rule.provided:
        return [decay, rule.transformation(hypers=hypers, learning_rate=rate)]
    mask = None
    if program.weight_decay_on != "all":
        mask = lambda params: decayed(params, program.weight_decay_on)  # noqa: E731
    return [
        rule.transformation(
            hypers=hypers,
            learning_rate=rate,
            weight_decay=hypers.weight_decay,
            mask=mask,
            weight_decay_mask=mask,
        )
    ]


def _decay(program: Any, strength: jax.Array, start: Any) -> optax.GradientTransformation:
    """Add `strength` times the arrays that decay, or their distance from the start."""
    if program.weight_decay_on == "all" and program.decay_towards == "zero":
        return optax.add_decayed_weights(strength)

    def add(updates: Any, params: Any) -> Any:
        origin = jax.tree.map(jnp.zeros_like, params) if start is None else start
        pull = lambda g, p, s, decays: g + strength * (p - s) if decays else g  # noqa: E731
        return jax.tree.map(pull, updates, params, origin, decayed(params, program.weight_decay_on))

    return optax.stateless(add)


def decayed(params: Any, which: str) -> Any:
    """Return the tree of True and False that says which arrays decay.

    Arrays that the module calls `bias` or `scale`, as layer norms do, and those of at most one
    dimension count as biases; an embedding is an array that the module calls `embedding`.
    """

    def decays(path: Any, array: Any) -> bool:
        name = transforms.array_name(path)
        bias, embedding = array.ndim <= 1 or name in ("bias", "scale"), name == "embedding"
        return not (
            (bias and which in ("no-biases", "kernels"))
            or (embedding and which in ("no-embeddings", "kernels"))
        )

    return jax.tree_util.tree_map_with_path(decays, params)


def check_rule(name: str, program: Any, hypers: Any, params: Any) -> None:
    """Raise ConfigError, naming the rule, unless it updates such parameters.

    Args:
      name: the rule's name.
      program: as for `build_optimizer`.
      hypers: as for `build_optimizer`; shapes will do.
      params: shapes of the parameters.
    """
    part = "its function"

    def once(hypers: Any, params: Any) -> tuple[Any, Any, Any]:
        nonlocal part
        optimizer = build_optimizer(program, hypers, params)
        part = "its init(params)"
        state = optimizer.init(params)
        part = "its update(gradients, state, params)"
        updates, after = optimizer.update(params, state, params)
        return updates, state, after

    try:
        updates, before, after = jax.eval_shape(once, hypers, params)
    except ConfigError as error:
        raise ConfigError(without_note(error)) from error
    except Exception as error:  # whatever the user's function raises
        raise ConfigError(
            f"optimizer {name}: {part} must work for such parameters, got {reason(error)}"
        ) from error
    check_alike(f"optimizer {name}: its updates", updates, params)
    check_alike(f"optimizer {name}: after an update, its state", after, before)
    real = "float64" if program.precision == "float64" else "float32"
    for leaf in jax.tree.leaves(before):
        if str(leaf.dtype) not in (real, "int32", "uint32", "bool"):
            raise ConfigError(
                f"optimizer {name}: its state must be {real}, int32, uint32 or bool, "
                f"got {leaf.dtype}"
            )


def check_alike(what: str, found: Any, wanted: Any) -> None:
    """Raise ConfigError unless two trees have the same structure, shapes and dtypes."""
    expected, got = _arrays_by_place(wanted), _arrays_by_place(found)
    for place in (*expected, *got):
        if got.get(place) != expected.get(place):
            where = f" for {printable(place)}" if place else ""
            raise ConfigError(
                f"{what}{where} must be {expected.get(place, 'absent')}, got {got.get(place)}"
            )
    structures = jax.tree.structure(wanted), jax.tree.structure(found)
    if structures[0] != structures[1]:
        raise ConfigError(
            f"{what} must be a {printable(structures[0])}, got a {printable(structures[1])}"
        )


def _arrays_by_place(tree: Any) -> dict[str, str]:
    """Return the dtype and the shape of each array of a tree by its place in it."""
    leaves, place_of = jax.tree_util.tree_leaves_with_path(tree), jax.tree_util.keystr
    return {
        place_of(path, simple=True, separator="/"): f"{array.dtype} {list(array.shape)}"
        for path, array in leaves
    }
