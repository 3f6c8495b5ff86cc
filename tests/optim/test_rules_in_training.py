"""Rules in a member's steps: a fixed norm, and batches without rows under any settings."""

import functools
from itertools import pairwise

import jax
import numpy as np
import pytest

from grokjax.models.network import build_network
from grokjax.optim.optimizer import build_optimizer
from grokjax.runtime.prng import BATCHES, INIT, stream_key
from grokjax.training.batches import BatchPlan, draw_batches
from grokjax.training.member import build_member
from tests.optim.rules_by_hand import hypers

same = np.testing.assert_array_equal


@functools.cache
def step_of(program, variant, bound, cached):
    """Compile the step of a program's members."""
    return jax.jit(build_member(program, bound, (variant,), cached_rows=cached).step)


def trained_member(config, epochs=4, bound=None, cached=10):
    """Return a member's parameters before, and with their state after some epochs, step by step.

    These are the steps of a round without its evaluation, which takes most of the time to compile.
    """
    own, program, bound = hypers(config), config.program, bound or config.train_size
    one = build_member(program, bound, (config.variant,), cached_rows=cached)
    network = build_network(config.model_settings, config.spec)
    constants = one.constants(own)
    plan = BatchPlan.of(config.batch_size, config.num_rows, bound, cached)
    initial = network.init(stream_key(own.seed, INIT))
    packed = network.pack(jax.tree.map(lambda x: own.init_scale * x, initial))
    state = packed, build_optimizer(program, own).init(packed)
    for epoch in range(epochs):
        key = jax.random.fold_in(stream_key(own.seed, BATCHES), epoch)
        drawn = draw_batches(plan, key, constants.data.order, own.train_size)
        for batch in zip(*map(np.asarray, drawn), strict=True):
            state = step_of(program, config.variant, bound, cached)(constants, state, batch)
    return jax.tree.map(np.asarray, (packed, *state))


def norm_of(tree):
    return np.sqrt(sum((np.asarray(x, np.float64) ** 2).sum() for x in jax.tree.leaves(tree)))


def test_a_fixed_norm_stays_the_initial_one(tiny):
    """The norm is that of all arrays together, not of each layer."""
    config = tiny.replace(fixed_norm=True, init_scale=3.0, learning_rate=0.05)
    own = hypers(config)
    one = build_member(config.program, config.train_size, (config.variant,), cached_rows=10)
    state, first = jax.jit(one.init)(own)
    layers, round = [first["layer_norm"]], jax.jit(one.round)
    for _ in range(4):
        state, metrics = round(own, state)
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
    """In a program for 24 rows, the last step of a member of 14 or fewer rows is empty."""
    config = tiny.replace(train_fraction=0.3, **SETTINGS[name])
    alone, beside = trained_member(config), trained_member(config, bound=24)
    assert np.isfinite(norm_of(alone))
    jax.tree.map(lambda a, b: np.testing.assert_raises(AssertionError, same, a, b), *alone[:2])
    jax.tree.map(same, alone, beside)


@pytest.mark.parametrize("name", ["noise", "ema, stablemax, label noise", "fixed norm"])
def test_a_batch_without_rows_keeps_a_state_that_has_overflowed(tiny, name):
    """Otherwise a member that overflows would depend on the program's bound."""
    config = tiny.replace(train_fraction=0.3, **SETTINGS[name])
    own, program = hypers(config), config.program
    one = build_member(program, 24, (config.variant,), cached_rows=10)
    constants = one.constants(own)
    _, params, opt_state = trained_member(config, epochs=1, bound=24)
    full = jax.tree.map(
        lambda x: np.full_like(x, np.inf if x.dtype == np.float32 else 3), (params, opt_state)
    )
    plan = BatchPlan.of(config.batch_size, config.num_rows, 24, 10)
    empty = (np.zeros((plan.chunks, plan.rows), dtype) for dtype in (np.int32, np.float32))
    after = step_of(program, config.variant, 24, 10)(constants, full, tuple(empty))
    jax.tree.map(same, after, full)


@pytest.mark.parametrize(("settings", "bound"), [(FULL, None), (MINI, 48)], ids=["chunks", "bound"])
def test_stablemax_where_an_operation_leaves_pairs_out(tiny, settings, bound):
    """Rows that pad a chunk are the pair (0, 0); rows up to the bound may be any pair."""
    config = tiny.replace(operation="divide", loss="stablemax", **settings)
    assert np.isfinite(norm_of(trained_member(config, epochs=1, bound=bound)))
