"""Every optimiser, schedule and filter against a loop in NumPy float64 of its published form."""

import dataclasses
import functools
from collections import deque
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from grokjax import batches, member, models, optim
from grokjax.config import Config
from grokjax.hypers import Hypers
from grokjax.streams import BATCHES, INIT, stream

same = np.testing.assert_array_equal

SHAPES = {"first": {"kernel": (3, 4), "bias": (4,)}, "second": {"kernel": (4, 2)}}
STEPS = 40


def normal(seed, steps=STEPS):
    """Nested as parameters, float32 `[steps, ...]`."""
    rng = np.random.default_rng(seed)
    return {
        layer: {k: rng.normal(size=(steps, *shape)).astype(np.float32) for k, shape in q.items()}
        for layer, q in SHAPES.items()
    }


START = jax.tree.map(lambda x: x[0], normal(1, 1))
GRADIENTS = normal(2)


def in_float64(tree):
    return {(a, b): np.asarray(x, np.float64) for a, q in tree.items() for b, x in q.items()}


@functools.cache
def stepper(config):
    """One compiled step: gradient, state, parameters, active -> parameters, state."""
    hypers = Hypers.of(config)

    @jax.jit
    def step(gradient, state, params, active):
        optimizer = optim.build(config, hypers, active, START)
        updates, state = optimizer.update(gradient, state, params)
        return optax.apply_updates(params, updates), state

    return step, optim.build(config, hypers).init(START)


def trained(config, gradients=GRADIENTS):
    """Parameters after each step `[T, ...]`."""
    (step, state), params, every = stepper(config), START, []
    for t in range(len(gradients["first"]["bias"])):
        params, state = step(jax.tree.map(lambda g, t=t: g[t], gradients), state, params, True)
        every.append(jax.tree.map(np.asarray, params))
    return jax.tree.map(lambda *x: np.stack(x), *every)


def last(hypers, config, gradients):
    """Parameters after all steps, of traced strengths."""
    optimizer = optim.build(config, hypers, start=START)

    def step(carry, gradient):
        updates, state = optimizer.update(gradient, carry[1], carry[0])
        return (optax.apply_updates(carry[0], updates), state), None

    return jax.lax.scan(step, (START, optimizer.init(START)), gradients)[0][0]


def adam(config):
    """Kingma & Ba 2015, Algorithm 1, of one array: gradient -> direction."""
    m = v = t = 0

    def direction(g):
        nonlocal m, v, t
        t += 1
        m = config.beta1 * m + (1 - config.beta1) * g
        v = config.beta2 * v + (1 - config.beta2) * g**2
        m_hat, v_hat = m / (1 - config.beta1**t), v / (1 - config.beta2**t)
        return m_hat / (np.sqrt(v_hat) + config.eps)

    return direction


def momentum(config):
    """As torch.optim.SGD: b = momentum b + g, of rate 0 dampening."""
    b = 0

    def direction(g):
        nonlocal b
        b = config.beta1 * b + g
        return b

    return direction


def slow_ema(config):
    """Lee et al. 2024, Algorithm 2, as published in Python: the first average is the gradient."""
    average = None

    def amplified(g):
        nonlocal average
        average = g if average is None else average
        alpha = config.grokfast_alpha
        average = average * alpha + g * (1 - alpha)
        strength = 2.0 if config.grokfast_lambda is None else config.grokfast_lambda
        return g + strength * average

    return amplified


def slow_ma(config):
    """Lee et al. 2024, Algorithm 1: a deque, used only once it is full."""
    last = deque(maxlen=config.grokfast_window)

    def amplified(g):
        last.append(g)
        if len(last) < config.grokfast_window:
            return g
        strength = 5.0 if config.grokfast_lambda is None else config.grokfast_lambda
        return g + strength * sum(last) / len(last)

    return amplified


def unfiltered(config):
    return lambda g: g


def orthogonal(g, w):
    """Prieto et al. 2025: g minus its part along w, as long as g was."""
    across = g - (w * g).sum() / (w * w).sum() * w
    return across * np.sqrt((g**2).sum() / (across**2).sum())


def factor(config, t):
    """Of the rate at step t = 0, 1, ..."""
    if t < config.warmup_steps:
        return t / config.warmup_steps
    if config.schedule == "constant":
        return 1.0
    share = min((t - config.warmup_steps) / config.decay_steps, 1.0)
    left = {"linear": 1 - share, "cosine": (1 + np.cos(np.pi * share)) / 2}[config.schedule]
    return config.final_rate + (1 - config.final_rate) * left


def expected(config, gradients=GRADIENTS, start=START):
    """Parameters after each step in float64, by (layer, array)."""
    found = {}
    for name, w in in_float64(start).items():
        amplified = {"ema": slow_ema, "ma": slow_ma, "none": unfiltered}[config.grokfast](config)
        direction = (momentum if config.optimizer == "sgd" else adam)(config)
        origin = in_float64(START)[name] if config.decay_towards == "initial" else 0
        found[name] = []
        for t, g in enumerate(in_float64(gradients)[name]):
            g = amplified(g)
            if config.orthogonal_gradient:
                g = orthogonal(g, w)
            if config.optimizer == "adamw":
                move = direction(g) + config.weight_decay * (w - origin)
            else:
                move = direction(g + config.weight_decay * (w - origin))
            w = w - config.learning_rate * factor(config, t) * move
            found[name].append(w)
    return {name: np.array(rows) for name, rows in found.items()}


def compare(config, gradients=GRADIENTS, rtol=2e-4):
    """Of all movement so far, step by step: relative to its own size."""
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


def config_of(rule):
    return Config(**(BASE | RULES[rule]))


@each_rule
def test_40_steps_against_numpy(rule):
    compare(config_of(rule))


def test_a_warm_up_begins_with_a_step_of_nothing_and_rises_evenly():
    """By hand: SGD without momentum moves by rate times gradient, which is 1 everywhere."""
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
    """Of size 1 at first and 1e-6 at last."""
    sizes = 10 ** np.linspace(0, -6, steps)
    return jax.tree.map(
        lambda g: (g * sizes.reshape(-1, *[1] * (g.ndim - 1))).astype(np.float32),
        normal(3, steps),
    )


@pytest.mark.parametrize("window", [5, 8])
def test_a_moving_average_of_shrinking_gradients_does_not_drift(window):
    """The update itself, at each step, to 1e-3 of it: what a running sum has rounded would be 1."""
    config = Config(
        **{"optimizer": "sgd", "beta1": 0.0, "weight_decay": 0.0, "learning_rate": 1.0},
        **{"grokfast": "ma", "grokfast_window": window, "grokfast_lambda": 1.0},
    )
    gradients = shrinking(STEPS * 2)
    optimizer = optim.build(config, Hypers.of(config))

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
    optimizer = optim.build(config, Hypers.of(config))
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


def noise_of(steps=3, **settings):
    """What SGD of rate 1 makes of zero gradients: `[steps]` of two arrays alike."""
    config = Config(
        **{"optimizer": "sgd", "beta1": 0.0, "weight_decay": 0.0, "learning_rate": 1.0}, **settings
    )
    optimizer = optim.build(config, Hypers.of(config))
    params = {"a": jnp.zeros((100, 80)), "b": jnp.zeros((100, 80))}
    state, found = optimizer.init(params), []
    for _ in range(steps):
        updates, state = optimizer.update(params, state, params)
        found.append(jax.tree.map(np.asarray, updates))
    return found


def test_gradient_noise_is_normal_and_new_at_each_step_array_and_seed():
    draws = [
        x for seed in (0, 1) for n in noise_of(gradient_noise=0.3, seed=seed) for x in n.values()
    ]
    for draw in draws:
        scaled = draw.ravel() / 0.3
        assert abs(scaled.mean()) < 5 / np.sqrt(8000)
        assert abs(scaled.std() - 1) < 5 / np.sqrt(16_000)
        assert abs((scaled**4).mean() - 3) < 5 * np.sqrt(96 / 8000)
    correlations = np.corrcoef([draw.ravel() for draw in draws]) - np.eye(12)
    assert np.abs(correlations).max() < 5 / np.sqrt(8000)
    # The same seed has the same noise, whatever the data seed.
    for again, draw in zip(
        noise_of(gradient_noise=0.3, seed=1, data_seed=9)[1].values(), draws[8:10], strict=True
    ):
        np.testing.assert_array_equal(again, draw)


def test_no_noise_of_deviation_zero():
    (first, *_) = noise_of(gradient_noise=0.0)
    assert not any(x.any() for x in first.values())
    # Beside a member that has some, so with the noise compiled in.
    config = Config(gradient_noise=0.3)
    silent = Hypers.of(Config(gradient_noise=0.0))
    quiet = jax.jit(functools.partial(last, config=config, gradients=GRADIENTS))(silent)
    for name, rows in expected(Config()).items():
        np.testing.assert_allclose(in_float64(quiet)[name], rows[-1], rtol=1e-5)


def test_noise_is_added_to_the_gradient_before_the_average():
    """Order: noise, Grokfast, optimiser. The first average is the noisy gradient."""
    noise = noise_of(1, gradient_noise=0.3)[0]
    amplified = noise_of(1, gradient_noise=0.3, grokfast="ema", grokfast_lambda=2.0)[0]
    jax.tree.map(lambda n, a: np.testing.assert_allclose(a, 3 * n, rtol=1e-5), noise, amplified)


NOISE = "gradient noise"
RULES_AND_NOISE = [*RULES, NOISE]


def any_config(rule):
    return Config(**BASE, gradient_noise=0.1) if rule == NOISE else config_of(rule)


@pytest.mark.parametrize("rule", [*RULES, NOISE])
def test_a_step_without_rows_changes_no_bit(rule):
    """After each of 13 steps: before and after a window is full, within a warm-up and past it."""
    (step, state), params = stepper(any_config(rule)), START
    zeros = jax.tree.map(jnp.zeros_like, START)
    for t in range(13):
        gradient = jax.tree.map(lambda g, t=t: g[t], GRADIENTS)
        params, state = step(gradient, state, params, True)
        after = step(zeros, state, params, False)
        jax.tree.map(np.testing.assert_array_equal, after, (params, state))


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
    """Members of one program, each with another strength, are as each alone in its own."""
    settings, names = TRACED[kind]
    base = Config(**(BASE | settings))
    configs = [base, *[dataclasses.replace(base, **{name: OTHER[name]}) for name in names]]
    assert len({config.static for config in configs}) == 1
    gradients = jax.tree.map(lambda g: g[:12], GRADIENTS)
    stacked = jax.tree.map(lambda *x: np.stack(x), *map(Hypers.of, configs))
    run = functools.partial(last, config=base.static, gradients=gradients)
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


@functools.cache
def step_of(static, cached):
    """The step of a member, which no bound is part of: one program."""
    return jax.jit(member.build(static, 1, cached).step)


def trained_member(config, epochs=4, bound=None, cached=10):
    """Packed parameters before, and with their state after some epochs, step by step.

    The steps of `member.round` without its evaluation, which takes most of the time to compile.
    """
    hypers, static, bound = Hypers.of(config), config.static, bound or config.train_size
    one, model = member.build(static, bound, cached), models.build(static)
    given, plan = one.given(hypers), batches.Layout.of(static, bound, cached)
    params = jax.tree.map(lambda x: hypers.init_scale * x, model.init(stream(hypers.seed, INIT)))
    packed = model.pack(params)
    state = packed, optim.build(static, hypers).init(packed)
    for epoch in range(epochs):
        key = jax.random.fold_in(stream(hypers.seed, BATCHES), epoch)
        rows = batches.draw(static, plan, key, given.data.order, hypers.train_size)
        for batch in zip(*map(np.asarray, rows), strict=True):
            state = step_of(static, cached)(given, state, batch)
    return jax.tree.map(np.asarray, (packed, *state))


def norm_of(tree):
    return np.sqrt(sum((np.asarray(x, np.float64) ** 2).sum() for x in jax.tree.leaves(tree)))


def test_a_fixed_norm_stays_the_initial_one(tiny):
    """Of all arrays together, round by round, and not of each layer."""
    config = dataclasses.replace(tiny, fixed_norm=True, init_scale=3.0, learning_rate=0.05)
    hypers, one = Hypers.of(config), member.build(config.static, config.train_size, 10)
    state, first = jax.jit(one.init)(hypers)
    layers, round = [first["layer_norm"]], jax.jit(one.round)
    for _ in range(4):
        state, metrics = round(hypers, state)
        np.testing.assert_allclose(norm_of(state.params), first["weight_norm"], rtol=1e-5)
        np.testing.assert_allclose(metrics["weight_norm"], first["weight_norm"], rtol=1e-5)
        layers.append(metrics["layer_norm"])
    assert all((np.abs(a - b) > 1e-3).any() for a, b in pairwise(layers))


MINI, FULL = {"batch_size": 9}, {"batch_size": None}

SETTINGS = {
    "coupled L2, one-hot sum": MINI | {"optimizer": "adam", "embed_dim": 0, "combine": "sum"},
    "sgd, separate, symmetric": MINI
    | {"optimizer": "sgd", "embeddings": "separate", "split": "symmetric"},
    "towards initial, layer norm": MINI | {"decay_towards": "initial", "layer_normalization": True},
    "schedule, mse": MINI
    | {"schedule": "cosine", "decay_steps": 5, "warmup_steps": 3, "loss": "mse"},
    "ema, stablemax, label noise": MINI
    | {"grokfast": "ema", "loss": "stablemax", "label_noise": 0.5},
    "ma, replayed": MINI | {"grokfast": "ma", "grokfast_window": 3, "split": "torch"},
    "orthogonal, two layers": MINI | {"orthogonal_gradient": True, "hidden_layers": 2},
    "fixed norm": MINI | {"fixed_norm": True, "weight_decay": 0.0},
    "noise": MINI | {"gradient_noise": 0.05},
    "square, one-hot, mse": FULL
    | {"embed_dim": 0, "biases": False, "activation": "square", "loss": "mse"},
    "ma, gelu, tied": FULL
    | {"grokfast": "ma", "grokfast_window": 2, "activation": "gelu", "tied": True, "embed_dim": 8},
    "stablemax, orthogonal, random": FULL
    | {"loss": "stablemax", "orthogonal_gradient": True, "operation": "random"},
    "divide, fixed norm, noise": FULL
    | {"operation": "divide", "fixed_norm": True, "gradient_noise": 0.1},
}


@pytest.mark.parametrize("name", SETTINGS)
def test_the_bound_changes_no_bit_under_any_settings(tiny, name):
    """A member of 14 rows or fewer, alone and in a program for 24: the last step has no rows."""
    config = dataclasses.replace(tiny, train_fraction=0.3, **SETTINGS[name])
    alone, beside = trained_member(config), trained_member(config, bound=24)
    assert np.isfinite(norm_of(alone))
    jax.tree.map(lambda a, b: np.testing.assert_raises(AssertionError, same, a, b), *alone[:2])
    jax.tree.map(same, alone, beside)


@pytest.mark.parametrize(("settings", "bound"), [(FULL, None), (MINI, 48)], ids=["chunks", "bound"])
def test_stablemax_where_an_operation_leaves_pairs_out(tiny, settings, bound):
    """Rows that fill up a chunk are the pair (0, 0), and those up to the bound may be any."""
    config = dataclasses.replace(tiny, operation="divide", loss="stablemax", **settings)
    assert np.isfinite(norm_of(trained_member(config, epochs=1, bound=bound)))
