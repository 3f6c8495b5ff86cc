"""Correct numbers: the self-check, JAX's settings, precision, one golden step, a published run."""

import contextlib
from pathlib import Path

import jax
import numpy as np
import pytest

import grokjax
from grokjax import recipes
from grokjax.analysis import fourier
from grokjax.analysis.times import first_epoch
from grokjax.config.config import Config
from grokjax.config.hyperparams import hypers_of
from grokjax.metrics.builtin import BUILTIN
from grokjax.models.network import build_network
from grokjax.results.run import Run
from grokjax.runtime import devices, self_check
from grokjax.training import program
from grokjax.training.inventory import take_inventory
from tests.conftest import TINY
from tests.training.lowering import (
    DEFAULT,
    HIGH,
    HIGHEST,
    lowered,
    precisions,
    record_applied_programs,
)


@pytest.fixture
def unchecked():
    """The self-check module, with its remembered results cleared."""
    check_devices = self_check.check_devices  # a test may put another in its place
    check_devices.cache_clear()
    yield self_check
    check_devices.cache_clear()


def break_sum(patch):
    """Break sums as jax 0.10.2 does on CPU (jax-ml/jax#39103)."""
    true_sum = jax.numpy.sum
    patch.setattr("jax.numpy.sum", lambda *x, **how: true_sum(*x, **how) * np.float32(0.992))


def break_operators(patch):
    """Break single operators as jax 0.11.1 does on some GPUs (jax-ml/jax#40633)."""
    true_ones = jax.numpy.ones
    patch.setattr("jax.numpy.ones", lambda *shape: 512 * true_ones(*shape))


def break_updates(patch):
    """Break training steps as jax 0.11.1 does on some GPUs: from step 2 on, on one device."""
    right = self_check._adam_update

    def wrong(xp, step, *arguments):
        weights, *moments = right(xp, step, *arguments)
        if xp is jax.numpy:
            second = (step > 1) & (jax.lax.axis_index("device") == 1)
            weights = jax.numpy.where(second, jax.numpy.nan, weights)
        return weights, *moments

    patch.setattr(self_check, "_adam_update", wrong)


@pytest.mark.parametrize(
    ("break_jax", "message"),
    [
        (break_sum, r"cpu:0 computed \d+, but 1073741824 is right \(jax .*#39103"),
        (
            break_operators,
            r"cpu:0 computed 22.6274 for sqrt\(512\) and 513 for 1 \+ 1 \(jax .*#40633",
        ),
        (
            break_updates,
            r"cpu:1 computed weights that are off by nan after 8 updates \(jax .*#40633",
        ),
    ],
)
def test_nothing_is_trained_where_the_self_check_fails(
    break_jax, message, tiny, tmp_path, monkeypatch, unchecked
):
    break_jax(monkeypatch)
    with pytest.raises(RuntimeError, match=f"self-check: {message}"):
        grokjax.train(tiny, tmp_path / "run", devices=2, progress=False)
    assert not (tmp_path / "run").exists()


def test_the_self_check_runs_on_the_devices_that_train(unchecked, monkeypatch):
    """It runs on each of them, not only on the first."""
    checked = []
    monkeypatch.setattr(self_check, "check_devices", checked.append)
    used = devices.select_devices(3)
    assert checked == [tuple(used)]
    assert len(used) == 3


@contextlib.contextmanager
def with_64_bits():
    """What the user asked JAX for is not ignored without a word."""
    with jax.enable_x64(True), pytest.warns(UserWarning, match="give --precision float64"):
        yield


ENVIRONMENTS = {
    "another random generator": lambda: jax.default_prng_impl("rbg"),
    "random bits of before 2025": lambda: jax.threefry_partitionable(False),
    "strict dtypes": lambda: jax.numpy_dtype_promotion("strict"),
    "no compilation": lambda: jax.disable_jit(True),
    "64 bits": lambda: with_64_bits(),
}
"""Settings that users may have through `JAX_*` variables."""


@pytest.mark.parametrize("around", ENVIRONMENTS.values(), ids=ENVIRONMENTS)
def test_jax_settings_change_no_bit(tmp_path, around):
    """This holds for training, data, `apply` and analysis."""
    config = Config(**TINY | {"label_noise": 0.2, "gradient_noise": 0.01})
    found = []
    for name, setting in (("usual", contextlib.nullcontext), ("other", around)):
        program.compile_programs.cache_clear()
        build_network.cache_clear()
        with setting():
            run = grokjax.train(config, tmp_path / name, progress=False)
            spectrum = fourier.power(run.params["embed"]["embedding"])
            params = run.params_of(0)
            history = tuple(values.values for values in run.history.data_vars.values())
            logits = run.apply(params, [[1, 2]])
            found.append((params, logits, tuple(run.data_of(0)), spectrum, history))
    jax.tree.map(np.testing.assert_array_equal, *found)


@pytest.mark.parametrize("platform", ["cuda", "tpu"])
@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, HIGHEST),
        ({"batch_size": None}, HIGHEST),
        ({"embeddings": "separate", "hidden_layers": 2, "layer_normalization": True}, HIGHEST),
        ({"precision": "tensorfloat32"}, HIGH),
        ({"precision": "bfloat16"}, DEFAULT),
    ],
    ids=["batches", "full batch", "deeper", "tensorfloat32", "bfloat16"],
)
def test_every_matrix_product_has_the_requested_precision(settings, expected, platform):
    assert precisions(lowered(Config(**TINY | settings), platform)) == {expected}


@pytest.mark.parametrize(
    ("members", "expected"), [([0], DEFAULT), ([1], HIGHEST), ([0, 1], HIGHEST)]
)
def test_apply_uses_the_precision_of_its_members(tiny, monkeypatch, members, expected):
    """It uses float32 if they differ."""
    sweep = grokjax.Sweep(tiny, precision=["bfloat16", "float32"])
    networks = take_inventory(sweep, BUILTIN)
    params = build_network(tiny.model_settings, tiny.spec).init(jax.random.key(0))
    texts = record_applied_programs(monkeypatch)
    logits = Run(Path(), {}, sweep, networks, members).apply(params, [[0, 1], [6, 6]])
    assert logits.shape == (2, 7)
    assert precisions(texts[0]) == {expected}


def test_golden_one_step(tiny):
    """If you changed the numbers of training on purpose, update them here and say so."""
    config = tiny.replace(batch_size=None, eval_every=1)
    shared = grokjax.Sweep(config).programs()[0]
    one = program.ProgramKey.of(shared).member(on_cpu=True)
    hypers = hypers_of(config, shared.variants)
    state, first = jax.jit(one.init)(hypers)
    state, last = jax.jit(one.round)(hypers, state)
    losses = [first["train_loss"], last["train_loss"], last["test_loss"], last["weight_norm"]]
    np.testing.assert_allclose(losses, GOLDEN, rtol=1e-5)
    first_weights = [leaf.ravel()[0] for leaf in jax.tree.leaves(state.params)]
    np.testing.assert_allclose(first_weights, GOLDEN_WEIGHTS, rtol=1e-4)


GOLDEN = [2.0083039, 1.9732386, 1.9741256, 4.375576]
GOLDEN_WEIGHTS = [-0.2526361, -0.009999932, -0.4301397, 0.009999933, 0.1328768]


@pytest.mark.slow
def test_gromov_groks_in_44_steps(tmp_path):
    """On the published split, it follows the log of d-doshi/Grokking within 3 steps and 15%."""
    sweep = recipes.get("gromov").sweep(seed=[0, 1])
    history = grokjax.train(sweep, tmp_path / "run", progress=False).history
    for split, accuracy, step in (
        ("train", 0.99, 20),
        ("test", 0.1, 28),
        ("test", 0.5, 34),
        ("test", 0.9, 38),
        ("test", 0.99, 42),
    ):
        values = history[f"{split}_accuracy"].values
        reached = first_epoch(values, history.epoch.values, accuracy)
        assert (np.abs(reached - step) <= 3).all(), f"{split} >= {accuracy}: {reached}"
    assert history.epoch.values[-1] == 100
    for split, loss in (("train", 0.000812), ("test", 0.001011)):
        np.testing.assert_allclose(history[f"{split}_loss"].values[:, -1], loss, rtol=0.15)
