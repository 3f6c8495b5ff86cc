"""The data of one member: which examples it trains on, and with which labels."""

import functools
from typing import get_args

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokjax.config.config import Config
from grokjax.config.hyperparams import hypers_of
from grokjax.results.prediction import examples
from grokjax.tasks import operations
from grokjax.tasks.data import Split
from grokjax.tasks.member_data import build_member_data
from grokjax.tasks.task import build_dataset
from tests.planted import SEEDS, often


def every(modulus, **settings):
    """Settings with answers enough for any operation, so that all share one program."""
    return Config(modulus=modulus, classes=2 * modulus - 1, **settings)


def variants_of(config):
    """The operations that a program of the tests has targets of."""
    return tuple(operations.defined(config.modulus))


def data_function(config, variants):
    """The function from hyperparameters to a member's data, not compiled."""
    return build_member_data(build_dataset(config.program.task_settings, variants), config.split)


@functools.cache
def compiled(program, variants):
    return jax.jit(build_member_data(build_dataset(program.task_settings, variants), program.split))


def drawn(config):
    """Train and test examples by number, and targets, as `examples` has them (tested below)."""
    variants = variants_of(config)
    data = compiled(config.program, variants)(hypers_of(config, variants))
    order, labels = np.asarray(data.order), np.asarray(data.targets)
    return order[: config.train_size], order[config.train_size : config.num_examples], labels


OPERATIONS = [name for name in get_args(operations.OperationName) if not name.startswith("s5")]
MODULI = {name: [7] if "divide" in name else [7, 12] for name in OPERATIONS}


@st.composite
def members(draw, **fixed):
    """A config of any split, operation, fraction and seeds, or `fixed` ones."""
    operation = draw(st.sampled_from(OPERATIONS))
    modulus = draw(st.sampled_from(MODULI[operation]))
    count = int((operations.labels_of(operation, modulus) >= 0).sum())
    settings = {
        "operation": operation,
        "split": draw(st.sampled_from(["random", "symmetric", "python"])),
        "seed": draw(SEEDS),
        "data_seed": draw(st.none() | SEEDS),
        # The middle of what int(fraction * count) rounds down.
        "train_fraction": (draw(st.integers(1, count - 1)) + 0.5) / count,
        "label_noise": draw(st.sampled_from([0.0, 0.25, 1.0])),
    }
    return every(modulus, **(settings | fixed))


def mirrored(number, modulus):
    return number % modulus * modulus + number // modulus


@often(200)
@given(config=members())
def test_both_splits_together_are_the_pairs_of_the_operation(config):
    train, test, found = drawn(config)
    existing = np.flatnonzero(operations.labels_of(config.operation, config.modulus) >= 0)
    assert len(train) == int(config.train_fraction * len(existing))
    assert sorted([*train, *test]) == existing.tolist()
    if config.operation != "random":
        true = operations.labels_of(config.operation, config.modulus)
        kept = np.concatenate([train[int(config.label_noise * len(train)) :], test])
        np.testing.assert_array_equal(found[kept], true[kept])


@often(200)
@given(config=members(split="symmetric"))
def test_a_symmetric_split_never_parts_a_pair_from_its_mirror(config):
    train, test, _ = drawn(config)
    assert len(train) == config.train_size
    assert not set(mirrored(train, config.modulus)) & set(test)


@pytest.mark.parametrize("operation", ["add", "multiply", "sum"])
@pytest.mark.parametrize("train_size", [1, 2, 3])
def test_a_symmetric_split_of_two_tokens(operation, train_size):
    """The pairs of the smallest modulus: (0, 0), (1, 1), and (0, 1) with (1, 0) or alone."""
    count = 3 if operation == "sum" else 4
    for seed in range(20 if train_size < count else 0):
        fraction = (train_size + 0.5) / count
        config = every(2, operation=operation, split="symmetric", train_fraction=fraction)
        train, test, _ = drawn(config.replace(data_seed=seed))
        assert len(train) == train_size
        assert not set(mirrored(train, 2)) & set(test)


def test_a_symmetric_split_trains_on_every_couple_alike():
    """And on every pair of a token with itself, which are some more, to fill up the number."""
    config = every(7, split="symmetric", train_fraction=0.5)
    hypers, data = hypers_of(config, ("add",)), data_function(config, ("add",))
    order = jax.vmap(lambda seed: data(hypers._replace(data_seed=seed)).order)
    train = np.asarray(jax.jit(order)(jnp.arange(4000, dtype=jnp.uint32)))[:, :24]
    counts = np.bincount(train.ravel(), minlength=49).reshape(7, 7)
    np.testing.assert_array_equal(counts, counts.T)
    for alike in (counts[np.triu_indices(7, 1)], np.diag(counts)):
        # A deviation is at most 32; none of 28 is 4.5 of them off with probability 2e-4.
        assert np.abs(alike - alike.mean()).max() < 4.5 * 32
    assert abs(np.diag(counts).mean() / 4000 - 24 / 49) < 0.08


@often(50)
@given(config=members(), seed=SEEDS)
def test_the_data_seed_decides_and_not_the_seed(config, seed):
    data_seed = config.seed if config.data_seed is None else config.data_seed
    other = config.replace(seed=seed, data_seed=data_seed)
    jax.tree.map(np.testing.assert_array_equal, drawn(config), drawn(other))


@pytest.mark.parametrize("split", get_args(Split))
def test_data_seeds_draw_other_splits(split):
    orders = [drawn(every(7, split=split, data_seed=seed))[0].tolist() for seed in range(20)]
    assert len({tuple(order) for order in orders}) == 20


@often(50)
@given(config=members(), other=st.floats(0, 1))
def test_training_sets_of_several_fractions_are_nested(config, other):
    config = config.replace(split="random")
    less = (1 + other * (config.train_size - 1) + 0.5) / config.num_examples
    smaller = config.replace(train_fraction=less)
    count = smaller.train_size
    assert 1 <= count <= config.train_size
    np.testing.assert_array_equal(drawn(smaller)[0], drawn(config)[0][:count])


@often(100)
@given(config=members(label_noise=0.0), less=st.floats(0, 1), more=st.floats(0, 1))
def test_label_noise_redraws_the_first_training_labels_and_no_test_label(config, less, more):
    less, more = sorted((less, more))
    train, test, clean = drawn(config)
    few, many, all_ = (drawn(config.replace(label_noise=noise))[2] for noise in (less, more, 1.0))
    for noise, found in ((less, few), (more, many)):
        count = int(noise * len(train))
        np.testing.assert_array_equal(found[train[:count]], all_[train[:count]])
        np.testing.assert_array_equal(found[train[count:]], clean[train[count:]])
        np.testing.assert_array_equal(found[test], clean[test])


def chi_square(labels, classes):
    counts = np.bincount(labels, minlength=classes)
    assert len(counts) == classes
    return ((counts - counts.mean()) ** 2 / counts.mean()).sum()


def labels_of_many(config, seeds=400):
    """Labels `[seeds, P**2]` and orders, of as many data seeds."""
    variants = (config.operation,)
    hypers, data = hypers_of(config, variants), data_function(config, variants)
    found = jax.vmap(lambda seed: data(hypers._replace(data_seed=seed)))
    found = jax.jit(found)(jnp.arange(seeds, dtype=jnp.uint32))
    return np.asarray(found.targets), np.asarray(found.order)


def test_redrawn_labels_are_uniform_whatever_the_true_one():
    """6 degrees of freedom: above 28 with probability 1e-4."""
    config = Config(modulus=7, label_noise=1.0, train_fraction=0.9)
    labels, order = labels_of_many(config)
    train = order[:, :44]
    redrawn = np.take_along_axis(labels, train, axis=1).ravel()
    assert chi_square(redrawn, 7) < 28
    true = operations.labels_of("add", 7)[train].ravel()
    assert chi_square((redrawn - true) % 7, 7) < 28  # so a seventh happens to be right


def test_redrawn_labels_are_any_answer_of_the_operation():
    config = Config(modulus=7, operation="sum", classes=13, label_noise=1.0, train_fraction=0.9)
    labels, order = labels_of_many(config)
    redrawn = np.take_along_axis(labels, order[:, : config.train_size], axis=1).ravel()
    assert sorted(set(redrawn.tolist())) == list(range(13))


def test_a_random_table_is_uniform_and_one_for_both_splits():
    config = Config(modulus=7, operation="random", train_fraction=0.5)
    labels, _ = labels_of_many(config)
    assert len({tuple(row) for row in labels.tolist()}) == 400
    assert chi_square(labels.ravel(), 7) < 28
    for place in range(5):  # of one pair, over data seeds
        assert chi_square(labels[:, place], 7) < 28
    # A pair has the same label, trained on at one fraction and tested on at another.
    few, many = (drawn(every(7, operation="random", train_fraction=f)) for f in (0.1, 0.9))
    np.testing.assert_array_equal(few[2], many[2])
    assert set(many[0].tolist()) & set(few[1].tolist())


def test_label_noise_is_not_the_random_table():
    config = every(7, operation="random", label_noise=1.0, train_fraction=0.9)
    train, _, noisy = drawn(config)
    clean = drawn(config.replace(label_noise=0.0))[2]
    assert 0 < (noisy[train] == clean[train]).sum() < 20  # 44 / 7 = 6 by chance


@pytest.mark.parametrize("split", ["random", "symmetric", "torch"])
def test_examples_are_the_programs_data_by_pair(split):
    config = every(
        7, operation="divide", split=split, data_seed=9, label_noise=0.5, train_fraction=0.4
    )
    train, test, labels = drawn(config)
    found = examples(config)
    for pairs, found_labels, numbers in (
        (found.train_inputs, found.train_labels, train),
        (found.test_inputs, found.test_labels, test),
    ):
        np.testing.assert_array_equal(pairs, np.stack([numbers // 7, numbers % 7], axis=1))
        np.testing.assert_array_equal(found_labels, labels[numbers])
    product = found.test_labels * found.test_inputs[:, 1] % 7
    np.testing.assert_array_equal(product, found.test_inputs[:, 0])
