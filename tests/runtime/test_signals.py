"""Each signal saves the run and ends it; ignored signals and other handlers stay as they are."""

import faulthandler
import os
import signal

import pytest

import grokjax
from grokjax.runtime.signals import TERMINATING, SignalRecorder
from tests.training.test_resume import stop_after


@pytest.fixture
def handler():
    """Return `signal.signal`; restore all handlers after the test."""
    before = {signum: signal.getsignal(signum) for signum in TERMINATING}
    yield signal.signal
    for signum, each in before.items():
        signal.signal(signum, each)


@pytest.mark.parametrize("signum", TERMINATING)
def test_each_signal_saves_and_the_run_resumes(signum, tiny, tmp_path, monkeypatch):
    before = [signal.getsignal(each) for each in TERMINATING]
    stop_after(monkeypatch, rounds=1, signum=signum)
    with pytest.raises(grokjax.Interrupted, match=f"^stopped by {signum.name}; saved in ") as stop:
        grokjax.train(tiny, tmp_path / "run", devices=1, progress=False)
    assert (stop.value.signum, stop.value.directory) == (signum, str(tmp_path / "run"))
    assert [signal.getsignal(each) for each in TERMINATING] == before
    run = grokjax.load(tmp_path / "run")
    assert run.members[["status", "epochs"]].values.tolist() == [["running", 2]]
    monkeypatch.undo()
    resumed = grokjax.resume(tmp_path / "run", devices=1, progress=False)
    assert resumed.members["epochs"].tolist() == [6]


@pytest.mark.parametrize("signum", TERMINATING)
def test_a_signal_that_is_ignored_stays_ignored(signum, tiny, tmp_path, monkeypatch, handler):
    """As under `nohup`, `trap '' INT`, and in background jobs without job control."""
    handler(signum, signal.SIG_IGN)
    stop_after(monkeypatch, rounds=1, signum=signum)
    run = grokjax.train(tiny, tmp_path / "run", devices=1, progress=False)
    assert run.members["epochs"].tolist() == [6]
    assert signal.getsignal(signum) is signal.SIG_IGN


def test_a_second_ctrl_c_ends_the_process_and_no_other_signal_does():
    """A closing terminal sends SIGHUP twice; GNU `timeout` sends SIGTERM twice."""
    with SignalRecorder() as signals:
        for signum in (signal.SIGHUP, signal.SIGHUP, signal.SIGTERM, signal.SIGTERM):
            os.kill(os.getpid(), signum)
        assert signals.received == signal.SIGHUP
        assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL, "the next one ends the process"


def test_an_ignored_ctrl_c_stays_ignored_after_another_signal(handler):
    handler(signal.SIGINT, signal.SIG_IGN)
    with SignalRecorder() as signals:
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
        assert signals.received == signal.SIGTERM


@pytest.mark.parametrize("signum", TERMINATING)
def test_a_handler_set_outside_python_stays(signum, monkeypatch):
    """A C program may set one before it starts Python; `signal.signal` cannot restore it."""
    real = signal.signal
    known = {each: signal.getsignal(each) for each in TERMINATING} | {signum: None}

    def replace(each, new):
        real(each, new)
        before, known[each] = known[each], new
        return before

    monkeypatch.setattr(signal, "getsignal", known.get)
    monkeypatch.setattr(signal, "signal", replace)
    with SignalRecorder():
        assert known[signum] is None
    assert known[signum] is None


def test_handlers_of_the_program_stay(handler, tmp_path):
    """Like that of `submitit` for SIGUSR2, and of `faulthandler`, in C, for SIGUSR1."""
    heard = []
    handler(signal.SIGUSR2, lambda signum, _: heard.append(signum))
    with (tmp_path / "stacks").open("w+") as stacks:
        faulthandler.register(signal.SIGUSR1, stacks)
        try:
            with SignalRecorder() as signals:
                os.kill(os.getpid(), signal.SIGUSR1)
                os.kill(os.getpid(), signal.SIGUSR2)
                assert signals.received is None
        finally:
            faulthandler.unregister(signal.SIGUSR1)
        assert "test_signals.py" in (tmp_path / "stacks").read_text()
    assert heard == [signal.SIGUSR2]
