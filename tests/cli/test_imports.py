"""`--import`: the flags of the user's own pieces, and files that cannot be imported."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import grokjax
from grokjax.cli import imports, main
from grokjax.errors import ConfigError
from tests.cli.test_command_line import help_of

FILE = str(Path(__file__).parents[2] / "experiments" / "your_own.py")
OWN = ("--import", FILE, "--task", "maximum", "--model", "SkipNet")
OWN = (*OWN, "--optimizer", "normalised_momentum")


def flags_in(text):
    return set(re.findall(r"│ (--[a-z0-9-]+)", text))


def test_only_the_flags_of_the_chosen_kinds_are_shown(monkeypatch):
    text = help_of(["train", *OWN], monkeypatch)
    assert all(len(line) <= 80 for line in text.splitlines()[1:])
    shown, builtin = flags_in(text), flags_in(help_of(["train"], monkeypatch))
    assert {"--size", "--width", "--momentum"} <= shown
    assert not {"--operation", "--modulus", "--hidden-dim", "--beta1", "--eps"} & shown
    assert not {"--size", "--width", "--momentum"} & builtin
    assert {"--operation", "--modulus", "--hidden-dim", "--beta1", "--eps"} <= builtin
    joined = " ".join(text.replace("│", " ").split())
    for kind, names in {
        "task": ("binary-operation", "maximum", "gaussian_squares"),
        "model": ("mlp", "SkipNet"),
        "optimizer": ("or any rule of optax by its name", "normalised_momentum"),
    }.items():
        described = joined.partition(f"--{kind} NAME ... ")[2].partition("(default:")[0]
        assert all(name in described for name in names)
    assert "--size INT ... Parameter of maximum (default: 24)" in joined


def test_several_rules_have_the_flags_of_all_of_them(monkeypatch):
    shown = flags_in(help_of(["train", "--optimizer", "adamw", "lion"], monkeypatch))
    assert {"--beta1", "--beta2", "--eps", "--b1", "--b2"} <= shown


def refused(words, capsys):
    assert main.main(words) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.count("\n") == 1
    return said.err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--modulus", "7"), "unknown flag --modulus"),
        (("--hidden-dim", "8"), "unknown flag --hidden-dim"),
        (("--beta1", "0.9"), "unknown flag --beta1"),
        (("--width", "0"), "model SkipNet: "),
    ],
)
def test_a_flag_of_another_kind_is_refused(words, message, capsys, tmp_path):
    assert message in refused(["train", "--out", str(tmp_path / "run"), *OWN, *words], capsys)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing.py", None, "import must be a Python file that exists, got "),
        ("text.txt", "x = 1", "import must be a Python file that exists, got "),
        ("x" * 300 + ".py", None, "import must be a Python file that exists, got "),
        ("wrong.py", "def x(:", "failed (SyntaxError: invalid syntax (wrong.py, line 1))"),
        ("broken.py", "a = 1\nb = c\n", "failed in line 2 (NameError: name 'c' is not defined)"),
        ("leaving.py", "raise SystemExit(0)", "failed in line 1 (SystemExit: 0)"),
        ("lines.py", "raise ValueError('one\\ntwo\\x1b')", "(ValueError: one two\\x1b)"),
        ("random.py", "x = 1", "random.py has the name of another module; rename it"),
        ("numpy.py", "x = 1", "numpy.py has the name of another module; rename it"),
        (
            "own_rule.py",
            "import grokjax\n@grokjax.rule\ndef sgd(learning_rate): ...",
            "optimizer: the name sgd is used twice: grokjax has one of that name; rename yours",
        ),
        (
            "own_lion.py",
            "import grokjax\n@grokjax.rule\ndef lion(learning_rate): ...",
            "optimizer: the name lion is used twice: optax has one of that name; rename yours",
        ),
        (
            "one_name.py",
            "import grokjax\n" + 2 * "@grokjax.task\ndef mine(size: int = 3): ...\n",
            "task: the name mine is used twice in this file; rename one",
        ),
        (
            "one_metric.py",
            "import grokjax\n" + 2 * "@grokjax.metric\ndef mine(params): ...\n",
            "metric: the name mine is used twice in this file; rename one",
        ),
    ],
)
def test_a_file_that_cannot_be_imported(name, content, message, capsys, tmp_path):
    folder = tmp_path / "own"
    folder.mkdir()
    if content is not None:
        (folder / name).write_text(content)
    for command in (["train", "--out", str(tmp_path / "run")], ["resume", str(tmp_path)]):
        assert message in refused([*command, "--import", str(folder / name)], capsys)
    assert [path.name for path in folder.iterdir()] == ([name] if content is not None else [])
    assert list(tmp_path.iterdir()) == [folder]


def test_a_file_can_import_modules_beside_it(tmp_path):
    (tmp_path / "shared_by_two.py").write_text("size = 3\n")
    (tmp_path / "uses_shared.py").write_text("from shared_by_two import size\n")
    imports.import_file(str(tmp_path / "uses_shared.py"))
    assert sys.modules["uses_shared"].size == 3
    imports.import_file(str(tmp_path / "uses_shared.py"))  # again


def test_a_setting_cannot_have_the_name_of_a_flag(tmp_path, capsys):
    file = tmp_path / "clashing.py"
    file.write_text("import grokjax\n@grokjax.task\ndef clashing(lanes: int = 3): ...\n")
    words = ["train", "--out", str(tmp_path / "run"), "--import", str(file), "--task", "clashing"]
    assert "lanes" in refused(words, capsys)
    assert list(tmp_path.iterdir()) == [file]


def test_settings_without_a_default_must_be_given(tmp_path, capsys):
    file = tmp_path / "needing.py"
    file.write_text("import grokjax\n@grokjax.task\ndef needing(count: int): ...\n")
    words = ["train", "--out", str(tmp_path / "run"), "--import", str(file), "--task", "needing"]
    assert "count must be a whole number, got None" in refused(words, capsys)
    assert "task needing: must return a grokjax.Dataset" in refused([*words, "--count=2"], capsys)


def test_a_setting_without_a_default_can_be_an_axis(tmp_path, capsys):
    file = tmp_path / "sized.py"
    file.write_text(
        "import numpy as np\nimport grokjax\n@grokjax.task\ndef sized(count: int):\n"
        "    pairs = np.array([(a, b) for a in range(count) for b in range(count)])\n"
        "    classes = {'num_classes': count, 'num_tokens': count}\n"
        "    return grokjax.Dataset(pairs, pairs.max(axis=1), **classes)\n"
    )
    size = ["--embed-dim=2", "--hidden-dim=4", "--seeds=2", "--max-epochs=20", "--quiet"]
    words = ["train", "--out", str(tmp_path / "run"), "--import", str(file), "--task", "sized"]
    assert "count must be given, since it has no default" in refused([*words, "--count"], capsys)
    assert main.main([*words, "--count", "4", "5", *size]) == 0, capsys.readouterr().err
    assert grokjax.load(tmp_path / "run").history["count"].values.tolist() == [4, 4, 5, 5]


def test_refusals_do_not_load_jax(tmp_path):
    program = (
        "import sys\nfrom grokjax.cli.main import main\n"
        "wrong = '--lanes=0', '--modulus=1', '--import=no.py', '--recipe=no'\n"
        "words = ['--help'], ['train', '--help'], *(['train', '--out=x', w] for w in wrong)\n"
        "for words in words:\n"
        "    assert main(words) == (0 if '--help' in words else 2)\n"
        "assert not {'jax', 'flax', 'orbax', 'matplotlib', 'pandas'} & set(sys.modules)\n"
    )
    words = [sys.executable, "-c", program]
    done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert list(tmp_path.iterdir()) == []


def test_metrics_of_a_run(monkeypatch):
    imports.import_file(FILE)
    assert "effective_rank" in [each.name for each in imports.metrics()]
    assert imports.metrics(["train_loss"]) == ()
    with pytest.raises(ConfigError, match="import must be a path, got ' '"):
        imports.import_file(" ")
