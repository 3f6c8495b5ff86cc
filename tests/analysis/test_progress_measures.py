"""Progress measures of runs and of given parameters."""

import re

import numpy as np
import pytest

import grokjax
from grokjax import Config, Sweep
from grokjax.analysis.progress_measures import progress_measures
from grokjax.analysis.through_training import through_training
from tests import progress_by_hand as by_hand
from tests.conftest import TINY, flags
from tests.reference import forward
from tests.training.test_resume import stop_after

SETTINGS = TINY | {"label_noise": 0.2, "snapshot": "params", "snapshot_every": 2}
SUBSETS = ("train", "test", "all")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Two members with label noise that record the measures, stopped and resumed without a name."""
    out = tmp_path_factory.mktemp("progress") / "run"
    sweep = Sweep(Config(**SETTINGS), operation=["add", "subtract"])
    with pytest.MonkeyPatch.context() as patch:
        stop_after(patch, 1)
        with pytest.raises(grokjax.Interrupted):
            grokjax.train(sweep, out, metrics=["progress"], progress=False)
    return grokjax.resume(out, progress=False)


def test_recorded_measures_are_those_of_the_final_parameters(run):
    found, last = progress_measures(run), run.history.isel(eval=-1)
    assert found.member.values.tolist() == [0, 1]
    for name in ("restricted_loss", "excluded_loss"):
        for subset in SUBSETS:
            recorded = last[name].sel(subset=subset)
            np.testing.assert_allclose(found[name].sel(subset=subset), recorded, rtol=1e-5)
    for subset in ("train", "test"):
        np.testing.assert_allclose(found.loss.sel(subset=subset), last[f"{subset}_loss"], rtol=1e-5)
    np.testing.assert_array_equal(found.key, last.key_frequency)
    np.testing.assert_allclose(found.logit_fve, last.logit_fve, rtol=1e-4, atol=1e-6)
    for name in ("logit_coefficient", "component_gini", "parameter_squares"):
        dims = found[name].dims
        recorded = last[name].sel({dims[1]: found[dims[1]]})
        np.testing.assert_allclose(found[name], recorded, rtol=1e-4, atol=1e-5)
    total = run.history.parameter_squares.sum("parameter")
    np.testing.assert_allclose(total, run.history.weight_norm**2, rtol=1e-4)


def test_given_key_frequencies_are_kept(run):
    key = np.array([[True, False, False], [False, True, True]])
    found = progress_measures(run, key=key)
    np.testing.assert_array_equal(found.key, key)
    for row in range(2):
        params = run.params_of(row)
        pairs = np.stack(np.divmod(np.arange(49), 7), axis=1)
        logits = forward(params, pairs)[0]
        answers = (pairs[:, 0] + (1, -1)[row] * pairs[:, 1]) % 7
        order = np.lexsort((pairs[:, 0], answers))  # pairs by their answer and a, as for a sum
        as_sum = np.empty(49, int)
        as_sum[np.lexsort((pairs[:, 0], pairs.sum(axis=1) % 7))] = order
        data = run.data_of(row)
        labels = np.empty(49, int)
        for inputs, own in (
            (data.train_inputs, data.train_labels),
            (data.test_inputs, data.test_labels),
        ):
            labels[inputs[:, 0] * 7 + inputs[:, 1]] = own
        keys = np.flatnonzero(key[row]) + 1
        left = logits[as_sum] - by_hand.projected(logits[as_sum], 7, keys)
        losses = by_hand.losses(left, labels[as_sum])
        assert found.excluded_loss[row, 2] == pytest.approx(losses.mean(), rel=1e-4)
    assert (found.excluded_loss_of[0, 0] == found.excluded_loss[0]).all()


def test_key_frequencies_of_the_end_through_training(run):
    key = np.array([[True, False, False], [False, True, True]])
    found = through_training(progress_measures, run, key=key)
    assert found.epoch.values.tolist() == [0, 2, 4, 6]
    last = progress_measures(run, key=key)
    for name in ("restricted_loss", "excluded_loss", "logit_share"):
        np.testing.assert_allclose(found[name].isel(epoch=-1), last[name], rtol=1e-5)
    assert (found.loss.sel(epoch=2) != found.loss.sel(epoch=4)).all()
    assert (found.key == key[:, None]).all()


def test_parameters_are_measured_with_the_settings_of_their_members(run):
    configs = [run.sweep[m] for m in run.members.index]
    found = progress_measures(run.params, configs, key="neurons")
    as_run = progress_measures(run, key="neurons")
    for name in found.data_vars:
        np.testing.assert_array_equal(found[name], as_run[name])
    used = [set(row[row > 0].tolist()) for row in found.neuron_frequency.values]
    assert [set((np.flatnonzero(row) + 1).tolist()) for row in found.key.values] == used
    start = {layer: {n: 0 * x for n, x in leaves.items()} for layer, leaves in run.params.items()}
    flat = progress_measures(start, configs)
    np.testing.assert_allclose(flat.restricted_loss, np.log(7), rtol=1e-5)
    assert not flat.key.any()


def test_what_cannot_be_measured_is_refused_in_one_line(run):
    for arguments, message in (
        ((run.params,), "^progress_measures: parameters do not say what they learnt"),
        ((run.params, [run.config]), "the Config of each of the 2 members"),
        ((run, run.config), "^progress_measures: a Run has its own settings"),
        ((run, None, "loss"), "^key must be logits, neurons, or an array of bool, got 'loss'"),
        ((run, None, np.ones(4, bool)), r"^key must be .* bool of shape \[2, 3\]"),
    ):
        with pytest.raises(ValueError, match=message) as refusal:
            progress_measures(*arguments)
        assert "\n" not in str(refusal.value)


def test_the_command_line_records_them_by_name(tmp_path, capsys):
    from grokjax.cli.main import main

    words = ["train", "--out", str(tmp_path / "run"), "--seeds", "1", "--quiet", *flags()]
    assert main([*words, "--metrics", "logit_fve", "excluded_loss"]) == 0
    history = grokjax.load(tmp_path / "run").history
    assert np.isfinite(history.logit_fve).all()
    assert history.excluded_loss.dims == ("member", "eval", "subset")
    assert "restricted_loss" not in history
    capsys.readouterr()
    words[2] = str(tmp_path / "other")
    assert main([*words, "--metrics", "progres"]) == 2
    message = r"metrics must be one of progress, circuits, .*, restricted_loss, .*, got 'progres'"
    assert re.search(message, capsys.readouterr().err)
    assert not (tmp_path / "other").exists()
