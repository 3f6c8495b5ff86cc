"""A run that gets more epochs, seeds or values trains only what is new, with the same bits."""

import os
import signal

import numpy as np
import pytest

import grokjax
from grokjax import Sweep
from grokjax.analysis.times import events
from grokjax.cli import info, main
from grokjax.config.config import Config
from grokjax.results.run import Run
from grokjax.storage import digests, journal
from grokjax.storage.checkpoint import Checkpoints
from grokjax.storage.files import SCHEMA_VERSION
from grokjax.training import resuming
from tests.conftest import TINY
from tests.training.test_resume import assert_same, stop_after

SHORT = Config(**TINY | {"max_epochs": 20})
LONG = SHORT.replace(max_epochs=60)


def train(sweep, out):
    return grokjax.train(sweep, out, progress=False)


def steps(run):
    """Return the optimiser steps taken so far by all processes that worked on the run."""
    return int(run.rounds["steps"].sum())


@pytest.fixture(scope="module")
def long(tmp_path_factory):
    return train(Sweep(LONG, seed=range(5)), tmp_path_factory.mktemp("long") / "run")


def test_more_epochs_train_on_from_where_members_ended(tmp_path, long):
    # Its checkpoints stay, with members as they were before they ended.
    sweep = Sweep(SHORT, seed=range(5))
    short = grokjax.train(sweep, tmp_path / "run", checkpoint_every=1e-9, progress=False)
    assert steps(short) == 5 * 20 * 3
    extended = grokjax.resume(tmp_path / "run", sweep=Sweep(LONG, seed=range(5)), progress=False)
    assert steps(extended) == 5 * 60 * 3
    assert (extended.members["epochs"] == 60).all()
    assert_same(extended, long)
    assert grokjax.load(tmp_path / "run").config.max_epochs == 60
    assert extended.info["extended_from"] == [{"members": 5, "max_epochs": 20}]


def test_a_kill_while_extending_loses_nothing(tmp_path, long, monkeypatch):
    """Members in training are resumed from the journal first, and then from a checkpoint."""
    train(Sweep(SHORT, seed=range(5)), tmp_path / "run")
    for lanes in (4, 2):
        stop_after(monkeypatch, rounds=6)
        with pytest.raises(grokjax.Interrupted):
            grokjax.resume(
                tmp_path / "run",
                sweep=Sweep(LONG, seed=range(5)),
                devices=lanes // 2,
                progress=False,
            )
    monkeypatch.undo()
    under_way = grokjax.load(tmp_path / "run")
    assert set(under_way.members["status"]) == {"running"}
    with Checkpoints(tmp_path / "run", read_only=True) as checkpoints:
        saved = checkpoints.restore_latest()
    assert {int(each.state["epoch"]) for each in saved.values()} == {32, 44}
    for m, each in saved.items():  # and not as it was when it ended first
        bias = under_way.params_of(m)["output"]["bias"]
        np.testing.assert_array_equal(bias, each.state["params/output/bias"])
    extended = grokjax.resume(tmp_path / "run", progress=False)
    assert steps(extended) == 5 * 60 * 3
    assert_same(extended, long)


def test_lost_optimiser_state_costs_time_and_no_bits(tmp_path, long, monkeypatch):
    train(Sweep(SHORT, seed=range(5)), tmp_path / "run")
    for path in (tmp_path / "run" / "optimizer").iterdir():
        path.unlink()
    stop_after(monkeypatch, rounds=4)
    with (
        pytest.warns(match="optimizer/000001.npz is missing"),
        pytest.warns(match="100 epochs of 5 members are trained again"),
        pytest.raises(grokjax.Interrupted),
    ):
        grokjax.resume(tmp_path / "run", sweep=Sweep(LONG, seed=range(5)), progress=False)
    monkeypatch.undo()  # what was saved short of the first end is gone on with
    with pytest.warns(match="are trained again"):
        extended = grokjax.resume(tmp_path / "run", progress=False)
    assert steps(extended) == 5 * (20 + 60) * 3
    assert_same(extended, long)


def test_a_kill_between_the_files_of_an_extension_is_no_damage(tmp_path, long, monkeypatch):
    """The kill comes after config.json is replaced and before it is listed; resuming is silent."""
    train(Sweep(SHORT, seed=range(5)), tmp_path / "run")
    original = digests._write

    def killed(directory, sums):
        if "config.json" in sums and (directory / "config.json").read_text().count(
            '"max_epochs": 60'
        ):
            raise KeyboardInterrupt
        original(directory, sums)

    monkeypatch.setattr(digests, "_write", killed)
    with pytest.raises(KeyboardInterrupt):
        grokjax.resume(tmp_path / "run", sweep=Sweep(LONG, seed=range(5)), progress=False)
    monkeypatch.undo()
    assert_same(grokjax.resume(tmp_path / "run", progress=False), long)


def test_members_that_stopped_as_they_should_are_left_alone(tmp_path):
    """Diverged and grokked members have ended; only those that reached max_epochs go on."""
    # So small a network gets no further.
    config = SHORT.replace(seed=1, stop_when="grokked", stop_patience=1, learnt_accuracy=0.18)
    sweep = Sweep(config, learning_rate=[1e-6, 1e30, 1e-2])
    before = train(sweep, tmp_path / "run")
    already = steps(before)
    assert before.members["status"].tolist() == ["not memorised", "diverged", "grokked"]
    assert before.members["epochs"][2] < 20
    # Times have the rule and the ends that statuses have.
    grokked = events(before, 0.18, 0.18).grokked
    np.testing.assert_array_equal(grokked.epochs, [np.nan, np.nan, before.members["epochs"][2]])
    assert grokked.end.tolist() == ["max_epochs", "diverged", "stopped"]
    kept = [part["member"].tolist() for part in journal.read_parts(tmp_path / "run", "optimizer")]
    assert kept == [[0]], "only of members that an extension would train on"
    more = Sweep(config.replace(max_epochs=40), learning_rate=[1e-6, 1e30, 1e-2])
    after = grokjax.resume(tmp_path / "run", sweep=more, progress=False)
    assert after.members["status"].tolist() == ["not memorised", "diverged", "grokked"]
    assert after.members["epochs"].tolist() == [40, *before.members["epochs"].tolist()[1:]]
    assert steps(after) == already + 20 * 3


def test_the_stop_rule_counts_on_where_it_was(tmp_path):
    """Two of the three evaluations in a row come before the extension, and the third after it."""
    config = SHORT.replace(stop_when="grokked", stop_patience=3, max_epochs=4, learnt_accuracy=0.0)
    before = train(Sweep(config), tmp_path / "run")
    assert before.members["status"].tolist() == ["not memorised"], "two in a row are too few"
    more = Sweep(config.replace(max_epochs=20))
    after = grokjax.resume(tmp_path / "run", sweep=more, progress=False)
    assert after.members["epochs"].tolist() == [6]
    assert after.members["status"].tolist() == ["grokked"]


def test_new_seeds_and_values_by_the_command_line(tmp_path, capsys):
    words = [w for n, v in TINY.items() for w in (f"--{n.replace('_', '-')}", str(v))]
    out = tmp_path / "run"
    base = ["train", "--out", str(out), "--quiet", *words, "--seeds", "2", "--weight-decay", "0"]
    assert main.main([*base, "1"]) == 0
    first = steps(grokjax.load(out))
    assert main.main(["resume", str(out), "--quiet", "--add-seeds", "2"]) == 0
    second = grokjax.load(out)
    assert second.members["seed"].tolist() == [0, 1, 0, 1, 2, 3, 2, 3]
    assert second.members["weight_decay"].tolist() == [0, 0, 1, 1, 0, 0, 1, 1]
    assert steps(second) == 2 * first
    assert main.main(["resume", str(out), "--quiet", "--weight-decay", "0", "1", "3"]) == 0
    third = grokjax.load(out)
    assert third.members["weight_decay"].tolist()[8:] == [3, 3, 3, 3]
    assert third.members["seed"].tolist()[8:] == [0, 1, 2, 3]
    assert steps(third) == 3 * first
    stale = Run(out, second.info, second.sweep, second.networks, range(8))  # as opened before
    assert len(stale.members) == stale.history.sizes["member"] == 8
    assert main.main(["resume", str(out), "--quiet", "--modulus", "7", "5"]) == 0
    fourth = grokjax.load(out)
    assert fourth.members["modulus"].tolist() == [7] * 12 + [5] * 12
    assert main.main(["check", str(out)]) == 0
    whole = train(fourth.sweep, tmp_path / "whole")
    assert_same(fourth, whole)


def test_a_sweep_that_drops_a_member_is_no_extension(long):
    with pytest.raises(
        grokjax.ConfigError, match=r"seed must include 4, which member 4 .* got 0, 1, 2, 3;"
    ):
        grokjax.resume(long.directory, sweep=Sweep(LONG, seed=range(4)))
    product = Sweep(LONG, seed=[0, 1], weight_decay=[0.0, 1.0])
    zipped = Sweep.zip(LONG, seed=[0, 1, 0], weight_decay=[0.0, 1.0, 1.0])
    with pytest.raises(grokjax.ConfigError, match="lacks member 2 of the run"):
        product.extended(zipped)
    assert zipped.extended(product).columns["seed"] == (0, 1, 0, 1)


def test_a_run_extended_meanwhile_is_not_renumbered(tmp_path, monkeypatch):
    """Without this refusal, members of a second extension would get the numbers of the first."""
    train(Sweep(SHORT, seed=range(2)), tmp_path / "run")

    def another_comes_first(devices):
        monkeypatch.undo()
        grokjax.resume(tmp_path / "run", sweep=Sweep(SHORT, seed=range(3)), progress=False)

    monkeypatch.setattr(resuming, "configure_devices", another_comes_first)
    more = Sweep(SHORT, seed=[0, 1, 7])
    with pytest.raises(grokjax.ConfigError, match="was extended meanwhile; start again"):
        grokjax.resume(tmp_path / "run", sweep=more, progress=False)
    assert grokjax.load(tmp_path / "run").members["seed"].tolist() == [0, 1, 2]
    assert info.verify(grokjax.load(tmp_path / "run")) == []


def test_a_refused_extension_changes_nothing(tmp_path, monkeypatch):
    sweep = Sweep(SHORT, seed=range(2))
    grokjax.train(sweep, tmp_path / "run", checkpoint_every=1e-9, progress=False)
    before = (tmp_path / "run" / "config.json").read_bytes()
    monkeypatch.setattr("grokjax.storage.files.SCHEMA_VERSION", 99)
    monkeypatch.setattr("grokjax.results.run_config.SCHEMA_VERSION", SCHEMA_VERSION)
    monkeypatch.setattr("grokjax.results.run_config.check_schema", lambda *_: None)
    with pytest.raises(grokjax.ConfigError, match=rf"checkpoint \d+: has schema {SCHEMA_VERSION};"):
        grokjax.resume(tmp_path / "run", sweep=Sweep(LONG, seed=range(2)), progress=False)
    assert (tmp_path / "run" / "config.json").read_bytes() == before
    assert (tmp_path / "run" / "history.nc").exists()


def test_leftovers_of_killed_writers_are_swept_and_refuse_nobody(tmp_path):
    out = tmp_path / "run"
    out.mkdir()
    (out / ".config.json.99.tmp").write_text("half")
    train(Sweep(SHORT, seed=range(2)), out)
    (out / "params" / ".000009.npz.99.tmp").write_text("half")
    grokjax.resume(out, progress=False)
    assert not list(out.rglob(".*.tmp"))


def test_an_interrupt_before_the_first_round_ends_still_saves(tmp_path, long, monkeypatch):
    stop_after(monkeypatch, rounds=1)
    with pytest.raises(grokjax.Interrupted) as stop:
        train(Sweep(LONG, seed=range(5)), tmp_path / "run")
    assert stop.value.signum == signal.SIGTERM
    monkeypatch.undo()
    assert os.listdir(tmp_path / "run" / "checkpoints")
    epochs = grokjax.load(tmp_path / "run").members["epochs"]
    assert np.max(epochs) == 2
    assert_same(grokjax.resume(tmp_path / "run", progress=False), long)
