"""Log-spaced evaluations: their epochs, and that members train as with regular ones."""

import functools

import jax
import numpy as np
import pytest

import grokjax
from grokjax import Sweep
from grokjax.config.config import Config
from grokjax.config.evaluations import (
    evaluations,
    log_spaced,
    next_evaluation,
    previous_evaluation,
)
from grokjax.config.snapshots import is_due
from grokjax.errors import ConfigError
from tests.training.test_resume import stop_after

LOG = {"eval_spacing": "log", "evals": 12, "max_epochs": 40}
GRID = [0, 1, 2, 3, 4, 5, 7, 10, 15, 20, 29, 40]


def test_epochs_are_spaced_by_one_ratio_up_to_the_last():
    grid = log_spaced(8_000, 360)
    assert grid[:4] == (0, 1, 2, 3)
    assert grid[-1] == 8_000
    assert 200 < len(grid) <= 361
    exact = 8_000 ** (np.arange(360) / 359)
    assert set(grid[1:]) == set(np.rint(exact).astype(int).tolist())
    assert log_spaced(1, 360) == (0, 1)


@pytest.mark.parametrize("config", [Config(**LOG), Config(eval_every=4, max_epochs=40)])
def test_neighbours_of_an_evaluation(config):
    grid = GRID if config.eval_spacing == "log" else list(range(0, 41, 4))
    for epoch in range(40):
        assert next_evaluation(config, epoch) == min(e for e in grid if e > epoch)
        assert evaluations(config, epoch) == [e for e in grid if e <= epoch]
        assert previous_evaluation(config, epoch) == max(e for e in [-1, *grid] if e < epoch)


def test_a_snapshot_is_kept_at_the_first_evaluation_from_each_multiple_on():
    config = Config(**LOG, snapshot_every=6)
    assert [epoch for epoch in GRID if is_due(config, epoch, {})] == [0, 7, 15, 20, 29, 40]


@pytest.mark.parametrize("batch_size", [None, 9])
def test_members_train_as_with_regular_evaluations(tiny, tmp_path, monkeypatch, batch_size):
    """Three members in two lanes, with a stop between evaluations of one of them."""
    config = tiny.replace(batch_size=batch_size, max_epochs=40, eval_every=1)
    seeds = functools.partial(Sweep, seed=[0, 1, 2])
    every = grokjax.train(seeds(config), tmp_path / "every", progress=False)
    stop_after(monkeypatch, 14)
    with pytest.raises(grokjax.Interrupted):
        grokjax.train(seeds(config.replace(**LOG)), tmp_path / "log", lanes=2, progress=False)
    monkeypatch.undo()
    run = grokjax.resume(tmp_path / "log", lanes=2, progress=False)
    assert run.history.epoch.values.tolist() == GRID
    assert run.members.epochs.tolist() == [40, 40, 40]
    expected = every.history.isel(eval=GRID)
    for name, values in run.history.data_vars.items():
        # XLA may round the norms of so small arrays by one ulp otherwise in a `lax.cond`.
        rtol = 3e-7 if name.endswith("norm") else 0
        np.testing.assert_allclose(values, expected[name], rtol, err_msg=name)
    jax.tree.map(np.testing.assert_array_equal, run.params, every.params)
    with pytest.raises(ConfigError, match="max_epochs must stay 40, over which the run spaces"):
        grokjax.resume(tmp_path / "log", sweep=seeds(config.replace(**LOG | {"max_epochs": 80})))


def test_a_number_of_evaluations_needs_them_log_spaced():
    with pytest.raises(ConfigError, match=r"^evals needs eval_spacing to be log, got 50"):
        Config(evals=50)
    assert Config(**LOG, extra_epochs=7).extra_epochs == 7  # no multiple of anything
