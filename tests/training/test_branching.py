"""Branches from kept states: they continue as their parent, and change what they are told to."""

import json

import jax
import numpy as np
import pytest

import grokjax
from grokjax import Config, Sweep
from grokjax.cli.main import main
from grokjax.errors import ConfigError, DamagedRun
from tests.conftest import TINY
from tests.training.test_resume import stop_after

STATES = {"snapshot": "states", "snapshot_every": 4, "max_epochs": 12, "grokfast": "ema"}
CONFIG = Config(**TINY | STATES)


@pytest.fixture(scope="module")
def parent(tmp_path_factory):
    """Four members: two seeds with minibatches and two in full batch."""
    sweep = Sweep(CONFIG, batch_size=[9, None], seed=[0, 1])
    return grokjax.train(sweep, tmp_path_factory.mktemp("parent") / "run", progress=False)


def assert_continues(run, member, parent, number):
    """Assert that a member has its parent's bits, in records and parameters."""
    mine, theirs = run.history.sel(member=member), parent.history.sel(member=number)
    assert mine.epoch.values.tolist() == theirs.epoch.values.tolist()
    for name in theirs.data_vars:
        np.testing.assert_array_equal(mine[name], theirs[name], err_msg=name)
    ours, expected = run.params_of(member), parent.params_of(number)
    jax.tree.map(np.testing.assert_array_equal, ours, expected)
    columns = ["status", "epochs"]
    assert run.members.loc[member, columns].equals(parent.members.loc[number, columns])


def test_a_branch_without_changes_has_the_bits_of_its_parent(parent, tmp_path, monkeypatch):
    """Minibatch and full batch, stopped in between, without the parents' run from then on."""
    folder = tmp_path / "copy"
    parent.directory.rename(folder)
    stop_after(monkeypatch, 2)
    changes = {"weight_decay": [1.0, 30.0]}  # 1 is what the parents have
    try:
        with pytest.raises(grokjax.Interrupted):
            grokjax.branch(folder, [1, 2], 4, changes, tmp_path / "out", lanes=2, progress=False)
    finally:
        folder.rename(parent.directory)
        monkeypatch.undo()
    run = grokjax.resume(tmp_path / "out", progress=False)
    assert run.info["branch"]["members"] == [1, 2]
    assert run.info["branch"]["epoch"] == 4
    assert run.members["weight_decay"].tolist() == [1, 30, 1, 30]
    assert_continues(run, 0, parent, 1)
    assert_continues(run, 2, parent, 2)
    losses = run.history.train_loss
    assert (losses.sel(member=[0, 2]).values != losses.sel(member=[1, 3]).values)[:, 3:].all()
    np.testing.assert_array_equal(losses[0, :3], losses[1, :3])


def test_a_branch_of_a_branch_with_run_settings_changed(parent, tmp_path):
    """More epochs, and evaluations at other times, for the control as well."""
    changes = {"max_epochs": 16, "learning_rate": 0.05}
    first = grokjax.branch(parent, 0, 8, changes, tmp_path / "first", progress=False)
    assert first.members["epochs"].tolist() == [16, 16]
    changes = {"eval_every": 4, "weight_decay": 0}
    second = grokjax.branch(first, 1, 12, changes, tmp_path / "second", progress=False)
    assert second.history.epoch.values.tolist() == [0, 2, 4, 6, 8, 10, 12, 16]
    assert second.members["learning_rate"].tolist() == [0.05, 0.05]
    jax.tree.map(np.testing.assert_array_equal, second.params_of(0), first.params_of(1))
    expected = first.history.sel(member=1, eval=[0, 1, 2, 3, 4, 5, 6, 8])
    np.testing.assert_array_equal(second.history.test_loss[0], expected.test_loss)
    assert second.history.weight_norm[0, -1] != second.history.weight_norm[1, -1]


def test_the_command(parent, tmp_path, capsys):
    out = tmp_path / "out"
    words = f"branch {parent.directory} --member 3 --at-epoch 8 --weight-decay 0 1 --out {out}"
    assert main([*words.split(), "--quiet"]) == 0
    run = grokjax.load(out)
    assert run.members["weight_decay"].tolist() == [1, 0]
    assert_continues(run, 0, parent, 3)
    capsys.readouterr()
    assert main(["info", str(out)]) == 0
    assert f"branch:     of {parent.directory}, member 3 at epoch 8" in capsys.readouterr().out
    again = grokjax.branch(parent, 3, 8, {"weight_decay": [0, 1]}, out, resume=True, progress=False)
    assert again.members.equals(run.members)


@pytest.mark.parametrize(
    ("member", "epoch", "changes", "message"),
    [
        (7, 4, {}, "members must be a member of this Run: 0 to 3, got 7"),
        (0, 5, {}, "epoch must be one at which member 0 was kept: 0, 4, 8, 12, got 5"),
        (0, 12, {}, "max_epochs must be above the branch's epoch 12, got 12"),
        (
            *(0, 4, {"eval_every": 6, "snapshot_every": 12}),
            "eval_every must divide the branch's epoch 4, got 6",
        ),
        (0, 4, {"max_epochs": [20, 30]}, "max_epochs must have one value, got"),
        (0, 4, {"seed": 3}, "seed: cannot be changed in a branch"),
        (0, 4, {"hidden_dim": 3}, "hidden_dim: cannot be changed in a branch"),
        (0, 4, {"lr": 3}, "lr: no such setting"),
        (0, 4, {"optimizer": "sgd"}, "optimizer sgd: has another state of the optimiser than"),
        (0, 4, 3, "changes must be a dict of settings and their values, got 3"),
    ],
)
def test_what_cannot_be_branched_is_refused(parent, tmp_path, member, epoch, changes, message):
    with pytest.raises(ConfigError, match=f"^{message}"):
        grokjax.branch(parent, member, epoch, changes, tmp_path / "out", progress=False)
    assert not (tmp_path / "out").exists()


def test_states_are_needed_in_full_precision(tmp_path):
    with pytest.raises(ConfigError, match="snapshot_dtype must be float32 with snapshot states"):
        Config(**TINY | STATES, snapshot_dtype="bfloat16")
    config = CONFIG.replace(snapshot="params", max_epochs=4)
    run = grokjax.train(Sweep(config, seed=[0, 1]), tmp_path / "run", progress=False)
    with pytest.raises(ConfigError, match="keeps no states to branch from; train it with snapshot"):
        grokjax.branch(run, 0, 2, {}, tmp_path / "out")


def test_snapshots_of_states_are_snapshots_of_parameters(parent):
    last = parent.at(12)
    jax.tree.map(np.testing.assert_array_equal, last.params, parent.params)
    assert parent.snapshot_epochs == [0, 4, 8, 12]


def test_a_branch_keeps_its_members_and_its_states(parent, tmp_path):
    changes = {"weight_decay": 3.0}
    run = grokjax.branch(parent, 0, 8, changes, tmp_path / "out", progress=False)
    with pytest.raises(ConfigError, match="is a branch, which keeps its members; branch again"):
        grokjax.resume(run.directory, sweep=run.sweep + Sweep(CONFIG.replace(seed=9)))
    with pytest.raises(ConfigError, match=r"out: .* holds another run; name another directory"):
        grokjax.branch(parent, 1, 8, changes, run.directory, resume=True)
    states = run.directory / "initial_states.npz"
    states.write_bytes(states.read_bytes()[:-9])
    with pytest.raises(DamagedRun, match=r"initial_states\.npz: cannot be read"):
        grokjax.resume(run.directory, progress=False)
    config = json.loads((run.directory / "config.json").read_text())
    assert config["branch"]["run"] == str(parent.directory)
