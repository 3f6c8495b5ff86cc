"""Every optimiser, schedule and filter against a loop in NumPy float64 as it was published."""

import functools

import jax
import numpy as np
import optax
import pytest

from grokjax.config.config import Config
from grokjax.optim.optimizer import build_optimizer
from tests.optim.rules_by_hand import (
    GRADIENTS,
    START,
    STEPS,
    expected,
    hypers,
    in_float64,
    normal,
    slow_ma,
)

same = np.testing.assert_array_equal


@functools.cache
def stepper(config):
    """Return a compiled step (gradient, state, parameters) -> (parameters, state), and a state."""
    program, own = config.program, hypers(config)

    @jax.jit
    def step(gradient, state, params):
        optimizer = build_optimizer(program, own, START)
        updates, state = optimizer.update(gradient, state, params)
        return optax.apply_updates(params, updates), state

    return step, build_optimizer(program, own).init(START)


def trained(config, gradients=GRADIENTS):
    """Return the parameters after each step, `[T, ...]`."""
    (step, state), params, every = stepper(config), START, []
    for t in range(len(gradients["first"]["bias"])):
        params, state = step(jax.tree.map(lambda g, t=t: g[t], gradients), state, params)
        every.append(jax.tree.map(np.asarray, params))
    return jax.tree.map(lambda *x: np.stack(x), *every)


def last(hypers, program, gradients):
    """Return the parameters after all steps, for traced strengths."""
    optimizer = build_optimizer(program, hypers, start=START)

    def step(carry, gradient):
        updates, state = optimizer.update(gradient, carry[1], carry[0])
        return (optax.apply_updates(carry[0], updates), state), None

    return jax.lax.scan(step, (START, optimizer.init(START)), gradients)[0][0]


def compare(config, gradients=GRADIENTS, rtol=2e-4):
    """Compare the movement since the start, step by step, relative to its own size."""
    found = in_float64(trained(config, gradients))
    for name, rows in expected(config, gradients).items():
        start = in_float64(START)[name]
        assert found[name].shape == rows.shape
        for t, (ours, theirs) in enumerate(zip(found[name], rows, strict=True)):
            error = np.linalg.norm(ours - theirs)
            # Beside the movement there is the rounding of the parameters themselves.
            bound = rtol * np.linalg.norm(theirs - start) + 1e-7 * (t + 1) * np.abs(rows).max()
            assert error <= bound, f"{name}, step {t}: {error:.1e} > {bound:.1e}"


BASE = {"learning_rate": 0.02, "weight_decay": 0.3, "beta2": 0.98}
SGD = {"optimizer": "sgd", "learning_rate": 0.01}
INITIAL = {"decay_towards": "initial"}

RULES = {
    "adamw": {},
    "adamw, other betas and eps": {"beta1": 0.7, "beta2": 0.9, "eps": 0.1},
    "adam with coupled L2": {"optimizer": "adam", "weight_decay": 2.0},
    "sgd": SGD,
    "sgd without momentum": SGD | {"beta1": 0.0},
    "sgd with L2": SGD | {"weight_decay": 2.0, "beta1": 0.8},
    "adamw towards initial": INITIAL | {"weight_decay": 5.0},
    "adam towards initial": INITIAL | {"optimizer": "adam", "weight_decay": 2.0},
    "sgd towards initial": INITIAL | SGD | {"weight_decay": 2.0},
    "warm-up": {"warmup_steps": 10},
    "warm-up of one step": {"warmup_steps": 1},
    "sgd with warm-up": SGD | {"warmup_steps": 7},
    "cosine": {"schedule": "cosine", "decay_steps": 25},
    "cosine to a tenth, warmed up": {
        **{"schedule": "cosine", "decay_steps": 20, "warmup_steps": 6, "final_rate": 0.1}
    },
    "linear": {"schedule": "linear", "decay_steps": 30},
    "linear to a third, warmed up": {
        **{"schedule": "linear", "decay_steps": 18, "warmup_steps": 5, "final_rate": 1 / 3}
    },
    "linear still falling": {"schedule": "linear", "decay_steps": 100},
    "grokfast ema": {"grokfast": "ema"},
    "grokfast ema, own strength": SGD
    | {"grokfast": "ema", "grokfast_alpha": 0.8, "grokfast_lambda": 0.7},
    "grokfast ema without memory": SGD | {"grokfast": "ema", "grokfast_alpha": 0.0},
    "grokfast ma": {"grokfast": "ma", "grokfast_window": 6},
    "grokfast ma, own strength": SGD
    | {"grokfast": "ma", "grokfast_window": 9, "grokfast_lambda": 0.7},
    "grokfast ma of one": SGD | {"grokfast": "ma", "grokfast_window": 1},
    "grokfast ma never full": SGD | {"grokfast": "ma", "grokfast_window": 60},
    "orthogonal": {"orthogonal_gradient": True},
    "orthogonal sgd": SGD | {"orthogonal_gradient": True, "weight_decay": 0.0, "beta1": 0.0},
    "orthogonal, other betas and eps": {
        **{"orthogonal_gradient": True, "beta1": 0.5, "beta2": 0.7, "eps": 0.3}
    },
    "all at once": INITIAL
    | {"grokfast": "ema", "orthogonal_gradient": True, "schedule": "cosine"}
    | {"decay_steps": 30, "warmup_steps": 4, "final_rate": 0.2},
    "averages, then off the weights": SGD
    | {"grokfast": "ma", "grokfast_window": 5, "orthogonal_gradient": True},
}

each_rule = pytest.mark.parametrize("rule", RULES)


def config_with(settings):
    """Return a config of the base with these settings; SGD has no second moment."""
    given = BASE | settings
    if given.get("optimizer") == "sgd":
        del given["beta2"]
    return Config(**given)


@each_rule
def test_40_steps_against_numpy(rule):
    compare(config_with(RULES[rule]))


def test_a_warm_up_begins_with_a_step_of_nothing_and_rises_evenly():
    """SGD without momentum moves by the rate times the gradient, which is 1 everywhere."""
    ones = jax.tree.map(np.ones_like, GRADIENTS)
    config = Config(
        optimizer="sgd", beta1=0.0, weight_decay=0.0, learning_rate=1.0, warmup_steps=10
    )
    every = trained(config, ones)
    path = np.concatenate([START["first"]["bias"][None], every["first"]["bias"]])
    moves = -np.diff(path, axis=0)
    shares = [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, *[1] * 30]
    np.testing.assert_allclose(moves, np.outer(shares, np.ones(4)), atol=1e-5)
    assert not moves[0].any()


def shrinking(steps):
    """Return gradients whose size falls from 1 to 1e-6."""
    sizes = 10 ** np.linspace(0, -6, steps)
    return jax.tree.map(
        lambda g: (g * sizes.reshape(-1, *[1] * (g.ndim - 1))).astype(np.float32),
        normal(3, steps),
    )


@pytest.mark.parametrize("window", [5, 8])
def test_a_moving_average_of_shrinking_gradients_does_not_drift(window):
    """Each update is exact to 1e-3; rounding errors of a running sum would be of size 1."""
    config = Config(
        **{"optimizer": "sgd", "beta1": 0.0, "weight_decay": 0.0, "learning_rate": 1.0},
        **{"grokfast": "ma", "grokfast_window": window, "grokfast_lambda": 1.0},
    )
    gradients = shrinking(STEPS * 2)
    optimizer = build_optimizer(config.program, hypers(config))

    def step(state, gradient):
        updates, state = optimizer.update(gradient, state, START)
        return state, updates

    _, updates = jax.jit(lambda g: jax.lax.scan(step, optimizer.init(START), g))(gradients)
    for name, rows in in_float64(gradients).items():
        amplified = slow_ma(config)
        for t, g in enumerate(rows):
            theirs, ours = amplified(g), -in_float64(updates)[name][t]
            assert np.linalg.norm(ours - theirs) < 1e-3 * np.linalg.norm(theirs), (name, t)


def test_orthogonal_gradients_are_orthogonal_to_each_array_and_as_long():
    config = Config(
        **{"optimizer": "sgd", "beta1": 0.0, "weight_decay": 0.0, "learning_rate": 1.0},
        orthogonal_gradient=True,
    )
    optimizer = build_optimizer(config.program, hypers(config))
    gradient = jax.tree.map(lambda g: g[0], GRADIENTS)
    updates, _ = optimizer.update(gradient, optimizer.init(START), START)
    for name, update in in_float64(updates).items():
        g, w = in_float64(gradient)[name], in_float64(START)[name]
        size = np.linalg.norm(g)
        assert abs((update * w).sum()) < 1e-6 * size * np.linalg.norm(w)
        assert abs(np.linalg.norm(update) / size - 1) < 1e-6
        assert abs((update * g).sum()) > 0.1 * size**2  # and not some other direction
    zeros = jax.tree.map(np.zeros_like, START)  # as biases are at first
    updates, _ = optimizer.update(gradient, optimizer.init(zeros), zeros)
    jax.tree.map(lambda u, g: np.testing.assert_allclose(u, -g, rtol=1e-6), updates, gradient)


TRACED = {
    "adamw": ({}, ("learning_rate", "weight_decay")),
    "adam": ({"optimizer": "adam"}, ("learning_rate", "weight_decay")),
    "sgd": (SGD, ("learning_rate", "weight_decay")),
    "initial": (INITIAL, ("weight_decay",)),
    "cosine": (
        {"schedule": "cosine", "decay_steps": 8, "warmup_steps": 2},
        ("warmup_steps", "decay_steps", "final_rate"),
    ),
    "ema": ({"grokfast": "ema"}, ("grokfast_alpha", "grokfast_lambda")),
    "ma": ({"grokfast": "ma", "grokfast_window": 3}, ("grokfast_lambda",)),
    "noise": ({"gradient_noise": 0.1}, ("gradient_noise", "seed")),
}
OTHER = {
    **{"learning_rate": 0.005, "weight_decay": 0.9, "warmup_steps": 4, "decay_steps": 5},
    **{"final_rate": 0.4, "grokfast_alpha": 0.5, "grokfast_lambda": 0.5},
    **{"gradient_noise": 0.4, "seed": 5},
}


@pytest.mark.parametrize("kind", TRACED)
def test_strengths_are_the_members_own(kind):
    """Members of one program with different strengths update as each does alone."""
    settings, names = TRACED[kind]
    base = config_with(settings)
    configs = [base, *[base.replace(**{name: OTHER[name]}) for name in names]]
    assert len({config.program for config in configs}) == 1
    gradients = jax.tree.map(lambda g: g[:12], GRADIENTS)
    stacked = jax.tree.map(lambda *x: np.stack(x), *map(hypers, configs))
    run = functools.partial(last, program=base.program, gradients=gradients)
    together = jax.jit(jax.vmap(run))(stacked)
    each = [jax.tree.map(lambda x, i=i: np.asarray(x[i]), together) for i in range(len(configs))]
    for i, (config, found) in enumerate(zip(configs, each, strict=True)):
        if kind == "noise":
            alone = in_float64(jax.tree.map(lambda x: x[-1], trained(config, gradients)))
        else:
            alone = {name: rows[-1] for name, rows in expected(config, gradients).items()}
        for name, value in in_float64(found).items():
            np.testing.assert_allclose(value, alone[name], atol=2e-5)
            for other in each[:i]:
                assert np.abs(value - in_float64(other)[name]).max() > 1e-3
