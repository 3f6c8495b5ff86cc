"""Tasks of a user's own: functions and subclasses, and the data sets that they build."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from flax import nnx

import grokjax
from grokjax import Config, ConfigError, Dataset, Sweep
from grokjax.results.prediction import examples
from grokjax.settings.field import setting
from grokjax.tasks.task import Task, build_dataset
from tests.conftest import TINY

LAUNCH = {name: value for name, value in TINY.items() if name != "modulus"}


def grid(size):
    return np.stack(np.divmod(np.arange(size**2), size), axis=1)


def larger(size: int = 5, offset: int = 0) -> Dataset:
    """max(a, b) on tokens below `size`."""
    pairs = grid(size)
    return Dataset(pairs, (pairs.max(axis=1) + offset) % size, num_classes=size, num_tokens=size)


class Extreme(Task):
    """max(a, b) or min(a, b); a plain class becomes a dataclass."""

    size: int = 5
    side: str = setting("max", "Which of the two", kind="variant")

    def dataset(self, variants):
        pairs = grid(self.size)
        targets = [getattr(np, name)(pairs, axis=1) for name in variants]
        return Dataset(pairs, np.stack(targets), num_classes=self.size, num_tokens=self.size)


@dataclass(frozen=True, kw_only=True)
class Teacher(Task):
    """Regression on two features."""

    rows: int = setting(12, "Examples")
    outputs: int = setting(2, "Targets an example")

    def dataset(self, variants):
        inputs = np.random.default_rng(0).normal(size=(self.rows, 2))
        return Dataset(inputs, inputs @ np.ones((2, self.outputs)), num_classes=self.outputs)


@pytest.mark.parametrize("task", [larger, Extreme, Teacher])
def test_parameters_are_settings_and_axes(task):
    loss = "mse" if task is Teacher else "cross-entropy"
    config = Config(task=task, model=Linear, batch_size=None, loss=loss)
    name, default = next((n, getattr(config, n)) for n in ("size", "rows") if n in config.fields)
    assert config.replace(**{name: 7}).values[name] == 7
    sweep = Sweep(config, **{name: [default, 7]}, seed=range(2))
    assert [m.num_rows for m in sweep][::2] == {"size": [25, 49], "rows": [12, 7]}[name]
    assert len(sweep.programs()) == 2
    assert config.task == task.__name__
    with pytest.raises(ConfigError, match=f"{name} must be a whole number, got 'x'"):
        config.replace(**{name: "x"})


def test_a_function_and_a_subclass_are_trained_alike(tmp_path):
    """The same examples and targets, so the same bits."""
    one = grokjax.train(Config(**LAUNCH, task=larger), tmp_path / "a", progress=False)
    sweep = Sweep(Config(**LAUNCH, task=Extreme), side=["min", "max"])
    two = grokjax.train(sweep, tmp_path / "b", progress=False)
    assert sweep.programs()[0].variants == ("max", "min")
    losses = one.history.train_loss.values[0], two.history.train_loss.values
    np.testing.assert_array_equal(losses[0], losses[1][1])
    assert not np.array_equal(losses[0], losses[1][0])


def test_variants_of_one_task_have_data_of_the_same_shapes(tmp_path):
    class Uneven(Extreme):
        def dataset(self, variants):
            data = super().dataset(variants)
            return replace(data, num_classes=9 if "max" in variants else 5)

    sweep = Sweep(Config(**LAUNCH, task=Uneven), side=["min", "max"])
    with pytest.raises(ConfigError, match="task Uneven: its variants must have data of the same"):
        grokjax.train(sweep, tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()


def test_regression_has_losses_and_no_accuracy(tmp_path):
    config = Config(task=Teacher, model=Linear, loss="mse", batch_size=4, max_epochs=40)
    run = grokjax.train(config.replace(learning_rate=0.1), tmp_path / "run", progress=False)
    assert run.history.train_loss[0, -1] < 0.5 * run.history.train_loss[0, 0]
    assert run.history.train_accuracy.isnull().all()


class Linear(nnx.Module):
    def __init__(self, din, dout, *, rngs):
        self.layer = nnx.Linear(din, dout, rngs=rngs)

    def __call__(self, x):
        return self.layer(x)


INPUTS, TARGETS = grid(3), np.zeros(9, int)


@pytest.mark.parametrize(
    ("made", "message"),
    [
        (lambda: None, "must return a grokjax.Dataset, got NoneType"),
        (lambda: 1 / 0, r"its data cannot be built \(ZeroDivisionError: division by zero\)"),
        (lambda: Dataset(INPUTS, TARGETS + 3, 3, 3),
         "targets must be from 0 to 2, or -1 for no example, got 3"),
        (lambda: Dataset(INPUTS, TARGETS - 2, 3, 3), "targets must be from 0 to 2, .*, got -2"),
        (lambda: Dataset(INPUTS, TARGETS + 2**40, 3, 3), "targets must be whole numbers in int32"),
        (lambda: Dataset(INPUTS + 1, TARGETS, 3, 3), "input tokens must be from 0 to 2, got 3"),
        (lambda: Dataset(INPUTS - 1, TARGETS, 3, 3), "input tokens must be from 0 to 2, got -1"),
        (lambda: Dataset(INPUTS + 2**32, TARGETS, 3, 3), "inputs must be whole numbers in int32"),
        (lambda: Dataset(INPUTS, TARGETS, 3),
         "must give num_tokens where inputs are whole numbers, or have inputs of floats"),
        (lambda: Dataset(INPUTS, TARGETS[:8], 3, 3),
         r"must have inputs \[N, ...\] and whole targets \[N\], got \[9, 2\] and \[8\]"),
        (lambda: Dataset(INPUTS, TARGETS * 1.0, 3, 3),
         r"must have inputs \[N, ...\] and float targets \[N, C\], got \[9, 2\] and \[9\]"),
        (lambda: Dataset([[0, 1], [2]], [0, 1], 3, 3),
         "inputs must be an array of numbers, with rows of the same length"),
        (lambda: Dataset(INPUTS, [0, [1]], 3, 3), "targets must be an array of numbers"),
        (lambda: Dataset(INPUTS, TARGETS, 3, 3.0),
         "num_tokens must be a whole number of at least 1, got 3.0"),
        (lambda: Dataset(INPUTS, TARGETS, 3, 3, answers=("x",)), "its data cannot be built "),
        (lambda: Dataset(INPUTS, TARGETS, 3, 3, axes=("Z_3", "Z_4")),
         "axes must be of 9 elements, the examples, got"),
        (lambda: Dataset(INPUTS[:, 0], TARGETS, 3, 3), r"must have inputs .*, got \[9\] and \[9\]"),
        (lambda: Dataset(INPUTS, np.stack([TARGETS] * 2), 3, 3), r"must have .* and \[2, 9\]"),
        (lambda: Dataset(INPUTS.astype(str), TARGETS, 3, 3), "inputs must be numbers, got <U"),
        (lambda: Dataset(INPUTS, [None] * 9, 3, 3), "targets must be numbers, got object"),
        (lambda: Dataset(INPUTS / 0.0, TARGETS, 3), "inputs must be finite numbers in float32"),
        (lambda: Dataset(INPUTS * 1e300, TARGETS, 3), "inputs must be finite numbers in float32"),
        (lambda: Dataset(INPUTS, np.full((9, 2), np.nan), 2, 3), "targets must be finite numbers"),
        (lambda: Dataset(INPUTS, np.ones((9, 2)), 3, 3),
         "must have 3 target values an example, its num_classes, got 2"),
        (lambda: Dataset(INPUTS, TARGETS, 0, 3),
         "num_classes must be a whole number of at least 1, got 0"),
        (lambda: Dataset(INPUTS, TARGETS, 3.0, 3), "num_classes must be a whole number"),
        (lambda: Dataset(INPUTS, TARGETS, 3, 3, answers=(4,)),
         r"answers must be 1 numbers from 1 to num_classes, got \(4,\)"),
        (lambda: Dataset(INPUTS, TARGETS, 3, 3, random=(True, True)), "random must be 1 times"),
        (lambda: Dataset(INPUTS, TARGETS, 3, 3, mirror=np.arange(8)),
         "mirror must hold the number of each example once"),
        (lambda: Dataset(INPUTS, TARGETS, 3, 3, mirror=np.roll(np.arange(9), 1)),
         "mirror must lead back to each example"),
    ],
)  # fmt: skip
@pytest.mark.filterwarnings("ignore:divide by zero|invalid value|overflow:RuntimeWarning")
def test_a_data_set_that_does_not_fit_together_is_refused(made, message):
    def flawed(size: int = 3):
        return made()

    with pytest.raises(ConfigError, match=f"^task flawed: {message}") as caught:
        Config(task=flawed)
    assert "\n" not in str(caught.value)


def below(size: int = 5) -> Dataset:
    """The larger of a and b for pairs with a < b; the other pairs are left out."""
    pairs = grid(size)
    targets = np.where(pairs[:, 0] < pairs[:, 1], pairs[:, 1], -1)
    return Dataset(pairs, targets, num_classes=size, num_tokens=size)


def test_examples_that_a_task_leaves_out_are_neither_trained_on_nor_tested_on(tmp_path):
    config = Config(**LAUNCH, task=below)
    assert (config.num_rows, config.num_examples, config.train_size) == (25, 10, 5)
    found = examples(config)
    both = np.concatenate([found.train_inputs, found.test_inputs])
    assert sorted(map(tuple, both.tolist())) == [(a, b) for a in range(5) for b in range(a + 1, 5)]
    np.testing.assert_array_equal(found.test_labels, found.test_inputs[:, 1])
    run = grokjax.train(config, tmp_path / "run", progress=False)
    assert np.isfinite(run.history.test_loss.values).all()


def test_the_symmetric_split_needs_a_mirror():
    def with_axes(size: int = 5) -> Dataset:
        return replace(larger(size), axes=(f"Z_{size}",) * 2)

    def with_mirror(size: int = 5) -> Dataset:
        return replace(larger(size), mirror=grid(size) @ [1, size])

    for task in (larger, with_axes):
        with pytest.raises(ConfigError, match="split needs a task of ordered pairs, got 'symm"):
            Config(task=task, split="symmetric")
    assert Config(task=with_mirror, split="symmetric").split == "symmetric"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({}, "loss must be mse with the float targets of Teacher, got 'cross-entropy'"),
        ({"loss": "stablemax"}, "loss must be mse with the float targets of Teacher"),
        ({"loss": "mse", "label_noise": 0.5},
         "label_noise must be 0 with the float targets of Teacher, got 0.5"),
    ],
)  # fmt: skip
def test_regression_needs_mse_and_no_label_noise(settings, message):
    with pytest.raises(ConfigError, match=f"^{message}"):
        Config(task=Teacher, model=Linear, **settings)


def test_a_data_set_is_built_once_for_all_members_of_a_program():
    calls = []

    def counted(size: int = 4) -> Dataset:
        calls.append(size)
        return larger(size)

    programs = Sweep(Config(task=counted), seed=range(20), train_fraction=[0.3, 0.5]).programs()
    assert len(programs) == 1
    first = build_dataset(programs[0].config.task_settings, programs[0].variants)
    assert build_dataset(programs[0].config.task_settings, programs[0].variants) is first
    assert len(calls) <= 2
