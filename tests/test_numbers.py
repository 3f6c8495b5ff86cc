"""Numbers that can be trusted: the backend, its precision, a step, and a published run."""

import contextlib
import dataclasses
from pathlib import Path

import jax
import numpy as np
import pytest

import grokjax
from grokjax import devices, member, models, programs, recipes, selfcheck
from grokjax.analysis import fourier
from grokjax.analysis.timing import first_epoch
from grokjax.config import Config
from grokjax.hypers import Hypers
from grokjax.run import Run
from tests.conftest import TINY
from tests.lowering import DEFAULT, HIGH, HIGHEST, applied, lowered, precisions


@pytest.fixture
def unchecked():
    """The self-check, not yet run in this process."""
    selfcheck._check.cache_clear()
    yield selfcheck
    selfcheck._check.cache_clear()


def summed(patch):
    """As jax 0.10.2 on CPU did (jax-ml/jax#39103)."""
    true_sum = jax.numpy.sum
    patch.setattr("jax.numpy.sum", lambda *x, **how: true_sum(*x, **how) * np.float32(0.992))


def operated(patch):
    """As jax 0.11.1 on some GPUs did, outside of jit (jax-ml/jax#40633)."""
    true_ones = jax.numpy.ones
    patch.setattr("jax.numpy.ones", lambda *shape: 512 * true_ones(*shape))


def updated(patch):
    """As jax 0.11.1 on some GPUs did, from the second update on, and on one device only."""
    right = selfcheck._updated

    def wrong(xp, step, *arguments):
        weights, *moments = right(xp, step, *arguments)
        if xp is jax.numpy:
            second = (step > 1) & (jax.lax.axis_index("device") == 1)
            weights = jax.numpy.where(second, jax.numpy.nan, weights)
        return weights, *moments

    patch.setattr(selfcheck, "_updated", wrong)


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (summed, r"cpu:0 computed \d+ where 1073741824 is right \(jax .*#39103"),
        (operated, r"cpu:0 computed 22.6274 for sqrt\(512\) and 513 for 1 \+ 1 \(jax .*#40633"),
        (updated, r"cpu:1 computed weights that are off by nan after 8 updates \(jax .*#40633"),
    ],
)
def test_nothing_is_trained_where_the_self_check_fails(
    broken, message, tiny, tmp_path, monkeypatch, unchecked
):
    broken(monkeypatch)
    with pytest.raises(RuntimeError, match=f"self-check: {message}"):
        grokjax.train(tiny, tmp_path / "run", devices=2, progress=False)
    assert not (tmp_path / "run").exists()


def test_the_self_check_runs_on_the_devices_that_train(unchecked, monkeypatch):
    """Not on the first one alone."""
    checked = []
    monkeypatch.setattr(selfcheck, "check", checked.append)
    used = devices.start(3)
    assert checked == [tuple(used)]
    assert len(used) == 3


ENVIRONMENTS = {
    "another generator": lambda: jax.default_prng_impl("rbg"),
    "draws of before 2025": lambda: jax.threefry_partitionable(False),
    "strict dtypes": lambda: jax.numpy_dtype_promotion("strict"),
    "nothing compiled": lambda: jax.disable_jit(True),
    "64 bits": lambda: jax.enable_x64(True),
}
"""As users have them by `JAX_*` variables."""


@pytest.mark.parametrize("around", ENVIRONMENTS.values(), ids=ENVIRONMENTS)
def test_settings_of_jax_change_no_bit(tmp_path, around):
    """Of training, of the data, of applying a network and of analysis."""
    config = Config(**TINY | {"label_noise": 0.2, "gradient_noise": 0.01})
    found = []
    for name, setting in (("usual", contextlib.nullcontext), ("other", around)):
        programs.compiled.cache_clear()
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
def test_every_product_has_the_precision_that_was_asked_for(settings, expected, platform):
    assert precisions(lowered(Config(**TINY | settings), platform)) == {expected}


@pytest.mark.parametrize(
    ("members", "expected"), [([0], DEFAULT), ([1], HIGHEST), ([0, 1], HIGHEST)]
)
def test_apply_has_the_precision_of_its_members(tiny, monkeypatch, members, expected):
    """Of members that differ, float32."""
    sweep = grokjax.Sweep(tiny, precision=["bfloat16", "float32"])
    params = models.build(tiny).init(jax.random.key(0))
    texts = applied(monkeypatch)
    logits = Run(Path(), {}, sweep, members).apply(params, [[0, 1], [6, 6]])
    assert logits.shape == (2, 7)
    assert precisions(texts[0]) == {expected}


def test_golden_one_step(tiny):
    """If the numbers of training were changed on purpose, update them here and say so."""
    config = dataclasses.replace(tiny, batch_size=None, eval_every=1)
    one, hypers = member.build(config.static, config.train_size), Hypers.of(config)
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
    """The published log, on its own split, to within 3 steps and 15% (d-doshi/Grokking)."""
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
