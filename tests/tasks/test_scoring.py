"""Which answers count as correct: classes, classes with codes, and values with a tolerance."""

import jax.numpy as jnp
import numpy as np
import pytest

import grokjax
from grokjax import Config, ConfigError, Dataset
from grokjax.tasks.member_data import MemberData
from grokjax.tasks.scoring import build_scoring
from tests.conftest import TINY

RNG = np.random.default_rng(0)
ROWS = jnp.array([3, 0, 3, 7], jnp.int32)


def scored(data, logits, targets, codes=None):
    order = jnp.arange(len(data.inputs), dtype=jnp.int32)
    member = MemberData(order, jnp.asarray(targets), None, codes)
    return build_scoring(data)(jnp.asarray(logits, jnp.float32), member, ROWS)


def test_a_class_is_right_if_its_logit_is_the_largest():
    labels = RNG.integers(0, 5, 9).astype(np.int32)
    logits = RNG.normal(size=(4, 5))
    wanted, correct = scored(Dataset(np.zeros((9, 2)), labels, 5), logits, labels)
    np.testing.assert_array_equal(wanted, np.eye(5)[labels[ROWS]])
    np.testing.assert_array_equal(correct, logits.argmax(axis=1) == labels[ROWS])


def test_a_class_is_right_if_its_code_is_the_nearest():
    """Against the distances themselves, with answers that are near a code and far from all."""
    labels = RNG.integers(0, 6, 9).astype(np.int32)
    codes = RNG.normal(size=(6, 3)).astype(np.float32)
    data = Dataset(np.zeros((9, 2)), labels, 3, codes=codes)
    for scale in (0.1, 1.0, 3.0):
        outputs = codes[labels[ROWS]] + scale * RNG.normal(size=(4, 3))
        wanted, correct = scored(data, outputs, labels, jnp.asarray(codes))
        distances = ((outputs[:, None] - codes) ** 2).sum(axis=-1)
        np.testing.assert_array_equal(wanted, codes[labels[ROWS]])
        np.testing.assert_array_equal(correct, distances.argmin(axis=1) == labels[ROWS])


def test_values_are_right_within_the_tolerance():
    targets = RNG.normal(size=(9, 2)).astype(np.float32)
    near = targets[ROWS] + np.array([[0.1, 0.1], [0.1, 0], [0.2, 0], [0, 0]], np.float32)
    data = Dataset(np.zeros((9, 2)), targets, 2, tolerance=0.0101)
    assert scored(data, near, targets)[1].tolist() == [True, True, False, True]
    undefined = scored(Dataset(np.zeros((9, 2)), targets, 2), near, targets)[1]
    assert np.isnan(undefined).all()


def coded(size: int = 6, dim: int = 3) -> Dataset:
    """A + b mod `size` with codes."""
    pairs = np.stack(np.divmod(np.arange(size**2), size), axis=1)
    codes = np.random.default_rng(0).normal(size=(size, dim))
    return Dataset(pairs, pairs.sum(axis=1) % size, dim, size, codes=codes)


def test_codes_are_learnt_with_random_labels_and_mse_alone(tmp_path):
    settings = {n: value for n, value in TINY.items() if n != "modulus"}
    config = Config(**settings, task=coded, loss="mse", label_noise=0.5)
    run = grokjax.train(config.replace(max_epochs=200), tmp_path / "run", progress=False)
    assert run.history.train_accuracy[0, -1] > run.history.train_accuracy[0, 0]
    labels = run.data_of(0).train_labels
    assert labels.dtype == np.int32
    assert set(labels.tolist()) <= set(range(6))
    with pytest.raises(ConfigError, match="loss must be mse with the float targets of coded"):
        config.replace(loss="cross-entropy")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"codes": np.zeros((6, 2))}, r"codes must be floats \[K, 3\], with whole-number targets"),
        ({"codes": np.zeros((2, 6, 3))}, r"codes must be floats \[K, 3\]"),
        ({"codes": np.zeros((5, 3))}, "targets must be from 0 to 4, or -1 for no example, got 5"),
        ({"codes": np.full((6, 3), np.nan)}, "codes must be finite numbers"),
        ({"tolerance": 0.1}, "tolerance must be above 0, and targets floats, got 0.1"),
    ],
)
def test_codes_and_tolerances_that_do_not_fit(change, message):
    import dataclasses

    def broken() -> Dataset:
        return dataclasses.replace(coded(), **change)

    with pytest.raises(ConfigError, match=f"task broken: {message}"):
        Config(task=broken, loss="mse").spec  # noqa: B018
