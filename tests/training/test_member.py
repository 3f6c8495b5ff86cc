"""One member by itself: its bits, its metrics and one epoch, against NumPy."""

import dataclasses
import functools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from grokjax.config.hyperparams import hypers_of
from grokjax.models.network import build_network
from grokjax.results.prediction import examples
from grokjax.runtime.prng import BATCHES, INIT, stream_key
from grokjax.tasks.splits import shuffled
from grokjax.training.batches import CACHED_ROWS, BatchPlan, draw_batches
from grokjax.training.member import build_member
from tests.reference import AdamW, forward, gradients, losses

CACHED = 10
"""Rows of a chunk: a full batch of 24 takes three."""


COMPILED = {}
"""By the text of the lowered program, constants and all, and its arguments: most begin alike."""


def compiled(function, *arguments):
    lowered = jax.jit(function).lower(*arguments)
    key = lowered.as_text(), lowered.in_tree
    if key not in COMPILED:
        COMPILED[key] = lowered.compile()
    return COMPILED[key]


def hypers_alone(config):
    """Return the hyperparameters of a member that is alone in its program."""
    return hypers_of(config, (config.variant,))


@functools.cache
def functions(config, bound, cached):
    """Compile the two functions of a member, each as a program of its own as in lanes."""
    one = build_member(config.program, bound, (config.variant,), cached_rows=cached)
    hypers = hypers_alone(config)
    state, _ = jax.eval_shape(one.init, hypers)
    return compiled(one.init, hypers), compiled(one.round, hypers, state)


def run(config, rounds=1, bound=None, cached=CACHED):
    """Train a member; return its state, and its metrics before and after."""
    hypers = hypers_alone(config)
    init, round = functions(config, bound or config.train_size, cached)
    state, first = init(hypers)
    for _ in range(rounds):
        state, last = round(hypers, state)
    return jax.tree.map(np.asarray, (state, first, last))


def same(a, b):
    jax.tree.map(np.testing.assert_array_equal, a, b)


@pytest.mark.parametrize("eval_every", [1, 2])
@pytest.mark.parametrize(("batch_size", "cached"), [(9, 10), (None, 10), (None, 20), (None, 60)])
def test_the_bound_on_training_rows_changes_no_bit(tiny, batch_size, cached, eval_every):
    """Steps and chunks without rows, as a smaller train fraction has them, change nothing."""
    short = tiny.replace(train_fraction=0.3, batch_size=batch_size, eval_every=eval_every)
    alone = run(short, rounds=2, cached=cached)
    same(alone, run(short, rounds=2, cached=cached, bound=tiny.train_size))


@pytest.mark.parametrize("fractions", [(0.3, 0.6), (0.3, 0.9)])
def test_a_full_batch_that_fits_a_chunk_is_rounded_as_in_several(tiny, fractions):
    """XLA would fuse a single chunk differently; the tiny network is too small to show it."""
    base = tiny.replace(modulus=23, embed_dim=32, hidden_dim=64, batch_size=None, eval_every=1)
    short, long = (base.replace(train_fraction=fraction) for fraction in fractions)
    alone = run(short, rounds=3, cached=CACHED_ROWS)
    same(alone, run(short, rounds=3, cached=CACHED_ROWS, bound=long.train_size))


@pytest.mark.parametrize(("batch_size", "cached"), [(9, 4), (9, None), (None, 10)])
def test_what_fills_up_a_step_is_a_row_that_counts(tiny, batch_size, cached):
    """Any other row could overflow, and 0 times infinity is not 0."""
    config = tiny.replace(batch_size=batch_size, train_fraction=0.3)
    plan = BatchPlan.of(batch_size, config.num_rows, tiny.train_size, cached)
    order = jnp.arange(49, dtype=jnp.int32)
    drawn = draw_batches(plan, jax.random.key(0), order, jnp.int32(config.train_size))
    rows, weights = (np.asarray(x).reshape(plan.steps, -1) for x in drawn)
    counts = weights > 0
    assert counts.sum() == 14
    assert not counts.all(axis=1).all()
    for some, count in zip(rows, counts, strict=True):
        assert not count.any() or set(some) == set(some[count])


@pytest.mark.parametrize("batch_size", [9, None])
def test_chunks_add_up_to_the_whole(tiny, batch_size):
    """Chunks of four rows train as one chunk of all rows does, which accelerators have."""
    config = tiny.replace(batch_size=batch_size)
    for a, b in zip(run(config, 2, cached=4), run(config, 2, cached=None), strict=True):
        jax.tree.map(partial(np.testing.assert_allclose, atol=2e-6), a, b)


def test_only_the_largest_logit_counts_as_correct(tiny):
    """If all logits are equal, none counts: a network that decayed to zero has learnt nothing."""
    config = tiny.replace(biases=False)  # zero stays zero
    hypers = hypers_alone(config)
    init, round = functions(config, config.train_size, CACHED)
    state, _ = init(hypers)
    zeros = jax.tree.map(np.zeros_like, state.params)
    _, metrics = round(hypers, dataclasses.replace(state, params=zeros))
    assert metrics["train_accuracy"] == metrics["test_accuracy"] == 0
    np.testing.assert_allclose(metrics["train_loss"], np.log(7), rtol=1e-6)


def test_short_members_take_as_many_steps_as_alone(tiny):
    short = tiny.replace(train_fraction=0.3)  # 14 rows, 2 steps an epoch of 3 in the program
    state, _, _ = run(short, bound=tiny.train_size)
    assert state.opt_state[0].count == 2 * short.steps_per_epoch == 4


@pytest.mark.parametrize("batch_size", [9, None])
def test_one_epoch_against_numpy(tiny, batch_size):
    """Every batch is computed by hand: rows from the random streams, gradients and AdamW."""
    config = tiny.replace(batch_size=batch_size, eval_every=1, operation="multiply", seed=3)
    state, _, _ = run(config)
    learned = examples(config)
    key = jax.random.fold_in(stream_key(jnp.uint32(3), BATCHES), 0)
    every = jnp.ones(24, bool)
    shuffle = np.asarray(shuffled(key, every, 49)) if batch_size else np.arange(24)
    pairs, labels = learned.train_inputs, learned.train_labels
    network = build_network(config.model_settings, config.spec)
    params = network.init(stream_key(jnp.uint32(3), INIT))
    expected = jax.tree.map(lambda x: np.asarray(x, np.float64), params)
    optimizer = AdamW(config.learning_rate, config.weight_decay)
    sizes = []
    for start in range(0, 24, batch_size or 24):
        rows = shuffle[start : start + (batch_size or 24)]
        sizes.append(len(rows))
        expected = optimizer.step(expected, gradients(expected, pairs[rows], labels[rows]))
    assert sizes == ([9, 9, 6] if batch_size else [24])
    jax.tree.map(partial(np.testing.assert_allclose, atol=2e-6), state.params, expected)


def test_metrics_against_numpy(tiny):
    state, _, metrics = run(tiny)
    train_pairs, train_labels, test_pairs, test_labels = examples(tiny)
    for split, pairs, labels in (
        ("train", train_pairs, train_labels),
        ("test", test_pairs, test_labels),
    ):
        logits, _ = forward(state.params, pairs)
        correct = logits.argmax(axis=1) == labels
        mean = losses(logits, labels).mean()
        np.testing.assert_allclose(metrics[f"{split}_loss"], mean, rtol=1e-5)
        np.testing.assert_allclose(metrics[f"{split}_accuracy"], correct.mean(), rtol=1e-6)
    norm = np.sqrt(sum(np.sum(x**2) for x in jax.tree.leaves(state.params)))
    np.testing.assert_allclose(metrics["weight_norm"], norm, rtol=1e-6)


def test_init_scale_scales_every_initial_weight(tiny):
    one, two = run(tiny)[1], run(tiny.replace(init_scale=2.0))[1]
    np.testing.assert_allclose(two["weight_norm"], 2 * one["weight_norm"], rtol=1e-6)


def test_what_is_recorded_of_the_weights(tiny):
    """The norms of layers include biases; the Gini coefficient follows its definition."""
    state, _, last = run(tiny)
    squares = [sum(np.sum(p**2) for p in state.params[n].values()) for n in sorted(state.params)]
    np.testing.assert_allclose(last["layer_norm"], np.sqrt(squares), rtol=1e-6)
    np.testing.assert_allclose(last["weight_norm"], np.sqrt(sum(squares)), rtol=1e-6)
    norms = np.sqrt(last["embedding_power"])
    apart = np.abs(norms[:, None] - norms[None]).mean()
    np.testing.assert_allclose(last["embedding_gini"], apart / (2 * norms.mean()), rtol=1e-5)


def test_golden_one_round(tiny):
    """If the numbers of training were changed on purpose, update them here and say so."""
    _, first, last = run(tiny)
    found = [first["train_loss"], last["train_loss"], last["test_loss"], last["weight_norm"]]
    np.testing.assert_allclose(found, GOLDEN, rtol=1e-5)


GOLDEN = [2.0083039, 1.8979722, 2.0037975, 4.1497908]
