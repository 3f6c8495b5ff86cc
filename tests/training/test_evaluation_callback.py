"""A callback sees every evaluation, may stop members, and can do no harm."""

import itertools
import time

import numpy as np
import pytest

import grokjax
from grokjax import Config, Sweep
from grokjax.analysis import incidence, times
from grokjax.training import evaluation_callback
from tests.conftest import TINY
from tests.training.test_resume import assert_same, stop_after

SWEEP = Sweep(Config(**TINY), seed=range(4))


class Recorder:
    """Keeps what it is called with."""

    def __init__(self):
        self.opened, self.rows, self.closed = None, {}, 0

    def open(self, run):
        self.opened = run

    def __call__(self, members, epochs, metrics):
        for i, key in enumerate(zip(members.tolist(), epochs.tolist(), strict=True)):
            assert key not in self.rows
            self.rows[key] = {name: array[i] for name, array in metrics.items()}

    def close(self):
        self.closed += 1


def train(out, callback, sweep=SWEEP, **how):
    how = {"devices": 1, "progress": False} | how
    return grokjax.train(sweep, out, on_evaluation=callback, **how)


@pytest.fixture(scope="module")
def unwatched(tmp_path_factory):
    return train(tmp_path_factory.mktemp("unwatched") / "run", None)


def test_a_callback_gets_every_evaluation_of_the_history_and_changes_no_bit(tmp_path, unwatched):
    seen = Recorder()
    run = train(tmp_path / "run", seen)
    assert_same(run, unwatched)
    assert seen.opened.directory == run.directory
    assert seen.closed == 1
    assert seen.rows.keys() == set(itertools.product(range(4), (0, 2, 4, 6)))
    for (member, epoch), row in seen.rows.items():
        for name, values in run.history.sel(member=member).data_vars.items():
            there = values[run.history.epoch.values == epoch][0]
            np.testing.assert_array_equal(row[name], there)


def test_members_that_a_callback_returns_are_pruned_and_stay_so(tmp_path, unwatched):
    def stop_two(members, epochs, metrics):
        return [1, 3] if 1 in members and 2 in epochs else None

    run = train(tmp_path / "run", stop_two)
    assert run.members["status"].tolist() == ["not memorised", "pruned", "not memorised", "pruned"]
    assert run.members["epochs"].tolist() == [6, 2, 6, 2]
    for name, values in run.history.data_vars.items():
        np.testing.assert_array_equal(values[[1, 3], :2], unwatched.history[name][[1, 3], :2])
        assert np.isnan(values[[1, 3], 2:]).all()
        np.testing.assert_array_equal(values[[0, 2]], unwatched.history[name][[0, 2]])
    grokked = times.events(run).grokked
    assert grokked.end.tolist() == ["max_epochs", "pruned", "max_epochs", "pruned"]
    assert incidence.incidence(grokked).censored == 4
    longer = Sweep(Config(**TINY | {"max_epochs": 8}), seed=range(4))
    resumed = grokjax.resume(run.directory, sweep=longer, devices=1, progress=False)
    assert resumed.members["epochs"].tolist() == [8, 2, 8, 2]


def test_a_member_that_ends_anyway_keeps_its_own_status(tmp_path):
    run = train(tmp_path / "run", lambda members, epochs, metrics: members[epochs == 6])
    assert set(run.members["status"]) == {"not memorised"}


def test_a_resumed_run_prunes_too_and_sees_only_what_is_new(tmp_path, monkeypatch):
    first, second = Recorder(), Recorder()
    stop_after(monkeypatch, rounds=2)
    with pytest.raises(grokjax.Interrupted):
        train(tmp_path / "run", first)
    monkeypatch.undo()
    assert first.closed == 1
    grokjax.resume(tmp_path / "run", devices=1, progress=False, on_evaluation=second)
    assert not first.rows.keys() & second.rows.keys()
    assert first.rows.keys() | second.rows.keys() == set(itertools.product(range(4), (0, 2, 4, 6)))


def test_errors_of_a_callback_are_told_once_and_change_nothing(tmp_path, unwatched, capsys):
    def spoil(members, epochs, metrics):
        for array in metrics.values():
            array[:] = 7
        members[:] = 0
        raise OSError("the server is gone")

    def strange(members, epochs, metrics):
        return ["no member"]

    class Unopened(Recorder):
        def open(self, run):
            raise PermissionError("not yours")

    after, unopened = Recorder(), Unopened()
    run = train(tmp_path / "run", [spoil, strange, unopened, after], progress=True)
    assert_same(run, unwatched)
    said = capsys.readouterr().err
    assert said.count("spoil failed, training goes on: OSError: the server is gone (test_eval") == 1
    assert said.count("strange failed, training goes on: ValueError: invalid literal") == 1
    assert said.count("Unopened failed, training goes on: PermissionError: not yours") == 1
    assert "on_evaluation: spoil failed 16 times" in said
    assert not unopened.rows
    assert len(after.rows) == 16, "the functions after it are called"


def test_a_slow_callback_is_called_less_often_but_gets_everything(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(evaluation_callback, "GRACE_SECONDS", 0.05)
    seen, calls = Recorder(), []

    def slow(members, epochs, metrics):
        calls.append(len(members))
        time.sleep(0.1)
        seen(members, epochs, metrics)

    train(tmp_path / "run", slow, progress=True)
    assert len(seen.rows) == 16
    assert len(calls) < 8
    assert max(calls) > 4, "several rounds at once"
    assert capsys.readouterr().err.count("on_evaluation is slow") == 1


@pytest.mark.parametrize("given", [3, [len, "no"], "csv"])
def test_what_cannot_be_called_is_refused_before_anything_is_written(tmp_path, given):
    with pytest.raises(grokjax.ConfigError, match="on_evaluation must be a function of"):
        train(tmp_path / "run", given)
    assert not (tmp_path / "run").exists()
