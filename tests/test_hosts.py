"""Agreeing and gathering, with the other processes made up; real ones are in test_processes."""

import contextlib
import hashlib
import os
import shutil
import socket

import jax
import numpy as np
import pytest

import grokjax
from grokjax import ensemble, hosts
from grokjax.backlog import Backlog
from grokjax.checkpoint import Checkpoints
from grokjax.hosts import OutOfMemory
from tests.conftest import TINY
from tests.test_resume import stop_after


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("here:1", 2, None), "give --coordinator, --num-processes and --process-id"),
        ((None, None, 0), "give --coordinator, --num-processes and --process-id"),
        (("here:1", 0, 0), "num_processes: 0 is not allowed; from 1 to 65536"),
        (("here:1", 2, 2), "process_id: 2 is not allowed; from 0 to 1"),
        (("here", 2, 0), "coordinator: 'here' is not allowed; HOST:PORT"),
        (("here:99999", 2, 0), "coordinator: 'here:99999' is not allowed; HOST:PORT"),
    ],
)
def test_bad_launches_are_refused(arguments, message):
    with pytest.raises(grokjax.ConfigError, match=message):
        hosts.join(*arguments)


def test_one_process_is_one_whatever_is_detected(monkeypatch):
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "8")
    assert hosts._launched_together()
    hosts.join(num_processes=1)
    assert (hosts.count(), hosts.index()) == (1, 0)
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "1")
    assert not hosts._launched_together()
    monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "2")
    assert hosts._launched_together()


def test_gathered_rows_keep_type_shape_and_bits(monkeypatch):
    """With the collective replaced by three copies, as three processes would give."""
    monkeypatch.setattr(hosts, "count", lambda: 3)
    monkeypatch.setattr(
        "jax.experimental.multihost_utils.process_allgather",
        lambda rows, tiled: np.concatenate([rows] * 3),
    )
    rows = {
        "loss": np.array([[1.5, np.nan], [np.inf, -0.0]], np.float32),
        "epoch": np.array([7, 2**31 - 1], np.int32),
        "seconds": np.array([[1e-300], [2.0]]),
        "flag": np.array([True, False]),
    }
    whole = hosts.gather(rows)
    assert list(whole) == list(rows)
    for name, array in rows.items():
        assert whole[name].dtype == array.dtype
        assert whole[name].tobytes() == np.concatenate([array] * 3).tobytes()


def test_a_refusal_elsewhere_is_raised_here(monkeypatch):
    monkeypatch.setattr(hosts, "count", lambda: 2)
    monkeypatch.setattr(hosts, "_exchange", lambda mine: ["OutOfMemory\nno room", mine])
    with pytest.raises(OutOfMemory, match="no room"):
        hosts.together(lambda: 3)
    monkeypatch.setattr(hosts, "_exchange", lambda mine: ["", mine])
    assert hosts.together(lambda: 3) == 3
    with pytest.raises(grokjax.ConfigError, match="mine"):
        hosts.together(lambda: (_ for _ in ()).throw(grokjax.ConfigError("mine")))


def test_what_must_be_the_same_is_compared(monkeypatch):
    monkeypatch.setattr(hosts, "count", lambda: 2)
    other = [b"one"]

    def gathered(rows):
        mine = rows["digest"]
        theirs = np.frombuffer(hashlib.sha256(other[0]).digest(), np.uint8)[None]
        return {"digest": np.concatenate([mine, theirs])}

    monkeypatch.setattr(hosts, "gather", gathered)
    hosts.same("one", "not the same")
    other[0] = b"two"
    with pytest.raises(grokjax.ConfigError, match="not the same"):
        hosts.same("one", "not the same")


def test_a_directory_of_ones_own_is_refused(tmp_path, monkeypatch):
    """The second process has its own disk: it never sees the lock that the first one took."""
    monkeypatch.setattr(ensemble, "VISIBLE_WITHIN", 0.3)
    seen = []
    monkeypatch.setattr(hosts, "same", lambda text, otherwise: seen.append((text, otherwise)))
    with contextlib.ExitStack() as held:
        ensemble._take(tmp_path, held)
    monkeypatch.setattr(hosts, "together", lambda *_, **__: None)
    with contextlib.ExitStack() as held:
        ensemble._take(tmp_path / "own", held)
    assert seen[0][0] == f"process {os.getpid()} on {socket.gethostname()}"
    assert seen[1][0] == ""
    assert "is not one directory for all; a shared one is needed" in seen[1][1]


def test_processes_must_have_read_the_same_state(tmp_path, monkeypatch):
    """One that had to fall back to an older checkpoint would train other epochs than it says."""
    config = grokjax.Config(**TINY | {"max_epochs": 60})
    sweep = grokjax.Sweep(config, seed=range(3))
    stop_after(monkeypatch, rounds=5)
    with pytest.raises(grokjax.Interrupted):
        grokjax.train(sweep, tmp_path / "run", checkpoint_every=1e-9, progress=False)
    monkeypatch.undo()

    def read():
        with Checkpoints(tmp_path / "run", read_only=True) as checkpoints:
            return str(Backlog(tmp_path / "run", sweep, checkpoints))

    whole = read()
    assert whole == read()
    shutil.rmtree(tmp_path / "run" / "checkpoints" / "5")
    assert read() != whole

    def differ(_, otherwise):
        if "alike" in otherwise:
            raise grokjax.ConfigError(otherwise)

    monkeypatch.setattr(hosts, "same", differ)
    with pytest.raises(grokjax.ConfigError, match="could not be read alike in every process"):
        grokjax.resume(tmp_path / "run", progress=False)


def test_a_lost_peer_is_named(monkeypatch):
    def fails(*_, **__):
        raise jax.errors.JaxRuntimeError("UNKNOWN: Gloo AllGather failed: Connection closed")

    monkeypatch.setattr(hosts, "count", lambda: 2)
    monkeypatch.setattr("jax.experimental.multihost_utils.process_allgather", fails)
    with pytest.raises(hosts.LostProcess, match="another process of this run has ended"):
        hosts.gather({"x": np.zeros((1, 2))})
