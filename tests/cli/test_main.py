import re
import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest

from grokjax import Config
from grokjax.cli import main

FIELDS = Config().fields


def refused(arguments, capsys):
    """Return what the command prints on stderr; check that it exits with 2."""
    code = main.main(arguments)
    said = capsys.readouterr()
    assert code == 2, said
    assert "Traceback" not in said.err
    assert said.out == ""
    return said.err


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--recipe", "cake"], "recipe must name a recipe, got 'cake'; one of notebook"),
        (["--train-fraction", "1.5"], "less than 1, got 1.5"),
        (["--train-fraction", "0"], "greater than 0 and less than 1"),
        (["--modulus", "1"], "modulus must be at least 2 and at most 46340, got 1"),
        (["--learning-rate", "-1"], "learning_rate must be at least 0, got -1.0"),
        (["--weight-decay", "1", "-0.1"], "weight_decay must be at least 0, got -0.1"),
        (["--weight-decay", "nan"], "weight_decay must be a finite number at least 0, got nan"),
        (["--weight-decay"], "weight_decay must have at least one value to be an axis, got []"),
        (["--seed", "1", "2", "1"], "sweep: members 0 and 2 are equal (seed 1)"),
        (["--seed"], "seed must have at least one value to be an axis, got []"),
        (["--data-seed"], "data_seed must have at least one value to be an axis, got []"),
        (["--batch-size"], "batch_size must have at least one value to be an axis, got []"),
        (["--seeds", "0"], "seeds must be from 1 to 100000, got 0"),
        (["--seeds", "8", "--seed", "1", "2"], "seeds: give --seeds or --seed, not both"),
        (["--full-batch", "--batch-size", "32"], "give --batch-size or --full-batch, not both"),
        (["--full-batch", "--batch-size", "64"], "give --batch-size or --full-batch, not both"),
        (["--out="], "out needs a value after the =, got '--out='; give one or omit the flag"),
        (["--quiet="], "quiet needs a value after the =, got '--quiet='"),
        (["--max-epochs", "30"], "max_epochs must be a multiple of eval_every (20), got 30"),
        (["--lanes", "many"], "lanes must be auto or a whole number of at least 1, got 'many'"),
        (["--devices", "99"], "devices must be at most the"),
        (
            ["--checkpoint-every", "0"],
            "checkpoint_every must be a number of seconds above 0, got 0.0",
        ),
        (["--num-processes", "2"], "coordinator: give all of --coordinator, --num-processes and"),
    ],
)
def test_bad_settings_are_refused_in_one_line_and_write_nothing(flags, message, capsys, tmp_path):
    said = refused(["train", "--out", str(tmp_path / "run"), *flags], capsys)
    assert message in said
    assert said.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["train", "--out", "x", "--colour", "3"], "--colour"),
        (["train", "--out", "x", "--modulus", "many"], "many"),
        (["train", "--out", "x", "--operation", "power"], "power"),
        (["train"], "out must be given"),
        (["dance"], "dance"),
    ],
)
def test_errors_of_the_parser_write_nothing(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = refused(arguments, capsys)
    assert message in said
    assert said.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_directories_that_cannot_be_used(capsys, tmp_path):
    (tmp_path / "file").write_text("mine")
    for out in (tmp_path, tmp_path / "file", tmp_path / "file" / "below"):
        said = refused(["train", "--out", str(out)], capsys)
        assert f"out: {out} is not " in said
    assert (tmp_path / "file").read_text() == "mine"
    for command in ("resume", "info", "check"):
        said = refused([command, str(tmp_path)], capsys)
        assert "holds no run" in said
        assert said.count("\n") == 1


def test_too_little_disk(capsys, tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=5 * 10**6))
    said = refused(["train", "--out", str(tmp_path / "run")], capsys)
    assert "has 5.0 MB free; this run needs about" in said
    assert list(tmp_path.iterdir()) == []


def test_resume_needs_disk_space_only_for_what_is_missing(trained, capsys, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1000))
    assert main.main(["resume", str(trained), "--quiet"]) == 0
    capsys.readouterr()
    said = refused(["resume", str(trained), "--quiet", "--add-seeds", "500"], capsys)
    assert "has 1.0 kB free; this run needs about" in said


TINY_FLAGS = [
    *("--modulus", "5", "--embed-dim", "4", "--hidden-dim", "8", "--batch-size", "8"),
    *("--eval-every", "2", "--max-epochs", "4", "--seeds", "2", "--weight-decay", "0.5", "1"),
    "--quiet",
]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    out = tmp_path_factory.mktemp("cli") / "run"
    assert main.main(["train", "--out", str(out), *TINY_FLAGS]) == 0
    return out


def test_train_draws_a_figure_and_prints_how_to_open_the_run(trained, capsys):
    assert (trained / "figures" / "curves.png").stat().st_size > 10_000
    assert main.main(["resume", str(trained), "--quiet"]) == 0
    said = capsys.readouterr().out
    assert f"run = grokjax.load('{trained}')" in said
    assert "figures/curves.png" in said


def test_info_and_check(trained, capsys):
    assert main.main(["info", str(trained)]) == 0
    said = capsys.readouterr().out
    assert "4 members, swept: weight_decay, seed" in said
    assert re.search(r"on disk:    [0-9]+ kB\n", said)
    assert "checkpoint:" not in said, "a finished run needs none"
    assert main.main(["check", str(trained)]) == 0
    assert "verdict:    ready" in capsys.readouterr().out


def test_check_finds_damage(trained, capsys, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(trained, copy)
    part = copy / "params" / "000001.npz"
    part.write_bytes(part.read_bytes()[:-1])
    assert main.main(["check", str(copy)]) == 1
    said = capsys.readouterr()
    assert "damaged:    params/000001.npz: altered since it was written" in said.out
    assert "1 damaged file(s)" in said.err


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--learning-rate", "0.5"], "learning_rate must include 0.0003 as in the run, got (0.5,)"),
        (["--seeds", "1"], "seed must include 0, 1 as in the run, got (0,)"),
        (["--add-seeds", "0"], "add_seeds must be from 1 to 100000, got 0"),
        (["--add-seeds", "1", "--seeds", "3"], "add_seeds: give --add-seeds, --seeds or --seed"),
        (["--max-epochs", "2"], "max_epochs must be at least 4, which the run has, got 2"),
        (["--max-epochs", "5"], "max_epochs must be a multiple of eval_every (2), got 5"),
        (["--stop-when", "never"], "stop_when must stay grokked as in the run, got ('never',)"),
        (
            ["--coordinator", "here:1"],
            "coordinator: give all of --coordinator, --num-processes and",
        ),
    ],
)
def test_resume_refuses_changed_settings(trained, flags, message, capsys):
    assert message in refused(["resume", str(trained), *flags], capsys)


def test_resume_accepts_repeated_settings(trained):
    assert main.main(["resume", str(trained), "--quiet", "--weight-decay", "0.5", "1"]) == 0


def test_train_refuses_a_run_directory(trained, capsys):
    said = refused(["train", "--out", str(trained), *TINY_FLAGS], capsys)
    assert "holds a run already; resume it, or name another" in said


def test_recipes(capsys):
    assert main.main(["recipes"]) == 0
    assert "notebook" in capsys.readouterr().out
    assert main.main(["recipes", "--show", "notebook"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in FIELDS)
    assert "epoch 1 040" in shown
    assert "recipe must name a recipe, got 'cake'" in refused(["recipes", "--show", "cake"], capsys)


def test_python_dash_m():
    command = [sys.executable, "-m", "grokjax", "train", "--help"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    for name in FIELDS:
        assert f"--{name.replace('_', '-')}" in text
    assert "(default: 0.0003)" in text
