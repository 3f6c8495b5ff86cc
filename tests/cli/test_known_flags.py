"""Values that a flag cannot have: each is refused in one line that names the flag and the value."""

import importlib
import re
import sys

import pytest

from grokjax import ConfigError
from grokjax.cli import command_line, main
from grokjax.cli.known_flags import flags_of
from tests.cli.test_command_line import COMMANDS, SCRIPTS

NEEDED = {"train": {"--out": "x"}, "merge": {"--out": "y"}}


def typed(kind):
    """Yield the flags of a dataclass whose values are not any text."""
    for flag in flags_of(kind):
        if flag.value.choices or flag.value.plain_hint in (int, float, bool):
            yield flag


def line(command, *words):
    """Return a command line with these words and whatever else the command needs."""
    given = {word.partition("=")[0] for word in words}
    needed = {flag: value for flag, value in NEEDED.get(command, {}).items() if flag not in given}
    directory = (
        ["x"] if command in ("resume", "info", "report", "export", "merge", "compare") else []
    )
    return [command, *directory, *(word for pair in needed.items() for word in pair), *words]


def refused(words, capsys):
    """Return the only line of a refusal."""
    assert main.main(words) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    return said.err


@pytest.mark.parametrize("command", COMMANDS)
def test_any_value_of_another_type_is_refused_in_one_line(command, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for flag in typed(main.command_of(command, [])):
        for bad in ("many", "1e", "true"):
            said = refused(line(command, f"{flag.name}={bad}"), capsys)
            assert re.match(rf"grokjax: {flag.title} must be .*, got '{bad}'", said), said
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", COMMANDS)
def test_missing_and_further_values_are_refused_in_one_line(command, capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    for flag in flags_of(main.command_of(command, [])):
        if flag.is_positional:
            continue
        if not flag.is_boolean and not (command == "resume" and flag.is_axis):
            assert f"{flag.title} must have " in refused(line(command, flag.name), capsys)
        if not flag.is_axis and command not in (
            "merge",
            "compare",
        ):  # further words are directories
            said = refused(line(command, flag.name, "1", "2"), capsys)
            assert re.match(r"grokjax: \w+ must (be|name) ", said), said
        if flag.is_required:
            words = line(command)
            at = words.index(flag.name)
            said = refused(words[:at] + words[at + 2 :], capsys)
            assert said.startswith(f"grokjax: {flag.title} must be given; see ")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_any_bad_value_of_a_script_is_refused(path, monkeypatch):
    monkeypatch.syspath_prepend(path.parent)
    monkeypatch.setitem(sys.modules, path.stem, None)  # restored after the test
    del sys.modules[path.stem]
    script = importlib.import_module(path.stem)
    for flag in typed(script.Args):
        with pytest.raises(ConfigError, match=f"^{flag.title} must be .*, got 'many'"):
            command_line.parse(script.Args, [f"{flag.name}=many"], "python script.py")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("train --out x --weight-decay-on foo", "weight_decay_on must be one of all, no-biases, "),
        ("train --out x --modulus 5.0", "modulus must be a whole number at least 2 and "),
        ("train --out x --learning-rate 1 b", "learning_rate must be a number at least 0, got 'b'"),
        ("train --out x --biases yes", "biases must be True or False, got 'yes'"),
        ("train --out x --task many", "task must be a known task, got 'many'; one of "),
        ("train --out x --quiet yes", "quiet must be True or False, got 'yes'"),
        ("train --out x --quiet True yes", "quiet must be a single value, got 'True yes'"),
        ("train --out x --max-epochs 20 30", "max_epochs must be a single value, got '20 30'"),
        ("train x", "command line must have flags only, got 'x'; see "),
        ("train --recipe notebook", "out must be given; see "),
        ("train --out x --import", "import must have a value"),
        ("train --out x --recipe -x", "-x"),
        ("train --out x --checkpoint-every -inf", "-inf"),
        ("info", "directory must be given; see "),
        ("info x y", "directory must be a single path, got 'x y'"),
        ("resume --quiet x yes", "directory must be a single path, got 'x yes'"),
        ("resume x --quiet=yes", "quiet must be True or False, got 'yes'"),
        ("report x --figures gif", "figures must be one of pdf, svg, png, got 'gif'"),
        ("export x --member one --to y.npz", "member must be a whole number, got 'one'"),
        ("export x --to y.parquet", "or .zarr, got 'y.parquet'; --history"),
        ("export x", "export: give --to FILE for weights or a run, or --history FILE"),
        ("export x --history y.txt", "history must end in .parquet or .csv, got 'y.txt'"),
        ("export x --to y.zarr --format torch", "format needs --to with a file of weights"),
        ("merge --out y", "directories must be given; see "),
        ("info --directory x", "unknown flag --directory"),
    ],
)
def test_the_message_names_the_flag_and_what_it_takes(
    words, message, capsys, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    assert message in refused(words.split(), capsys)
    assert list(tmp_path.iterdir()) == []


def test_values_that_a_flag_can_have():
    kind = main.command_of("train", [])
    words = ["--out=x", "--quiet", "True", "--seed", "1_000", "٣"]
    parsed = command_line.parse(kind, words, "grokjax train")
    assert parsed.quiet
    assert parsed.seed == (1000, 3)
    kind = main.command_of("resume", [])
    assert command_line.parse(kind, ["--quiet", "x"], "grokjax resume").directory.name == "x"
