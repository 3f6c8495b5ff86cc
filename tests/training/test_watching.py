"""What other processes see of a run: info, status, lock, rounds."""

import errno
import os
import socket
import subprocess
import sys
import time

import numpy as np
import pytest

import grokjax
from grokjax import Sweep
from grokjax.cli import main
from grokjax.config.config import Config
from grokjax.storage import lock, training_status
from grokjax.terminal import printed_commands
from tests.conftest import TINY
from tests.training.test_resume import stop_after

SWEEP = Sweep(Config(**TINY | {"max_epochs": 60}), seed=range(6))


def note(directory, **values):
    known = {"epochs": {"3": 40, "4": 20}, "waiting": 2, "lanes": 4, "rate": 1234.5}
    known |= {"occupancy": 0.987, "unsaved_seconds": 41.0, "unsaved_epochs": 120}
    training_status.write(directory, **known | {"unsaved_finished": 3} | values)


@pytest.fixture
def stopped(tmp_path, monkeypatch):
    """Return a run stopped by a signal, with members finished, in training and waiting."""
    stop_after(monkeypatch, rounds=40)
    with pytest.raises(grokjax.Interrupted):
        grokjax.train(SWEEP, tmp_path / "run", devices=2, progress=False)
    monkeypatch.undo()
    return tmp_path / "run"


def test_info_after_a_crash_says_what_was_lost_and_how_to_go_on(stopped, capsys):
    note(stopped)
    assert main.main(["info", str(stopped)]) == 0
    said = capsys.readouterr().out
    assert "2 not memorised" in said
    assert "2 running" in said
    assert "2 pending" in said
    assert "rate:       1,234 member-steps/s in 4 lanes, 98.7% busy" in said
    assert "in lanes:   2 members, the furthest at epoch 40; 2 pending" in said
    assert "not saved:  41s of training, 120 epochs and 3 finished members, to be trained" in said
    assert f"resume:     {printed_commands.format_command('resume', stopped)}" in said
    assert "checkpoint: 1, " in said


def test_info_while_it_trains_says_what_is_at_risk(stopped, capsys):
    note(stopped, unsaved_finished=0, occupancy=None, rate=0.0)
    with lock.Lock(stopped):
        assert main.main(["info", str(stopped)]) == 0
    said = capsys.readouterr().out
    assert "a process is training this run now" in said
    assert "rate:       not known yet, in 4 lanes (process" in said
    assert "in 4 lanes (process" in said
    assert "at risk:    41s of training, 120 epochs, to be trained again after a crash" in said
    assert "grokjax resume" not in said


def test_info_of_a_finished_run_speaks_of_no_loss(tmp_path, capsys):
    grokjax.train(SWEEP[0], tmp_path / "run", progress=False)
    note(tmp_path / "run")
    assert main.main(["info", str(tmp_path / "run")]) == 0
    said = capsys.readouterr().out
    assert "1 not memorised" in said
    assert "rate" not in said
    assert "resume" not in said


def test_a_live_run_writes_its_status(tmp_path, monkeypatch):
    stop_after(monkeypatch, rounds=35)  # sooner than the next status is due
    with pytest.raises(grokjax.Interrupted):
        grokjax.train(SWEEP, tmp_path / "run", devices=2, progress=False)
    now = training_status.read(tmp_path / "run")
    assert now is not None
    assert now.epochs == {"2": 10, "3": 10}
    assert (now.waiting, now.lanes, now.process) == (2, 2, os.getpid())
    assert now.rate > 0
    assert 0 < now.occupancy < 1
    assert (now.unsaved_epochs, now.unsaved_finished) == (0, 0), "a signal saves"
    assert 0 <= now.age < 60


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"{}", b"\xff\xfe"])
def test_a_status_that_cannot_be_read_is_none(tmp_path, content):
    assert training_status.read(tmp_path) is None
    (tmp_path / training_status.NAME).write_bytes(content)
    assert training_status.read(tmp_path) is None


def test_rounds_tell_when_lanes_were_busy(tmp_path):
    run = grokjax.train(SWEEP, tmp_path / "run", devices=4, progress=False)
    rounds = run.rounds
    assert rounds["busy"].tolist() == [4] * 30 + [2] * 30
    assert rounds["pending"].tolist() == [2] * 30 + [0] * 30
    assert (rounds["lanes"] == 4).all()
    assert rounds["steps"].sum() == 6 * 60 * 3
    assert (np.diff(rounds["seconds"]) > 0).all()
    assert (rounds["training"] > 0).all()
    assert rounds["training"].sum() < rounds["seconds"].iloc[-1]
    assert abs(rounds["session"].iloc[0] - time.time()) < 600


def without_locks(monkeypatch):
    """Simulate a file system without locks, as some network mounts are."""
    monkeypatch.setattr(
        "fcntl.flock", lambda *_: (_ for _ in ()).throw(OSError(errno.ENOLCK, "no locks"))
    )


def test_where_there_are_no_locks_a_living_owner_is_respected(tmp_path, monkeypatch):
    without_locks(monkeypatch)
    other = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=-1)
    here = socket.gethostname()
    (tmp_path / lock.NAME).write_text(f"process {other.pid} on {here}")
    assert lock.is_locked(tmp_path)
    with (
        pytest.raises(grokjax.ConfigError, match=f"is being written by process {other.pid} on"),
        lock.Lock(tmp_path),
    ):
        pass
    other.communicate()
    assert not lock.is_locked(tmp_path), "it has ended: stale"
    with lock.Lock(tmp_path):
        assert f"process {os.getpid()}" in (tmp_path / lock.NAME).read_text()
    (tmp_path / lock.NAME).write_text("process 1 on another-host")
    assert lock.is_locked(tmp_path), "it has only begun"
    os.utime(tmp_path / lock.NAME, (0, 0))
    assert not lock.is_locked(tmp_path), "no sign of life"
    note(tmp_path)
    assert lock.is_locked(tmp_path), "its status is fresh"
    monkeypatch.setattr(lock, "STALE_AFTER", -1.0)
    assert not lock.is_locked(tmp_path)


def test_another_error_of_the_file_system_is_not_taken_for_a_free_lock(tmp_path, monkeypatch):
    monkeypatch.setattr("fcntl.flock", lambda *_: (_ for _ in ()).throw(OSError(errno.EIO, "io")))
    with pytest.raises(OSError, match="io"), lock.Lock(tmp_path):
        pass
