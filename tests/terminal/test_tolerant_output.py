"""Unwritable output or figures never cost training; exit codes say whether results exist."""

import os
import subprocess
import sys

import pytest

import grokjax
from grokjax.cli import main
from tests.conftest import TINY

FLAGS = [word for n, value in TINY.items() for word in (f"--{n.replace('_', '-')}", str(value))]
FLAGS += ["--seeds", "1", "--weight-decay", "1", "--devices", "1"]


@pytest.fixture(params=["full", "no reader", "closed by the program", "none"])
def unwritable(request, tmp_path):
    """Return a stream that cannot be written, as Python has it in each case."""
    if request.param == "none":  # as with `2>&-`
        yield None
        return
    if request.param == "no reader":
        reading, number = os.pipe()
        os.close(reading)
    else:
        number = os.open("/dev/full", os.O_WRONLY)
    stream = open(number, "w", buffering=1)  # noqa: SIM115
    if request.param == "closed by the program":
        stream.close()
    yield stream
    stream.close()  # raises if anything is left in it


def test_training_goes_on_without_a_display(unwritable, tmp_path, monkeypatch, capsys):
    """In a program, and in the command, whose exit code says that the run is finished."""
    monkeypatch.setattr(sys, "stderr", unwritable)
    run = grokjax.train(grokjax.Config(**TINY), tmp_path / "run", devices=1)
    assert run.members["epochs"].tolist() == [6]
    monkeypatch.setattr(sys, "stdout", unwritable)
    assert main.main(["train", "--out", str(tmp_path / "other"), *FLAGS]) == 0
    assert (sys.stdout, sys.stderr) == (unwritable, unwritable)
    assert grokjax.load(tmp_path / "other").members["epochs"].tolist() == [6]
    assert (tmp_path / "other" / "figures" / "curves.png").exists()


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    out = tmp_path_factory.mktemp("output") / "run"
    return grokjax.train(grokjax.Config(**TINY), out, devices=1, progress=False).directory


@pytest.mark.parametrize("command", ["info {run}", "recipes", "train --help", "--version"])
def test_lost_output_is_a_failure_if_it_is_the_only_result(
    command, unwritable, finished, monkeypatch, capsys, request
):
    monkeypatch.setattr(sys, "stdout", unwritable)
    assert main.main(command.format(run=finished).split()) == 1
    said = capsys.readouterr().err
    if "no reader" in request.node.name:  # `| head` has seen enough
        assert said == ""
    else:
        assert said.startswith("grokjax: stdout could not be written (")
        assert said.count("\n") == 1


@pytest.mark.parametrize("wrong", ["a file in the way", "matplotlib"])
def test_a_picture_that_fails_is_a_warning(wrong, finished, monkeypatch, capsys):
    (finished / "figures").touch()
    if wrong == "matplotlib":  # as where MPLBACKEND names none
        monkeypatch.setitem(sys.modules, "grokjax.plots", None)
        monkeypatch.delattr(grokjax, "plots", raising=False)
    assert main.main(["resume", str(finished), "--devices", "1", "--quiet"]) == 0
    said = capsys.readouterr()
    assert said.err.startswith("grokjax: warning: no figure was drawn (")
    assert said.err.count("\n") == 1
    assert "figure: " not in said.out
    assert said.out.splitlines()[-1].startswith("in Python: import grokjax; run = grokjax.load(")


def test_closed_streams_do_not_lend_their_numbers_to_files(tmp_path):
    """What C libraries say on 2 went into a file of the run; Python exits with 120 by itself."""
    program = f"""
import os, sys, grokjax
from grokjax.cli import main
code = main.main({["train", "--out", str(tmp_path / "run"), *FLAGS]!r})
os.write(2, b"of a C library")
sys.exit(code)
"""
    line = f'{sys.executable} -c "$1" 0<&- 1>/dev/full 2>&-'
    done = subprocess.run(["bash", "-c", line, "bash", program])
    assert done.returncode == 0
    assert grokjax.load(tmp_path / "run").members["epochs"].tolist() == [6]
