"""Analyses of every member at every epoch with snapshots."""

from typing import NamedTuple

import numpy as np
import pytest
import xarray as xr

import grokjax
from grokjax import Config, Sweep
from grokjax.analysis.neurons import neurons
from grokjax.analysis.pca import pca
from grokjax.analysis.survey import survey
from grokjax.analysis.through_training import through_training
from tests.conftest import TINY

SETTINGS = TINY | {"snapshot": "params", "snapshot_every": 4, "max_epochs": 8}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The second member diverges at the first evaluation after training."""
    sweep = Sweep(Config(**SETTINGS), learning_rate=[0.01, 1e6])
    return grokjax.train(sweep, tmp_path_factory.mktemp("through") / "run", progress=False)


class Norms(NamedTuple):
    kernel: np.ndarray
    counts: dict


def norms(run, power=1):
    kernel = run.params["hidden"]["kernel"]
    counts = {"positive": np.sum(kernel > 0, axis=1), "any": (kernel > 0).any(axis=(1, 2))}
    return Norms(np.abs(kernel**power).sum(axis=(1, 2)), counts)


def test_arrays_by_name_with_missing_members(run):
    found = through_training(norms, run, power=2)
    assert set(found) == {"kernel", "counts_positive", "counts_any"}
    assert found.kernel.dims == ("member", "epoch")
    assert found.epoch.values.tolist() == [0, 4, 8]
    assert run.has_snapshot.values.tolist() == [[True, True, True], [True, False, False]]
    for member, epoch in [(0, 0), (0, 4), (0, 8), (1, 0)]:
        expected = norms(run.at(epoch).of([member]), power=2)
        one = found.sel(member=member, epoch=epoch)
        assert one.kernel == expected.kernel[0]
        np.testing.assert_array_equal(one.counts_positive, expected.counts["positive"][0])
    missing = found.sel(member=1, epoch=[4, 8])
    assert all(missing[name].isnull().all() for name in found)
    whole = through_training(norms, run.of([0]))
    assert whole.counts_positive.dtype.kind == "i"
    assert whole.counts_any.dtype == bool


def test_a_survey_at_every_epoch(run):
    found = through_training(survey, run)
    assert found.gini.dims == ("member", "epoch")
    assert found.scores.dims == ("member", "epoch", "token", "component")
    assert found.frequency.values.tolist() == [1, 2, 3]
    last = survey(run.at(8))
    assert last.member.values.tolist() == [0]
    for name in last:
        np.testing.assert_array_equal(found[name].sel(member=[0], epoch=8), last[name])
    final = survey(run.of([0]))
    np.testing.assert_array_equal(final.power, last.power)


def test_analyses_of_networks_and_of_arrays(run):
    found = through_training(neurons, run)
    np.testing.assert_array_equal(found.share.sel(member=0, epoch=4), neurons(run.at(4)).share[0])
    scores = through_training(lambda then: pca(then.embeddings), run).scores
    assert scores.sizes == {"member": 2, "epoch": 3, "scores_axis_0": 7, "scores_axis_1": 4}
    named = through_training(
        lambda then: xr.DataArray(then.embeddings, dims=["member", "a", "b"]), run
    )
    np.testing.assert_array_equal(named["<lambda>"], run.snapshots)


def test_results_without_members_are_refused(run):
    with pytest.raises(
        ValueError, match=r"must return arrays with a leading axis of 2 members, got"
    ):
        through_training(lambda then: then.embeddings.sum(), run)
    with pytest.raises(ValueError, match="must return 2 members along member"):
        through_training(lambda then: xr.Dataset({"x": 1.0}), run)
    with pytest.raises(grokjax.ConfigError, match=r"^run must be a grokjax\.results\.run\.Run"):
        through_training(survey, run.params)
