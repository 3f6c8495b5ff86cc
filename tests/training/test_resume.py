"""A run that was killed and resumed has the bits of an uninterrupted run."""

import os
import signal
import subprocess
import sys
import time

import jax
import numpy as np
import pytest

import grokjax
from grokjax import Sweep
from grokjax.cli import info
from grokjax.config.config import Config
from grokjax.storage.checkpoint import Checkpoints
from grokjax.storage.member_state import LaneStates, StopState
from tests.conftest import TINY, flags

KEPT = {"snapshot": "params", "snapshot_every": 100}
CONFIG = Config(**TINY | KEPT | {"max_epochs": 1000})
SWEEP = Sweep(CONFIG, seed=range(3), weight_decay=[0.0, 1.0])
COMMAND = [
    *(sys.executable, "-m", "grokjax", "train", "--seeds", "3", "--weight-decay", "0", "1"),
    *flags(max_epochs=1000, **KEPT),
    *("--checkpoint-every", "0.1", "--lanes", "4", "--devices", "2"),
]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    return grokjax.train(
        SWEEP, tmp_path_factory.mktemp("whole") / "run", devices=1, lanes=1, progress=False
    )


def assert_same(run, other):
    """Compare runs member by member, as the command line has its axes in another order."""
    for m in range(len(run)):
        settings = run.sweep[m]
        index = other.sweep.members.index(settings)
        for a, b in zip(
            jax.tree.leaves(run.params_of(m)), jax.tree.leaves(other.params_of(index)), strict=True
        ):
            np.testing.assert_array_equal(a, b)
        for name, values in run.history.data_vars.items():
            np.testing.assert_array_equal(values[m], other.history[name][index], err_msg=name)


def assert_same_snapshots(run, other):
    """As `assert_same`, for the parameters at every epoch with snapshots."""
    assert run.snapshot_epochs == other.snapshot_epochs
    there = [other.sweep.members.index(settings) for settings in run.sweep]
    for name in run.networks.all[0].shapes:
        values = run.param_snapshots(name).values
        np.testing.assert_array_equal(values, other.param_snapshots(name)[there], err_msg=name)


def launch(out, minimum=2):
    """Start training in another process, and return it once it has saved a few times."""
    process = subprocess.Popen([*COMMAND, "--out", str(out)], stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline and process.poll() is None:
        saved = [p for p in (out / "checkpoints").glob("*") if p.name.isdigit()]
        if any(int(p.name) >= minimum for p in saved):
            return process
        time.sleep(0.02)
    raise AssertionError(f"no checkpoint: {process.communicate()[1]}")


@pytest.mark.slow
def test_kill_nine_then_resume(tmp_path, uninterrupted):
    process = launch(tmp_path / "run")
    # Read it while it trains, then at once after the kill.
    assert (grokjax.load(tmp_path / "run").members["status"] == "running").any()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    dead = grokjax.load(tmp_path / "run")
    assert {"running", "pending"} & set(dead.members["status"])
    assert np.isfinite(
        dead.params_of(int(dead.members.query("status == 'running'").index[0]))["output"]["bias"]
    ).all()
    assert dead.param_snapshots("output/bias").sel(epoch=0).notnull().any()
    assert info.verify(dead) == []
    resumed = grokjax.resume(tmp_path / "run", lanes=1, devices=1, progress=False)
    assert set(resumed.members["status"]) <= {"not memorised", "memorised", "grokked"}
    assert_same(resumed, uninterrupted)
    assert_same_snapshots(resumed, uninterrupted)


@pytest.mark.slow
@pytest.mark.parametrize(("signum", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_saves_and_says_how_to_go_on(tmp_path, uninterrupted, signum, code):
    process = launch(tmp_path / "run")
    process.send_signal(signum)
    _, said = process.communicate(timeout=60)
    assert process.returncode == code
    assert f"grokjax resume {tmp_path / 'run'}" in said
    assert "Traceback" not in said
    assert_same(grokjax.resume(tmp_path / "run", lanes=8, progress=False), uninterrupted)


def test_fewer_lanes_than_members_under_way_lose_nothing(tmp_path, uninterrupted, monkeypatch):
    """Members without a lane after a resume wait with their state, also through checkpoints."""
    stop_after(monkeypatch, rounds=40)
    with pytest.raises(grokjax.Interrupted):
        grokjax.train(SWEEP, tmp_path / "run", devices=4, progress=False)
    stop_after(monkeypatch, rounds=5)
    with pytest.raises(grokjax.Interrupted):
        grokjax.resume(tmp_path / "run", devices=1, lanes=1, progress=False)
    with Checkpoints(tmp_path / "run", read_only=True) as checkpoints:
        saved = checkpoints.restore_latest()
    assert sorted(int(each.state["epoch"]) for each in saved.values()) == [80, 80, 80, 90]
    monkeypatch.undo()
    assert_same(grokjax.resume(tmp_path / "run", progress=False), uninterrupted)


def stop_after(monkeypatch, rounds, signum=signal.SIGTERM):
    """Send this process a signal after so many rounds."""
    from grokjax.training.lanes import Lanes

    monkeypatch.undo()
    original, count = Lanes.round, iter(range(1, 10**6))

    def counted(self, *how):
        if next(count) == rounds:
            os.kill(os.getpid(), signum)
        return original(self, *how)

    monkeypatch.setattr(Lanes, "round", counted)


def lanes_of(epoch):
    """Return two lanes of a made-up model, the first of them empty."""
    values = np.random.default_rng(epoch).normal(size=(2, 500)).astype(np.float32)
    state = {"epoch": np.array([0, epoch], np.int32), "params/x": values}
    return LaneStates(state, {1: 3}, 0, state)


def save(checkpoints, epoch):
    checkpoints.save(lanes_of(epoch), {}, {3: StopState(streak=1)})


def test_a_damaged_newest_checkpoint_falls_back_and_warns(tmp_path):
    directory = tmp_path / "run"
    with Checkpoints(directory) as checkpoints:
        save(checkpoints, 20)
        save(checkpoints, 40)
    for path in (directory / "checkpoints" / "2" / "state").rglob("*"):
        if path.is_file() and path.stat().st_size > 2000:
            content = bytearray(path.read_bytes())
            content[len(content) // 2] ^= 0xFF
            path.write_bytes(content)
    with Checkpoints(directory, read_only=True) as checkpoints:
        with pytest.warns(UserWarning, match="checkpoint 2 .*altered.*back to checkpoint 1,"):
            saved = checkpoints.restore_latest()
        assert list(saved) == [3]
        assert saved[3].state["epoch"] == 20
        assert saved[3].stop_state == StopState(streak=1)
        with pytest.raises(grokjax.DamagedRun, match="checkpoint 2"):
            checkpoints.restore(2)


def test_a_checkpoint_that_loads_but_differs_is_seen(tmp_path, monkeypatch):
    """The flipped file still decompresses, so that only our digest reveals it."""
    with Checkpoints(tmp_path) as checkpoints:
        monkeypatch.setattr("grokjax.storage.member_state.digest", lambda _: "0" * 64)
        save(checkpoints, 20)
        monkeypatch.undo()
        with pytest.raises(grokjax.DamagedRun, match="was altered since it was written"):
            checkpoints.restore(1)


def test_a_checkpoint_of_another_schema_is_refused_and_kept(tmp_path, monkeypatch):
    with Checkpoints(tmp_path) as checkpoints:
        save(checkpoints, 20)
        monkeypatch.setattr("grokjax.storage.checkpoint.SCHEMA_VERSION", 99)
        save(checkpoints, 40)
        monkeypatch.undo()
        with pytest.raises(grokjax.ConfigError, match="checkpoint 2: has schema 99; this grokjax"):
            checkpoints.restore_latest()
        assert checkpoints.steps() == [1, 2]


def test_a_reader_says_nothing(tmp_path, caplog):
    """Orbax would warn, once for each option, of what read_only implies."""
    with Checkpoints(tmp_path) as checkpoints:
        save(checkpoints, 20)
    caplog.clear()
    with Checkpoints(tmp_path, read_only=True) as checkpoints:
        checkpoints.restore_latest()
    assert caplog.records == []


def test_members_without_a_lane_are_saved_too(tmp_path):
    """Their arrays may have other shapes, as members of another program may wait too."""
    row = {"epoch": np.int32(60), "params/x": np.ones(7, np.float32)}
    stop_states = {m: StopState(streak=m) for m in (3, 8)}
    with Checkpoints(tmp_path) as checkpoints:
        checkpoints.save(lanes_of(20), {8: row}, stop_states)
        saved = checkpoints.restore(1)
    assert {m: int(each.state["epoch"]) for m, each in saved.items()} == {3: 20, 8: 60}
    assert saved[8].state["params/x"].tolist() == [1] * 7
    assert saved[8].stop_state.streak == 8


def test_a_full_disk_is_an_os_error(tmp_path, monkeypatch):
    """Orbax reports it as a ValueError, which no caller recognises."""
    with Checkpoints(tmp_path) as checkpoints:
        monkeypatch.setattr(
            checkpoints._manager,
            "save",
            lambda *_, **__: (_ for _ in ()).throw(ValueError("OUT_OF_RANGE: Error writing")),
        )
        with pytest.raises(OSError, match="checkpoint 1 could not be written: OUT_OF_RANGE"):
            save(checkpoints, 20)
