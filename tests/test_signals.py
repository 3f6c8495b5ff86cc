"""Signals save a run and end it, whichever they are; what is ignored or handled stays so."""

import faulthandler
import os
import signal

import pytest

import grokjax
from grokjax.interrupt import ENDING, Signals
from tests.test_resume import stop_after


@pytest.fixture
def handler():
    """Sets a handler of the surrounding program; afterwards the handlers are as they were."""
    before = {signum: signal.getsignal(signum) for signum in ENDING}
    yield signal.signal
    for signum, each in before.items():
        signal.signal(signum, each)


@pytest.mark.parametrize("signum", ENDING)
def test_each_signal_saves_and_the_run_goes_on(signum, tiny, tmp_path, monkeypatch):
    before = [signal.getsignal(each) for each in ENDING]
    stop_after(monkeypatch, rounds=1, signum=signum)
    with pytest.raises(grokjax.Interrupted, match=f"^stopped by {signum.name}; saved in ") as stop:
        grokjax.train(tiny, tmp_path / "run", devices=1, progress=False)
    assert (stop.value.signum, stop.value.directory) == (signum, str(tmp_path / "run"))
    assert [signal.getsignal(each) for each in ENDING] == before
    run = grokjax.load(tmp_path / "run")
    assert run.members[["status", "epochs"]].values.tolist() == [["running", 2]]
    monkeypatch.undo()
    resumed = grokjax.resume(tmp_path / "run", devices=1, progress=False)
    assert resumed.members["epochs"].tolist() == [6]


@pytest.mark.parametrize("signum", ENDING)
def test_a_signal_that_is_ignored_stays_ignored(signum, tiny, tmp_path, monkeypatch, handler):
    """`nohup`, `trap '' INT`, and jobs that a shell without job control puts in the background."""
    handler(signum, signal.SIG_IGN)
    stop_after(monkeypatch, rounds=1, signum=signum)
    run = grokjax.train(tiny, tmp_path / "run", devices=1, progress=False)
    assert run.members["epochs"].tolist() == [6]
    assert signal.getsignal(signum) is signal.SIG_IGN


def test_a_second_ctrl_c_ends_the_process_and_no_other_signal_does():
    """A terminal that closes sends SIGHUP twice, GNU `timeout` SIGTERM."""
    with Signals() as signals:
        for signum in (signal.SIGHUP, signal.SIGHUP, signal.SIGTERM, signal.SIGTERM):
            os.kill(os.getpid(), signum)
        assert signals.received == signal.SIGHUP
        assert signal.getsignal(signal.SIGINT) is signal.SIG_DFL, "the next one ends the process"


def test_an_ignored_ctrl_c_stays_ignored_after_another_signal(handler):
    handler(signal.SIGINT, signal.SIG_IGN)
    with Signals() as signals:
        os.kill(os.getpid(), signal.SIGTERM)
        os.kill(os.getpid(), signal.SIGINT)
        assert signals.received == signal.SIGTERM


@pytest.mark.parametrize("signum", ENDING)
def test_a_handler_that_python_does_not_know_is_left_alone(signum, monkeypatch):
    """One that a program in C set before it started Python: `signal.signal` cannot set it again."""
    real = signal.signal
    known = {each: signal.getsignal(each) for each in ENDING} | {signum: None}

    def replace(each, new):
        real(each, new)
        before, known[each] = known[each], new
        return before

    monkeypatch.setattr(signal, "getsignal", known.get)
    monkeypatch.setattr(signal, "signal", replace)
    with Signals():
        assert known[signum] is None
    assert known[signum] is None


def test_handlers_of_the_program_for_other_ends_are_left_alone(handler, tmp_path):
    """As `submitit` has for SIGUSR2, and `faulthandler` in C for SIGUSR1."""
    heard = []
    handler(signal.SIGUSR2, lambda signum, _: heard.append(signum))
    with (tmp_path / "stacks").open("w+") as stacks:
        faulthandler.register(signal.SIGUSR1, stacks)
        try:
            with Signals() as signals:
                os.kill(os.getpid(), signal.SIGUSR1)
                os.kill(os.getpid(), signal.SIGUSR2)
                assert signals.received is None
        finally:
            faulthandler.unregister(signal.SIGUSR1)
        assert "test_signals.py" in (tmp_path / "stacks").read_text()
    assert heard == [signal.SIGUSR2]
