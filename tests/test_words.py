"""Flags: none is lost because it was given twice; help that can be read; near misses."""

import importlib
import io
import re
import sys
from pathlib import Path
from typing import Literal, get_args, get_origin

import pytest

from grokjax import ConfigError, cli, commands, flags, words
from grokjax.config import FIELDS, TYPES

SCRIPTS = sorted((Path(__file__).parents[1] / "experiments").glob("*.py"))
COMMANDS = ("train", "resume", "info", "check", "report", "recipes")


@pytest.mark.parametrize("command", COMMANDS)
def test_any_flag_of_a_command_given_twice_is_refused(command, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    known = {flag.name: flag for flag in words.flags_of(cli._commands("notebook")[command])}
    if command in ("train", "resume"):
        assert {f"--{name.replace('_', '-')}" for name in FIELDS} < set(known)
    for name, flag in known.items():
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
    known = [flag.name for flag in words.flags_of(script.Args)]
    assert "--out" in known
    for name in known:
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


def shown(command, monkeypatch, columns=80):
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr(sys, "argv", ["grokjax"])
    monkeypatch.setattr(commands, "python", lambda: "python")
    with io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        assert cli.main([*command, "--help"]) == 0
        return stream.buffer.getvalue().decode()


@pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS)])
@pytest.mark.parametrize("columns", [60, 80])
def test_help_fits_the_terminal_and_is_without_noise(command, columns, monkeypatch):
    text = shown(command, monkeypatch, columns)
    usage, *lines = text.splitlines()
    assert usage.startswith("usage: python -m grokjax")
    assert all(len(line) <= columns for line in lines if line not in usage)
    for noise in (str(2**31 - 1), str(2**32 - 1), "None", "{True", "1.2e-38"):
        assert noise not in text


@pytest.mark.parametrize("command", ["train", "resume"])
def test_help_is_grouped(command, monkeypatch):
    text = shown([command], monkeypatch)
    titles = re.findall("╭─ (.*?) options ─", text)
    assert titles == list(flags.GROUPS)
    found = [name for names in flags.GROUPS.values() for name in names.split()]
    assert sorted([*found, "seed"]) == sorted(FIELDS)
    boxes = dict(zip(titles, re.split("╭─ .*? options ─", text)[1:], strict=True))
    for group, names in flags.GROUPS.items():
        for name in names.split():
            assert re.search(rf"│ --{name.replace('_', '-')}[, ]", boxes[group]), name
    assert "--lanes" in boxes["machine"]


def test_help_names_every_choice_and_shows_booleans_alike(monkeypatch):
    text = " ".join(shown(["train"], monkeypatch).replace("│", " ").split())
    for name, hint in TYPES.items():
        flag = f"--{name.replace('_', '-')}"
        if hint is bool:
            assert f"{flag}, --no-{name.replace('_', '-')} " in text
        if get_origin(hint) is Literal:
            words = text.partition(f" {flag} ")[2].partition("(default:")[0]
            assert all(choice in words for choice in get_args(hint)), name
    assert "--quiet, --no-quiet" in text
    assert "--full-batch, --no-full-batch" in text


@pytest.mark.parametrize(
    ("given", "biases", "tied"),
    [
        ("--no-biases --tied", (False,), (True,)),
        ("--biases=False --tied True", (False,), (True,)),
        ("--biases True False --no-tied", (True, False), (False,)),
        ("--tied --out y", (True,), (True,)),
        ("", (True,), (False,)),
    ],
)
def test_booleans_are_given_alike_and_may_make_an_axis(given, biases, tied):
    kind = cli._commands("notebook")["train"]
    words_ = given.split() if "--out" in given else ["--out", "x", *given.split()]
    values = flags.values(words.parse(kind, words_, "grokjax train"))
    assert (values["biases"], values["tied"]) == (biases, tied)
    assert words.parse(kind, ["--out", "x", "--quiet=True"], "grokjax train").quiet
    assert not words.parse(kind, ["--out", "x", "--no-quiet"], "grokjax train").quiet


@pytest.mark.parametrize(
    ("flag", "meant"),
    [
        ("--lr", "--learning-rate"),
        ("--wd=1", "--weight-decay"),
        ("--epochs", "--max-epochs"),
        ("--hiden_dim", "--hidden-dim"),
        ("--no-bias", "--biases"),
    ],
)
def test_a_near_miss_is_told_what_is_meant(flag, meant, capsys):
    assert cli.main(["train", "--out", "x", flag, "3"]) == 2
    said = capsys.readouterr().err
    assert meant in said.partition("; did you mean ")[2]
    assert said.endswith(f"All flags: {commands.command('train', '--help')}\n")
    assert said.count("\n") == 1


def test_what_the_parser_refuses_ends_with_a_line_to_paste(capsys):
    with pytest.raises(SystemExit):
        cli.main(["train", "--out", "x", "--modulus", "many"])
    last = capsys.readouterr().err.splitlines()[-1]
    assert last == f"all flags: {commands.command('train', '--help')}"
    assert cli.main(["trian"]) == 2
    assert "command: 'trian' is not allowed; did you mean train?" in capsys.readouterr().err
    assert cli.main([]) == 2
    assert "command: give one of train, resume, info" in capsys.readouterr().err


@pytest.mark.parametrize("given", ["--no-tied True", "--no-tied=True", "--no_quiet=False"])
def test_a_negated_boolean_takes_no_value(given, capsys):
    assert cli.main(["train", "--out", "x", *given.split()]) == 2
    assert "takes no value; give --" in capsys.readouterr().err
