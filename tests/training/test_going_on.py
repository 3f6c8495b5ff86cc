"""A program that trains can be stopped and started again, and prints how to resume."""

import pickle
import signal
import subprocess
import sys

import pytest
from IPython.core.interactiveshell import InteractiveShell

import grokjax
import grokjax.training.progress
from grokjax import Sweep
from grokjax.terminal import printed_commands
from tests.conftest import TINY
from tests.training.test_resume import assert_same, stop_after


def members(count):
    return Sweep(grokjax.Config(**TINY), seed=range(count))


def train(count, out, **how):
    return grokjax.train(members(count), out, devices=1, progress=False, resume=True, **how)


def test_training_again_goes_on_with_what_is_there_and_extends_it(tmp_path, monkeypatch):
    out = tmp_path / "run"
    out.mkdir()  # empty: a new run
    stop_after(monkeypatch, rounds=2)
    with pytest.raises(grokjax.Interrupted):
        train(2, out, recipe="mine")
    assert grokjax.load(out).members["epochs"].tolist() == [4, 0]
    monkeypatch.undo()
    assert train(2, out).members["epochs"].tolist() == [6, 6]
    written = (out / "params" / "000001.npz").stat().st_mtime_ns
    extended = train(3, out)
    assert extended.members["epochs"].tolist() == [6, 6, 6]
    assert (out / "params" / "000001.npz").stat().st_mtime_ns == written, "nothing trained again"
    assert extended.info["recipe"] == "mine"
    assert_same(extended, grokjax.train(members(3), tmp_path / "whole", devices=1, progress=False))


@pytest.mark.parametrize(
    ("sweep", "message"),
    [
        (
            Sweep(grokjax.Config(**TINY | {"weight_decay": 0.5}), seed=range(2)),
            "weight_decay must include 1.0, .* got 0.5; a resume keeps",
        ),
        (
            Sweep(grokjax.Config(**TINY), seed=[1, 2]),
            "seed must include 0, which member 0 of the run has, got 1, 2;",
        ),
        (
            Sweep(grokjax.Config(**TINY | {"max_epochs": 4}), seed=range(2)),
            "max_epochs must be at least 6, which the run has, got 4",
        ),
    ],
)
def test_another_sweep_is_refused_and_nothing_is_written(sweep, message, finished):
    before = {path: path.stat().st_mtime_ns for path in finished.rglob("*")}
    with pytest.raises(grokjax.ConfigError, match=message) as refusal:
        grokjax.train(sweep, finished, progress=False, resume=True)
    assert "\n" not in str(refusal.value)
    assert {path: path.stat().st_mtime_ns for path in finished.rglob("*")} == before


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    return train(2, tmp_path_factory.mktemp("finished") / "run").directory


def test_a_folder_of_something_else_and_a_wrong_word_are_refused(tmp_path):
    (tmp_path / "mine").touch()
    with pytest.raises(grokjax.ConfigError, match="is not an empty directory; name another"):
        train(1, tmp_path)
    for wrong in (None, 1, "yes"):
        with pytest.raises(grokjax.ConfigError, match=f"^resume must be True .* {wrong!r}"):
            grokjax.train(members(1), tmp_path / "run", resume=wrong)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


PROGRAM = """
import os, signal, sys
import grokjax
from grokjax.training.lanes import Lanes

original = Lanes.round
def stopped(self, *how):
    os.kill(os.getpid(), signal.SIGHUP)
    return original(self, *how)
if not os.path.exists(sys.argv[1]):
    Lanes.round = stopped

run = grokjax.train(grokjax.Config(**%r), sys.argv[1], resume=True, progress=False)
print(run.members["epochs"].tolist())
"""


def test_a_program_ends_in_one_line_that_starts_it_again(tmp_path):
    """There is no traceback, but the exit code of the signal and a line that can be pasted."""
    program = tmp_path / "my program.py"
    program.write_text(PROGRAM % TINY)
    first = subprocess.run(
        [sys.executable, program, tmp_path / "run"], capture_output=True, text=True
    )
    assert first.returncode == 128 + signal.SIGHUP, first.stderr
    said, line = first.stderr.strip().split("; resume with: ")
    assert said == f"grokjax: stopped by SIGHUP; saved in {tmp_path / 'run'}"
    again = subprocess.run(["bash", "-c", line], capture_output=True, text=True)
    assert (again.returncode, again.stdout) == (0, "[6]\n"), again.stderr


def stopped():
    return grokjax.Interrupted(signal.SIGTERM, "run", printed_commands.format_resume_command("run"))


def test_what_is_said_at_a_prompt_and_to_a_program_that_would_not_go_on(monkeypatch, capsys):
    typed = printed_commands.format_command("resume")
    assert str(stopped()).endswith(f"resume with: grokjax.resume('run') in Python, or: {typed} run")
    shell = InteractiveShell()
    monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)  # as Python, IPython and Jupyter do
    shell.user_ns["stop"] = stopped()
    shell.run_cell("raise stop")
    assert capsys.readouterr().out == (
        "grokjax: stopped by SIGTERM; saved in run; resume with: grokjax.resume('run')\n"
    )


def test_a_pool_of_processes_can_hand_it_back():
    stop = pickle.loads(pickle.dumps(stopped()))
    assert (str(stop), stop.signum) == (str(stopped()), signal.SIGTERM)


class Late(grokjax.training.progress.Progress):
    """Sends a signal after the last round."""

    def update(self, counts, last=False):
        if last:
            signal.raise_signal(signal.SIGUSR1)


def test_a_signal_after_the_last_round_is_not_lost(tmp_path):
    for members_left in (1, 0):  # also where nothing is left to train
        with pytest.raises(grokjax.Interrupted) as stop:
            grokjax.train(
                members(1), tmp_path / "run", devices=1, progress=Late(False), resume=True
            )
        assert stop.value.signum == signal.SIGUSR1, members_left
        assert grokjax.load(tmp_path / "run").members["epochs"].tolist() == [6]
