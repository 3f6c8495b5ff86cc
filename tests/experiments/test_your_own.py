"""A task, a network, a rule and a metric of the user's own keep the usual promises."""

import ast
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import grokjax
from grokjax.cli import imports
from grokjax.tasks.task import build_dataset

ROOT = Path(__file__).parents[2]
FILE = ROOT / "experiments" / "your_own.py"
SIZE = ("--max-epochs", "300", "--quiet", "--checkpoint-every", "0.01")
SCRIPT = (str(FILE), "--seeds", "1", *SIZE)
COMMAND = (
    *("-m", "grokjax", "train", "--import", str(FILE)),
    *("--task", "maximum", "--model", "SkipNet", "--optimizer", "normalised_momentum"),
    *("--learning-rate", "0.001", "--weight-decay", "0", "0.3", "--seeds", "1"),
    *("--stop-when", "never", *SIZE),
)


@pytest.fixture(scope="module")
def your_own():
    imports.import_file(str(FILE))
    return sys.modules["your_own"]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    """The run that the script makes without interruption."""
    out = tmp_path_factory.mktemp("your_own") / "run"
    done = subprocess.run([sys.executable, *SCRIPT, "--out", out], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert (out / "figures" / "your_own.png").stat().st_size > 10_000
    assert "weight decay 0.3: effective rank from " in done.stdout
    return grokjax.load(out)


def stop(words, out, signum):
    """Start a program, and send it a signal once it has saved a checkpoint; return the process."""
    process = subprocess.Popen(
        [sys.executable, *words, "--out", str(out)], stderr=subprocess.PIPE, text=True
    )
    checkpoints = out / "checkpoints"
    while process.poll() is None:
        if checkpoints.is_dir() and any(path.name.isdigit() for path in checkpoints.iterdir()):
            process.send_signal(signum)
            break
        time.sleep(0.01)
    _, process.said = process.communicate(timeout=60)
    return process


def assert_same_bits(run, expected):
    assert run.sweep == expected.sweep
    assert run.history.effective_rank.shape == (2, 16)
    for name, recorded in expected.history.data_vars.items():
        np.testing.assert_array_equal(run.history[name].values, recorded.values)
    for layer, arrays in expected.params.items():
        for name, array in arrays.items():
            np.testing.assert_array_equal(run.params[layer][name], array)


def test_a_killed_script_resumes_to_the_same_bits(uninterrupted, tmp_path):
    out = tmp_path / "run"
    assert stop(SCRIPT, out, signal.SIGKILL).returncode == -signal.SIGKILL
    assert set(grokjax.load(out).members["status"]) & {"running", "pending"}
    done = subprocess.run([sys.executable, *SCRIPT, "--out", out], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert_same_bits(grokjax.load(out), uninterrupted)


def test_the_command_line_trains_resumes_and_reports_them(uninterrupted, tmp_path):
    out = tmp_path / "run"
    process = stop(COMMAND, out, signal.SIGTERM)
    assert process.returncode == 128 + signal.SIGTERM, process.said
    resume = process.said.strip().splitlines()[-1].removeprefix("resume with: ")
    assert resume.endswith(f" resume {out} --import {FILE}")
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        [*shlex.split(resume), "--quiet"], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    assert_same_bits(grokjax.load(out), uninterrupted)
    (report,) = (line for line in done.stdout.splitlines() if line.startswith("full report: "))
    words = shlex.split(report.removeprefix("full report: "))
    done = subprocess.run(words, capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert "SkipNet" in (out / "report.html").read_text()


def test_the_run_records_what_the_pieces_compute(uninterrupted, your_own):
    run = grokjax.load(uninterrupted.directory)
    assert run.info["pieces"]["model"]["SkipNet"]["module"] == "your_own"
    assert run.info["pieces"]["metrics"]["effective_rank"]["module"] == "your_own"
    assert run.embeddings.shape == (2, 24, 64)
    data = run.data_of(1)
    assert (data.train_inputs.max(axis=1) == data.train_labels).all()
    logits = run.apply(run.params_of(1), data.train_inputs)
    accuracy = np.mean(logits.argmax(axis=1) == data.train_labels)
    assert accuracy == pytest.approx(run.history.train_accuracy.values[1, -1])
    singular = np.linalg.svd(run.embeddings[1], compute_uv=False)
    shares = singular / singular.sum()
    rank = np.exp(-np.sum(shares * np.log(shares)))
    assert run.history.effective_rank.values[1, -1] == pytest.approx(rank, rel=1e-4)


def test_squares_of_gaussian_integers(your_own):
    config = grokjax.Config(task="gaussian_squares", p=3)
    data = build_dataset(config.task_settings, ("",))
    for (x, y), target in zip(data.inputs, data.targets[0], strict=True):
        total = complex(*divmod(x, 3)) ** 2 + complex(*divmod(y, 3))
        assert target == total.real % 3 * 3 + total.imag % 3


def test_each_piece_has_at_most_20_lines():
    pieces = {
        node.name: node.end_lineno - node.lineno + 1 + len(node.decorator_list)
        for node in ast.parse(FILE.read_text()).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.decorator_list
    }
    names = {"maximum", "SkipNet", "normalised_momentum", "bounded", "effective_rank"}
    assert names < set(pieces)
    assert max(lines for name, lines in pieces.items() if name != "Args") <= 20


def test_the_guide_shows_the_pieces_as_they_are():
    page = (ROOT / "grokjax" / "guide" / "own_pieces.md").read_text()
    file = FILE.read_text()
    for decorator in ("task", "model", "rule", "intervention", "metric"):
        start = file.index(f"@grokjax.{decorator}\n")
        assert file[start : file.index("\n\n\n", start)] in page
