import shutil
import subprocess
import sys
from types import SimpleNamespace

import pytest

from grokjax import cli
from grokjax.config import FIELDS


def refused(arguments, capsys):
    """What the command says on stderr, having exited with 2."""
    try:
        code = cli.main(arguments)
    except SystemExit as stop:  # the parser's own refusals
        code = stop.code
    said = capsys.readouterr()
    assert code == 2, said
    assert "Traceback" not in said.err
    assert said.out == ""
    return said.err


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--recipe", "cake"], "recipe: 'cake' is not allowed; one of notebook"),
        (["--train-fraction", "1.5"], "train_fraction: 1.5 is not allowed"),
        (["--train-fraction", "0"], "greater than 0 and less than 1"),
        (["--modulus", "1"], "modulus: 1 is not allowed; it must be at least 2"),
        (["--learning-rate", "-1"], "learning_rate: -1.0 is not allowed"),
        (["--weight-decay", "1", "-0.1"], "weight_decay: -0.1 is not allowed"),
        (["--weight-decay", "nan"], "weight_decay: nan is not allowed; a finite number"),
        (["--weight-decay"], "weight_decay: [] is not allowed; an axis has at least one value"),
        (["--seed", "1", "2", "1"], "sweep: members 0 and 2 are equal (seed 1)"),
        (["--seed"], "seed: [] is not allowed; an axis has at least one value"),
        (["--data-seed"], "data_seed: [] is not allowed; an axis has at least one value"),
        (["--batch-size"], "batch_size: [] is not allowed; an axis has at least one value"),
        (["--seeds", "0"], "seeds: 0 is not allowed; it must be at least 1"),
        (["--seeds", "8", "--seed", "1", "2"], "seeds: give --seeds or --seed, not both"),
        (["--full-batch", "--batch-size", "32"], "give --batch-size or --full-batch, not both"),
        (["--full-batch", "--batch-size", "64"], "give --batch-size or --full-batch, not both"),
        (["--out="], "out: '--out=' is not allowed; give a value after the =, or leave the flag"),
        (["--quiet="], "quiet: '--quiet=' is not allowed; give a value after the ="),
        (["--max-epochs", "30"], "max_epochs: 30 is not allowed; a multiple of eval_every (20)"),
        (["--lanes", "many"], "lanes: 'many' is not allowed; auto or a whole number"),
        (["--devices", "99"], "devices: 99 is not allowed; JAX has"),
        (["--checkpoint-every", "0"], "checkpoint_every: 0.0 is not allowed"),
        (["--num-processes", "2"], "coordinator: give --coordinator, --num-processes and"),
    ],
)
def test_bad_settings_are_one_line_and_leave_nothing(flags, message, capsys, tmp_path):
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
        (["train"], "--out"),
        (["dance"], "dance"),
    ],
)
def test_the_parser_refuses_in_its_own_box(arguments, message, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    said = refused(arguments, capsys)
    assert message in said
    assert "grokjax" in said
    assert list(tmp_path.iterdir()) == []


def test_directories(capsys, tmp_path):
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
    assert "has 5 MB free; this run needs about" in said
    assert list(tmp_path.iterdir()) == []


def test_a_resume_asks_only_for_the_disk_that_is_still_missing(trained, capsys, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1000))
    assert cli.main(["resume", str(trained), "--quiet"]) == 0
    capsys.readouterr()
    said = refused(["resume", str(trained), "--quiet", "--add-seeds", "500"], capsys)
    assert "has 0 MB free; this run needs about" in said


TINY_FLAGS = [
    *("--modulus", "5", "--embed-dim", "4", "--hidden-dim", "8", "--batch-size", "8"),
    *("--eval-every", "2", "--max-epochs", "4", "--seeds", "2", "--weight-decay", "0.5", "1"),
    "--quiet",
]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    out = tmp_path_factory.mktemp("cli") / "run"
    assert cli.main(["train", "--out", str(out), *TINY_FLAGS]) == 0
    return out


def test_train_leaves_figure_and_says_how_to_open_the_run(trained, capsys):
    assert (trained / "figures" / "curves.png").stat().st_size > 10_000
    assert cli.main(["resume", str(trained), "--quiet"]) == 0
    said = capsys.readouterr().out
    assert f"run = grokjax.load('{trained}')" in said
    assert "figures/curves.png" in said


def test_info_and_check(trained, capsys):
    assert cli.main(["info", str(trained)]) == 0
    assert "4 members, swept: weight_decay, seed" in capsys.readouterr().out
    assert cli.main(["check", str(trained)]) == 0
    assert "verdict:    ready" in capsys.readouterr().out


def test_check_finds_damage(trained, capsys, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(trained, copy)
    part = copy / "params" / "000001.npz"
    part.write_bytes(part.read_bytes()[:-1])
    assert cli.main(["check", str(copy)]) == 1
    said = capsys.readouterr()
    assert "damaged:    params/000001.npz: altered since it was written" in said.out
    assert "1 damaged file(s)" in said.err


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--learning-rate", "0.5"], "learning_rate: (0.5,) is not allowed; the run has 0.0003"),
        (["--seeds", "1"], "seed: (0,) is not allowed; the run has 0, 1"),
        (["--add-seeds", "0"], "add_seeds: 0 is not allowed; from 1 to 100000"),
        (["--add-seeds", "1", "--seeds", "3"], "add_seeds: give --add-seeds, --seeds or --seed"),
        (["--max-epochs", "2"], "max_epochs: 2 is not allowed; the run has 4, and can only be"),
        (["--max-epochs", "5"], "max_epochs: 5 is not allowed; a multiple of eval_every (2)"),
        (["--stop-when", "never"], "stop_when: ('never',) is not allowed; the run has grokked"),
        (["--coordinator", "here:1"], "coordinator: give --coordinator, --num-processes and"),
    ],
)
def test_a_resume_keeps_its_settings(trained, flags, message, capsys):
    assert message in refused(["resume", str(trained), *flags], capsys)


def test_a_resume_may_repeat_its_settings(trained):
    assert cli.main(["resume", str(trained), "--quiet", "--weight-decay", "0.5", "1"]) == 0


def test_train_refuses_a_run_directory(trained, capsys):
    said = refused(["train", "--out", str(trained), *TINY_FLAGS], capsys)
    assert "holds a run already; resume it, or name another" in said


def test_recipes(capsys):
    assert cli.main(["recipes"]) == 0
    assert "notebook" in capsys.readouterr().out
    assert cli.main(["recipes", "--show", "notebook"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in FIELDS)
    assert "epoch 1 040" in shown
    assert "recipe: 'cake'" in refused(["recipes", "--show", "cake"], capsys)


def test_python_dash_m():
    command = [sys.executable, "-m", "grokjax", "train", "--help"]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    for name in FIELDS:
        assert f"--{name.replace('_', '-')}" in text
    assert "(default: 0.0003)" in text
