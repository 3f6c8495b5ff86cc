"""Rules inside a member: a norm that is held, and steps without rows under any settings."""

import dataclasses
import functools
from itertools import pairwise

import jax
import numpy as np
import pytest

from grokjax import batches, member, models, optim
from grokjax.hypers import Hypers
from grokjax.streams import BATCHES, INIT, stream

same = np.testing.assert_array_equal


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
