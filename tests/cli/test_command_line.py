"""Flags given twice, readable `--help`, and suggestions for misspelt flags."""

import importlib
import io
import re
import sys
from pathlib import Path
from typing import Literal, get_args, get_origin

import pytest

from grokjax import Config, ConfigError
from grokjax.cli import command_line, flag_values, flags, known_flags, main
from grokjax.terminal import printed_commands

SCRIPTS = sorted((Path(__file__).parents[2] / "experiments").glob("*.py"))
FIELDS = Config().fields
SETTINGS = flags.Flags.of({kind: [found] for kind, found in Config().group_classes.items()})
VALUES = {
    "--interventions": "none",
    "--task": "binary-operation",
    "--model": "mlp",
    "--optimizer": "sgd",
}
VALUES["--interventions"] = "none"
VALUES["--import"] = str(Path(__file__).with_name("__init__.py"))
"""Values of flags that are read before the others."""
COMMANDS = ("train", "resume", "info", "check", "report", "compare", "export", "merge", "recipes")


@pytest.mark.parametrize("command", COMMANDS)
def test_any_flag_of_a_command_given_twice_is_refused(command, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    found = known_flags.flags_of(main.command_of(command, []))
    known = {flag.name: flag for flag in found if not flag.is_positional}
    if command in ("train", "resume"):
        assert {f"--{name.replace('_', '-')}" for name in FIELDS} < set(known)
    for name, flag in known.items():
        underscores = "--" + name[2:].replace("-", "_")
        value = VALUES.get(name, "notebook")
        again = name.replace("--", "--no-", 1) if flag.is_boolean else f"{underscores}={value}"
        assert main.main([command, name, value, again]) == 2
        said = capsys.readouterr().err
        assert f"{name} is given twice; give " in said
        assert said.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_any_flag_of_a_script_given_twice_is_refused(path, monkeypatch):
    monkeypatch.syspath_prepend(path.parent)
    monkeypatch.setitem(sys.modules, path.stem, None)  # restored after the test
    del sys.modules[path.stem]
    script = importlib.import_module(path.stem)
    known = [flag.name for flag in known_flags.flags_of(script.Args)]
    assert "--out" in known
    for name in known:
        with pytest.raises(ConfigError, match=f"{name} is given twice"):
            command_line.parse(script.Args, [name, "1", f"{name}=1"], "python script.py")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("--weight-decay 0.5 --weight-decay 1", "all its values: --weight-decay 0.5 1"),
        ("--weight_decay=0.5 2 --weight-decay 1", "all its values: --weight-decay 0.5 2 1"),
        (
            "--biases True --no-biases",
            "--biases is given twice; give --biases or --no-biases, or --biases True False for",
        ),
        ("--quiet --no-quiet", "--quiet is given twice; give --quiet or --no-quiet"),
        ("--max-epochs 20 --lanes 1 --max-epochs=40", "--max-epochs is given twice; give it once"),
        ("--recipe gromov --recipe=notebook", "--recipe is given twice; give it once"),
    ],
)
def test_the_message_says_what_to_write_instead(given, message, capsys):
    assert main.main(["train", "--out", "x", *given.split()]) == 2
    assert message in capsys.readouterr().err


def help_of(command, monkeypatch, columns=80):
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setattr(sys, "argv", ["grokjax"])
    monkeypatch.setattr(printed_commands, "python_command", lambda: "python")
    with io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) as stream:
        monkeypatch.setattr(sys, "stdout", stream)
        assert main.main([*command, "--help"]) == 0
        return stream.buffer.getvalue().decode()


@pytest.mark.parametrize("command", [(), *((name,) for name in COMMANDS)])
@pytest.mark.parametrize("columns", [60, 80])
def test_help_fits_the_terminal_and_shows_no_internal_values(command, columns, monkeypatch):
    text = help_of(command, monkeypatch, columns)
    usage, *lines = text.splitlines()
    assert usage.startswith("usage: python -m grokjax")
    assert all(len(line) <= columns for line in lines if line not in usage)
    for internal in (str(2**31 - 1), str(2**32 - 1), "None", "{True", "1.2e-38"):
        assert internal not in text


@pytest.mark.parametrize("command", ["train", "resume"])
def test_help_is_grouped(command, monkeypatch):
    text = help_of([command], monkeypatch)
    titles = re.findall("╭─ (.*?) options ─", text)
    assert titles == list(flags.BOXES)
    found = [name for box in flags.BOXES for name in SETTINGS.names_in(box)]
    assert sorted([*found, "seed"]) == sorted(FIELDS)
    boxes = dict(zip(titles, re.split("╭─ .*? options ─", text)[1:], strict=True))
    for group in flags.BOXES:
        for name in SETTINGS.names_in(group):
            assert re.search(rf"│ --{name.replace('_', '-')}[, ]", boxes[group]), name
    assert "--lanes" in boxes["machine"]


def test_help_names_every_choice_and_shows_all_booleans_the_same_way(monkeypatch):
    text = " ".join(help_of(["train"], monkeypatch).replace("│", " ").split())
    for name, setting in FIELDS.items():
        hint = setting.hint
        flag = f"--{name.replace('_', '-')}"
        if hint is bool:
            assert f"{flag}, --no-{name.replace('_', '-')} " in text
        if get_origin(hint) is Literal:
            described = text.partition(f" {flag} ")[2].partition("(default:")[0]
            assert all(choice in described for choice in get_args(hint)), name
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
def test_all_spellings_of_booleans_and_axes_of_them(given, biases, tied):
    kind = main.command_of("train", [])
    words_ = given.split() if "--out" in given else ["--out", "x", *given.split()]
    values = flag_values.values(command_line.parse(kind, words_, "grokjax train"))
    assert (values["biases"], values["tied"]) == (biases, tied)
    assert command_line.parse(kind, ["--out", "x", "--quiet=True"], "grokjax train").quiet
    assert not command_line.parse(kind, ["--out", "x", "--no-quiet"], "grokjax train").quiet


@pytest.mark.parametrize(
    ("flag", "intended"),
    [
        ("--lr", "--learning-rate"),
        ("--wd=1", "--weight-decay"),
        ("--epochs", "--max-epochs"),
        ("--hiden_dim", "--hidden-dim"),
        ("--no-bias", "--biases"),
    ],
)
def test_a_misspelt_flag_is_answered_with_the_intended_one(flag, intended, capsys):
    assert main.main(["train", "--out", "x", flag, "3"]) == 2
    said = capsys.readouterr().err
    assert intended in said.partition("; did you mean ")[2]
    assert said.endswith(f"All flags: {printed_commands.format_command('train', '--help')}\n")
    assert said.count("\n") == 1


def test_refusals_of_words_say_what_to_type(capsys):
    assert main.main(["train", "--recipe", "notebook"]) == 2
    help_ = printed_commands.format_command("train", "--help")
    assert capsys.readouterr().err == f"grokjax: out must be given; see {help_}\n"
    assert main.main(["trian"]) == 2
    assert "export, merge, recipes, got 'trian'; did you mean train?" in capsys.readouterr().err
    assert main.main([]) == 2
    assert "command must be one of train, resume, branch, info" in capsys.readouterr().err


@pytest.mark.parametrize("given", ["--no-tied True", "--no-tied=True", "--no_quiet=False"])
def test_a_negated_boolean_takes_no_value(given, capsys):
    assert main.main(["train", "--out", "x", *given.split()]) == 2
    assert "takes no value; give --" in capsys.readouterr().err


@pytest.mark.parametrize("recipe", ["notebook", "gromov"])
def test_another_model_has_defaults_of_its_own(recipe, capsys, monkeypatch):
    """Both recipes set an initializer; those of the transformer have other names."""
    command = ["train", "--recipe", recipe, "--model", "transformer"]
    text = " ".join(help_of(command, monkeypatch).replace("│", " ").split())
    assert not capsys.readouterr().err
    assert "nanda, zhong or torch (default: nanda)" in text
    assert "Width D of the residual stream (default: 128)" in text
