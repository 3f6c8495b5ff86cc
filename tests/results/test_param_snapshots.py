"""Whole parameters kept during training: their bits, how they are read, what they cost."""

import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import grokjax
from grokjax import Config, Sweep
from grokjax.errors import ConfigError
from grokjax.metrics.builtin import BUILTIN
from grokjax.runtime import memory
from grokjax.storage.checkpoint import Checkpoints
from grokjax.training import inventory, preflight
from tests.conftest import TINY
from tests.training.test_resume import assert_same_snapshots, stop_after

KEPT = {"snapshot": "params", "snapshot_every": 2}
SWEEP = Sweep(Config(**TINY | KEPT | {"max_epochs": 12}), learning_rate=[0.01, 1e6], seed=[0, 1])
"""The members with the large rate diverge, and have fewer snapshots."""


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return grokjax.train(SWEEP, tmp_path_factory.mktemp("params") / "run", progress=False)


def flat(params):
    return {
        jax.tree_util.keystr(path, simple=True, separator="/"): leaf
        for path, leaf in jax.tree_util.tree_leaves_with_path(params)
    }


def test_snapshots_end_with_the_final_parameters(finished):
    assert finished.snapshot_epochs == list(range(0, 13, 2))
    last = finished.at(12)
    assert last.members.index.tolist() == [0, 1]
    for member in (0, 1):
        ours, final = flat(last.params_of(member)), flat(finished.params_of(member))
        assert ours.keys() == final.keys()
        for name, values in final.items():
            assert ours[name].dtype == np.float32
            np.testing.assert_array_equal(ours[name], values, err_msg=name)
    assert not np.array_equal(last.embeddings, finished.at(10).embeddings)


def test_one_parameter_of_all_members_and_epochs(finished):
    kernel = finished.param_snapshots("hidden/kernel")
    assert kernel.dims == ("member", "epoch", "axis_0", "axis_1")
    assert kernel.shape == (4, 7, 8, 8)
    assert kernel.dtype == np.float32
    last = finished.members.epochs
    assert last[2] < 12, "this member diverges"
    for member in range(4):
        for epoch in finished.snapshot_epochs:
            row, has = kernel.sel(member=member, epoch=epoch), epoch <= last[member]
            assert finished.has_snapshot.sel(member=member, epoch=epoch) == has
            if not has:
                assert row.isnull().all()
                continue
            params = finished.at(epoch).params_of(member)
            np.testing.assert_array_equal(row, params["hidden"]["kernel"])


def test_members_that_have_stopped_can_be_held(finished):
    assert len(finished.at(12)) == 2
    held, last = finished.at(12, hold=True), int(finished.members.epochs[2])
    assert held.members.index.tolist() == [0, 1, 2, 3]
    ours, theirs = (
        run.params_of(2)["output"]["bias"] for run in (held, finished.at(np.int64(last)))
    )
    np.testing.assert_array_equal(ours, theirs)
    one = held.select(seed=1, learning_rate=0.01)
    np.testing.assert_array_equal(one.embeddings, finished.at(12).of([1]).embeddings)


def test_snapshots_are_those_of_a_run_that_keeps_embeddings(finished, tmp_path):
    base = SWEEP.config.replace(snapshot="embedding")
    other = Sweep(base, learning_rate=[0.01, 1e6], seed=[0, 1])
    run = grokjax.train(other, tmp_path / "run", progress=False)
    assert run.snapshots.identical(finished.snapshots)


def test_snapshots_have_the_bits_of_checkpoints(tmp_path, monkeypatch):
    stop_after(monkeypatch, rounds=4)
    with pytest.raises(grokjax.Interrupted):
        grokjax.train(SWEEP, tmp_path / "run", devices=2, progress=False)
    with Checkpoints(tmp_path / "run", read_only=True) as checkpoints:
        saved = checkpoints.restore_latest()
    run = grokjax.load(tmp_path / "run")
    assert saved.keys() >= {0, 1}
    for member, each in saved.items():
        found = flat(run.at(int(each.state["epoch"])).params_of(member))
        for name, values in found.items():
            np.testing.assert_array_equal(values, each.state[f"params/{name}"], err_msg=name)


def test_a_kill_between_journal_and_checkpoint_keeps_each_snapshot_once(
    tmp_path, finished, monkeypatch
):
    """The rows after the last checkpoint are trained and written again, with the same bits."""
    save, count = Checkpoints.save, iter(range(10**6))

    def killed(self, *states):
        if next(count) == 3:
            raise KeyboardInterrupt
        save(self, *states)

    monkeypatch.setattr(Checkpoints, "save", killed)
    often = {"devices": 2, "checkpoint_every": 1e-9, "progress": False}
    with pytest.raises(KeyboardInterrupt):
        grokjax.train(SWEEP, tmp_path / "run", **often)
    before = grokjax.load(tmp_path / "run")
    assert before.has_snapshot.values.sum() == 10, "two members, at 0 and after four rounds"
    monkeypatch.undo()
    assert_same_snapshots(grokjax.resume(tmp_path / "run", progress=False), finished)


def test_no_snapshot_is_written_twice(tmp_path):
    run = grokjax.train(SWEEP, tmp_path / "run", checkpoint_every=1e-9, progress=False)
    rows = 0
    for path in (run.directory / "snapshots").glob("*.npz"):
        with np.load(path) as part:
            rows += len(part["member"])
    assert rows == run.has_snapshot.values.sum()


def test_bfloat16_is_rounded_to_nearest_and_read_as_float32(finished, tmp_path):
    base = SWEEP.config.replace(snapshot_dtype="bfloat16")
    run = grokjax.train(
        Sweep(base, learning_rate=[0.01, 1e6], seed=[0, 1]), tmp_path / "run", progress=False
    )
    for name in run.networks.all[0].shapes:
        exact, ours = (each.param_snapshots(name).values for each in (finished, run))
        assert ours.dtype == np.float32
        np.testing.assert_array_equal(ours, jnp.asarray(exact, jnp.bfloat16).astype(jnp.float32))
    sizes = [
        sum(path.stat().st_size for path in (each.directory / "snapshots").iterdir())
        for each in (finished, run)
    ]
    assert sizes[1] < sizes[0]
    assert np.isfinite(run.at(12).embeddings).all()


def test_refusals(finished):
    with pytest.raises(ConfigError, match=r"^epoch must be one of snapshot_epochs: 0, 2, .* got 3"):
        finished.at(3)
    with pytest.raises(ConfigError, match=r"^epoch must be one of snapshot_epochs"):
        finished.at("last")
    with pytest.raises(ConfigError, match=r"^parameter must be .*; did you mean hidden/kernel"):
        finished.param_snapshots("hidden/kernle")
    with pytest.raises(ConfigError, match="snapshot needs snapshot_every to be set, got 'params'"):
        Config(snapshot="params")


def test_size_on_disk_is_estimated_and_refused(tmp_path, monkeypatch):
    """The notebook's network has 86 197 parameters."""
    base = Config(snapshot="params", snapshot_every=20, snapshot_spacing="log", max_epochs=3000)
    size = 53 * 128 + 256 * 256 + 256 + 256 * 53 + 53
    snapshots = 1 + 1 + 28  # the untrained one, the first, and four to each doubling
    for dtype, width in (("float32", 4), ("bfloat16", 2)):
        sweep = Sweep(base.replace(snapshot_dtype=dtype), seed=range(64))
        networks = inventory.take_inventory(sweep, BUILTIN)
        assert preflight.snapshot_bytes(sweep, networks) == 64 * snapshots * width * size
    usage = shutil.disk_usage(tmp_path)._replace(free=300_000_000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    match = "needs about [0-9]+ MB, 331 MB of it for snapshots; raise snapshot_every$"
    with pytest.raises(ConfigError, match=match):
        preflight.check_disk(tmp_path / "run", sweep, networks)
    none = Sweep(Config(max_epochs=3000), seed=range(64))
    preflight.check_disk(tmp_path / "run", none, inventory.take_inventory(none, BUILTIN))


def test_memory_for_snapshots_is_estimated(monkeypatch):
    """Three copies of a snapshot in each lane: a megabyte of 86 197 parameters."""
    needed = {}
    for snapshot_every in (None, 20):
        kept = {"snapshot": "params", "snapshot_every": snapshot_every} if snapshot_every else {}
        sweep = Sweep(Config(**kept), seed=range(64))
        networks = inventory.take_inventory(sweep, BUILTIN)
        monkeypatch.setattr(memory, "available", lambda: 0)
        with pytest.raises(ConfigError) as refused:
            preflight.check_memory(sweep, networks, 64_000)
        needed[snapshot_every] = float(str(refused.value).split("about ")[1].split()[0])
    assert needed[20] - needed[None] == pytest.approx(64_000 * 3 * 4 * 86_197 / 1e9, abs=0.2)
