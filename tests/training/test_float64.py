"""Precision float64: every number of a run, from the initial weights to the analysis."""

import jax
import numpy as np
import pytest
import xarray as xr

import grokjax
from grokjax.analysis import fourier
from grokjax.config.config import Config
from grokjax.config.hyperparams import hypers_of
from grokjax.models.network import build_network
from grokjax.runtime import numerics
from grokjax.storage import journal
from grokjax.training.initial_params import initial_params
from tests.conftest import TINY
from tests.training.test_interventions import by_hand
from tests.training.test_resume import stop_after

WIDE = Config(**TINY | {"precision": "float64"})
KEPT = {"snapshot": "states", "snapshot_every": 2}
SWEEP = grokjax.Sweep(WIDE.replace(**KEPT), seed=[3, 4])
SINGLE = grokjax.Sweep(SWEEP.config.replace(precision="float32"), seed=[3, 4])
METRICS = ["matrices", "logits"]


def train(directory, sweep=SWEEP, **how):
    return grokjax.train(sweep, directory, metrics=METRICS, progress=False, **how)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return train(tmp_path_factory.mktemp("float64") / "run")


def test_training_against_numpy(run, tmp_path):
    """AdamW in batches, all of it in NumPy: 18 steps, to the last digits."""
    rng = np.random.default_rng(0)
    start = jax.tree.map(lambda x: rng.normal(size=x.shape), run.params_of(0))
    given = train(tmp_path / "run", init=start)
    for member in (0, 1):
        config = given.sweep[member]
        expected = by_hand(config, WIDE.max_epochs, lambda done, params, _: params, start=start)
        for path, ours in jax.tree_util.tree_leaves_with_path(given.params_of(member)):
            theirs = expected[path[0].key][path[1].key]
            np.testing.assert_allclose(ours, theirs, rtol=1e-11, atol=1e-13)


def test_it_starts_and_learns_as_float32_does(run, tmp_path):
    """The same split, batches and initial weights; after some steps only rounding differs."""
    single = train(tmp_path / "single", SINGLE)
    for ours, theirs in zip(run.data_of(0), single.data_of(0), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    for name in ("train_loss", "weight_norm", "embedding_power", "logit_rms"):
        ours, theirs = run.history[name].values, single.history[name].values
        assert (ours.dtype, theirs.dtype) == (np.float64, np.float32)
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)
        assert not np.array_equal(ours, theirs)


def test_everything_that_is_read_is_float64(run):
    assert {x.dtype for x in jax.tree.leaves(run.params)} == {np.dtype(np.float64)}
    assert {each.dtype for each in run.history.data_vars.values()} == {np.dtype(np.float64)}
    for kept in (run.snapshots, run.param_snapshots("output/bias")):
        assert kept.dtype == np.float64
    last = run.param_snapshots("hidden/kernel").values[:, -1]
    np.testing.assert_array_equal(last, run.params["hidden"]["kernel"])
    parts = list(journal.read_parts(run.directory, "optimizer"))
    moments = [x for part in parts for n, x in part.items() if "mu" in n or "nu" in n]
    assert {x.dtype for x in moments} == {np.dtype(np.float64)}
    stored = xr.load_dataset(run.directory / "history.nc", engine="h5netcdf")
    np.testing.assert_array_equal(stored.test_loss, run.history.test_loss)
    assert stored.test_loss.dtype == np.float64


def test_a_resumed_run_has_the_same_bits(run, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        stop_after(patch, 2)
        with pytest.raises(grokjax.Interrupted):
            train(tmp_path / "run", lanes=1)
    resumed = grokjax.resume(tmp_path / "run", metrics=METRICS, progress=False)
    jax.tree.map(np.testing.assert_array_equal, run.params, resumed.params)
    for name in run.history.data_vars:
        np.testing.assert_array_equal(run.history[name], resumed.history[name], err_msg=name)


def test_apply_and_analysis_lose_nothing(run):
    params, (a, b) = run.params_of(0), (1, 5)
    table, kernel = params["embed"]["embedding"], params["hidden"]["kernel"]
    hidden = np.concatenate([table[a], table[b]]) @ kernel + params["hidden"]["bias"]
    logits = np.maximum(hidden, 0) @ params["output"]["kernel"] + params["output"]["bias"]
    np.testing.assert_allclose(run.apply(params, [[a, b]])[0], logits, rtol=1e-12)
    spectrum = np.abs(np.fft.rfft(run.embeddings, axis=1)[:, 1:]) ** 2
    expected = 2 * spectrum.sum(axis=2) / WIDE.modulus
    np.testing.assert_allclose(fourier.power(run.embeddings), expected, rtol=1e-12)
    recorded = run.history.embedding_power.values[:, -1]
    np.testing.assert_allclose(recorded, expected, rtol=1e-12)


def test_the_same_initial_weights_are_drawn_as_in_float32():
    drawn = []
    for member in (SWEEP[1].replace(init_scale=0.1), SINGLE[1]):
        network = build_network(member.model_settings, member.spec)
        with numerics.pinned_jax_settings(member.precision):
            draw = jax.jit(lambda hypers, network=network: initial_params(network, hypers))
            drawn.append(draw(hypers_of(member, (member.variant,))))
    for scaled, plain in zip(*map(jax.tree.leaves, drawn), strict=True):
        assert (scaled.dtype, plain.dtype) == (np.float64, np.float32)
        np.testing.assert_allclose(scaled, 0.1 * np.float64(plain), rtol=1e-15)


def test_one_run_has_one_precision(tmp_path):
    sweep = grokjax.Sweep(WIDE, precision=["float32", "float64"])
    with pytest.raises(grokjax.ConfigError, match="precision must be that of all members"):
        grokjax.train(sweep, tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()


def test_it_is_refused_where_devices_lack_it():
    numerics.check_precision("float64", "cpu")
    with pytest.raises(grokjax.ConfigError, match="precision must be float32 on tpu"):
        numerics.check_precision("float64", "tpu")


def test_what_jax_was_asked_for_is_not_ignored_without_a_word():
    numerics.check_precision("float32", "cpu")
    with jax.enable_x64(True):
        numerics.check_precision("float64", "cpu")
        with pytest.warns(UserWarning, match="JAX_ENABLE_X64 has no effect .*--precision float64"):
            numerics.check_precision("float32", "cpu")
