"""Shared failures and gathering with simulated processes; test_processes starts real ones."""

import contextlib
import hashlib
import os
import shutil
import socket

import jax
import numpy as np
import pytest

import grokjax
from grokjax import errors
from grokjax.errors import OutOfMemory
from grokjax.runtime import processes
from grokjax.storage.checkpoint import Checkpoints
from grokjax.training import shared_directory
from grokjax.training.pending import PendingMembers
from tests.conftest import TINY
from tests.training.test_resume import stop_after


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("here:1", 2, None), "give all of --coordinator, --num-processes and --process-id"),
        ((None, None, 0), "give all of --coordinator, --num-processes and --process-id"),
        (("here:1", 0, 0), "num_processes must be from 1 to 65536, got 0"),
        (("here:1", 2, 2), "process_id must be from 0 to 1, got 2"),
        (("here", 2, 0), "coordinator must be HOST:PORT with a port from 1 to 65535, got 'here'"),
        (("here:99999", 2, 0), "coordinator must be HOST:PORT .*, got 'here:99999'"),
    ],
)
def test_bad_launches_are_refused(arguments, message):
    with pytest.raises(grokjax.ConfigError, match=message):
        processes.initialize(*arguments)


def test_one_process_stays_alone_whatever_is_detected(monkeypatch):
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "8")
    assert processes._cluster_detected()
    processes.initialize(num_processes=1)
    assert (processes.process_count(), processes.process_index()) == (1, 0)
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "1")
    assert not processes._cluster_detected()
    monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "2")
    assert processes._cluster_detected()


def test_gathered_arrays_keep_dtype_shape_and_bits(monkeypatch):
    """The collective is replaced by three copies, as three processes would return."""
    monkeypatch.setattr(processes, "process_count", lambda: 3)
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
    whole = processes.gather(rows)
    assert list(whole) == list(rows)
    for name, array in rows.items():
        assert whole[name].dtype == array.dtype
        assert whole[name].tobytes() == np.concatenate([array] * 3).tobytes()


def test_an_error_of_another_process_is_raised_here(monkeypatch):
    monkeypatch.setattr(processes, "process_count", lambda: 2)
    monkeypatch.setattr(processes, "_gather_texts", lambda mine: ["OutOfMemory\nno room", mine])
    with pytest.raises(OutOfMemory, match="no room"):
        processes.run_on_all(lambda: 3)
    monkeypatch.setattr(processes, "_gather_texts", lambda mine: ["", mine])
    assert processes.run_on_all(lambda: 3) == 3
    with pytest.raises(grokjax.ConfigError, match="mine"):
        processes.run_on_all(lambda: (_ for _ in ()).throw(grokjax.ConfigError("mine")))


def test_require_same_compares_all_processes(monkeypatch):
    monkeypatch.setattr(processes, "process_count", lambda: 2)
    other = [b"one"]

    def gathered(rows):
        mine = rows["digest"]
        theirs = np.frombuffer(hashlib.sha256(other[0]).digest(), np.uint8)[None]
        return {"digest": np.concatenate([mine, theirs])}

    monkeypatch.setattr(processes, "gather", gathered)
    processes.require_same("one", "they differ")
    other[0] = b"two"
    with pytest.raises(grokjax.ConfigError, match="they differ"):
        processes.require_same("one", "they differ")


def test_a_directory_that_processes_do_not_share_is_refused(tmp_path, monkeypatch):
    """The second process has its own disk and never sees the lock of process 0."""
    monkeypatch.setattr(shared_directory, "VISIBLE_WITHIN", 0.3)
    seen = []
    monkeypatch.setattr(processes, "require_same", lambda *given: seen.append(given))
    with contextlib.ExitStack() as locked:
        shared_directory.lock_directory(tmp_path, locked)
    monkeypatch.setattr(processes, "run_on_all", lambda *_, **__: None)
    with contextlib.ExitStack() as locked:
        shared_directory.lock_directory(tmp_path / "own", locked)
    assert seen[0][0] == f"process {os.getpid()} on {socket.gethostname()}"
    assert seen[1][0] == ""
    assert "must be one directory, shared by all processes" in seen[1][1]


def test_processes_must_read_the_same_state(tmp_path, monkeypatch):
    """A process that fell back to an older checkpoint would train other epochs than the rest."""
    config = grokjax.Config(**TINY | {"max_epochs": 60})
    sweep = grokjax.Sweep(config, seed=range(3))
    stop_after(monkeypatch, rounds=5)
    with pytest.raises(grokjax.Interrupted):
        grokjax.train(sweep, tmp_path / "run", checkpoint_every=1e-9, progress=False)
    monkeypatch.undo()

    def read():
        with Checkpoints(tmp_path / "run", read_only=True) as checkpoints:
            return str(PendingMembers(tmp_path / "run", sweep, checkpoints))

    whole = read()
    assert whole == read()
    shutil.rmtree(tmp_path / "run" / "checkpoints" / "5")
    assert read() != whole

    def differ(_, message):
        if "alike" in message:
            raise grokjax.ConfigError(message)

    monkeypatch.setattr(processes, "require_same", differ)
    with pytest.raises(grokjax.ConfigError, match="could not be read alike in every process"):
        grokjax.resume(tmp_path / "run", progress=False)


def test_a_lost_process_is_named(monkeypatch):
    def fails(*_, **__):
        raise jax.errors.JaxRuntimeError("UNKNOWN: Gloo AllGather failed: Connection closed")

    monkeypatch.setattr(processes, "process_count", lambda: 2)
    monkeypatch.setattr("jax.experimental.multihost_utils.process_allgather", fails)
    with pytest.raises(errors.LostProcess, match="another process of this run has ended"):
        processes.gather({"x": np.zeros((1, 2))})
