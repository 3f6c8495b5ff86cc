"""Flags: none is lost because it was given twice, whatever the command or script."""

import importlib
import sys
from pathlib import Path

import pytest

from grokjax import ConfigError, cli, words
from grokjax.config import FIELDS

SCRIPTS = sorted((Path(__file__).parents[1] / "experiments").glob("*.py"))
COMMANDS = ("train", "resume", "info", "check", "report", "recipes")


@pytest.mark.parametrize("command", COMMANDS)
def test_any_flag_of_a_command_given_twice_is_refused(command, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    flags = {flag.name: flag for flag in words.flags_of(cli._commands("notebook")[command])}
    if command in ("train", "resume"):
        assert {f"--{name.replace('_', '-')}" for name in FIELDS} < set(flags)
    for name, flag in flags.items():
        underscores = "--" + name[2:].replace("-", "_")
        again = name.replace("--", "--no-", 1) if flag.boolean else f"{underscores}=notebook"
        assert cli.main([command, name, "notebook", again]) == 2
        said = capsys.readouterr().err
        assert f"{name} is given twice; give " in said
        assert said.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_any_flag_of_a_script_given_twice_is_refused(path, monkeypatch):
    monkeypatch.syspath_prepend(path.parent)
    monkeypatch.setitem(sys.modules, path.stem, None)  # so that it is as before in the end
    del sys.modules[path.stem]
    script = importlib.import_module(path.stem)
    flags = [flag.name for flag in words.flags_of(script.Args)]
    assert "--out" in flags
    for name in flags:
        with pytest.raises(ConfigError, match=f"{name} is given twice"):
            words.parse(script.Args, [name, "1", f"{name}=1"], "python script.py")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("--weight-decay 0.5 --weight-decay 1", "all its values: --weight-decay 0.5 1"),
        ("--weight_decay=0.5 2 --weight-decay 1", "all its values: --weight-decay 0.5 2 1"),
        ("--biases True --no-biases", "biases: --biases is given twice"),
        ("--quiet --no-quiet", "quiet: --quiet is given twice; give --quiet or --no-quiet"),
        ("--max-epochs 20 --lanes 1 --max-epochs=40", "--max-epochs is given twice; give it once"),
        ("--recipe gromov --recipe=notebook", "recipe: --recipe is given twice; give it once"),
    ],
)
def test_the_refusal_says_what_to_write(given, message, capsys):
    assert cli.main(["train", "--out", "x", *given.split()]) == 2
    assert message in capsys.readouterr().err
