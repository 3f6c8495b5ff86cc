"""Printed command lines run as shown in a shell, however grokjax was started."""

import importlib.util
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

import grokjax
from grokjax.cli import scripts
from grokjax.terminal import printed_commands
from tests.conftest import TINY
from tests.training.test_resume import stop_after

ROOT = Path(__file__).parents[2]


def shell(line, **how):
    how = {"capture_output": True, "check": True} | how
    return subprocess.run(["bash", "-c", line], **how)


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A folder with the script `grokjax`, as pip installs it; the shell is in the one above."""
    script = tmp_path / "my env" / "grokjax"
    script.parent.mkdir()
    python = shlex.quote(sys.executable)
    script.write_text(f'#!/bin/sh\nexec {python} -m grokjax "$@"\n')
    script.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return script


@pytest.mark.parametrize(
    ("typed", "on_path", "begins"),
    [
        ("my env/grokjax", False, "'my env/grokjax' "),
        ("{script}", True, "grokjax "),
        ("{script}", False, "'{script}' "),
        ("grokjax", False, "{python} -m grokjax "),
        ("experiments/seeds.py", True, "{python} -m grokjax "),
        ("{package}/__main__.py", False, "{python} -m grokjax "),
    ],
)
def test_a_command_begins_as_it_was_typed(typed, on_path, begins, installed, monkeypatch):
    names = {
        "script": installed,
        "package": ROOT / "grokjax",
        "python": printed_commands.python_command(),
    }
    monkeypatch.setattr(sys, "argv", [typed.format(**names), "train"])
    if on_path:
        monkeypatch.setenv("PATH", f"{installed.parent}:{os.environ['PATH']}")
    line = printed_commands.format_command("--version")
    assert line.startswith(begins.format(**names))
    assert shell(line).stdout.startswith(b"grokjax ")


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
def test_any_path_reaches_the_command_as_it_was(encoding, monkeypatch, tmp_path):
    names = ["a", "two  spaces", "it's", "naïve é", "-dash", "new\nline1", os.fsdecode(b"caf\xe99")]
    with (tmp_path / "log").open("w", encoding=encoding) as stream:
        monkeypatch.setattr(sys, "stderr", stream)
        for name in names:
            line = printed_commands.format_command("resume", Path(name))
            assert line.isprintable()
            line.encode(encoding)
            given = shell(f'set -- {line}; printf %s "${{@: -1}}"').stdout
            assert os.fsdecode(given) in (name, f"./{name}")
            assert not given.startswith(b"-")


SCRIPT = """
from dataclasses import dataclass
from pathlib import Path

from grokjax import Config, Sweep
from grokjax.cli.scripts import TrainingFlags, run_script, train_or_resume
from grokjax.cli.summary import summarise


@dataclass
class Args(TrainingFlags):
    out: Path = Path("run")
    seeds: int = 3


def main(args: Args) -> None:
    config = Config(**%r)
    run = train_or_resume(Sweep(config, seed=range(args.seeds)), args)
    summarise(run, lambda: args.out / "none.png")


if __name__ == "__main__":
    run_script(main, Args)
"""


def test_a_script_that_was_stopped_says_its_own_line(tmp_path, monkeypatch, capsys):
    stop_after(monkeypatch, rounds=2)
    path = tmp_path / "my script.py"
    path.write_text(SCRIPT % TINY)
    spec = importlib.util.spec_from_file_location("stopped_script", path)
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "stopped_script", module)
    spec.loader.exec_module(module)
    arguments = ["--out", str(tmp_path / "the run"), "--lanes", "1", "--devices", "1", "--quiet"]
    monkeypatch.setattr(sys, "argv", [str(path), *arguments])
    monkeypatch.setattr(printed_commands, "_script_words", [])
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    with pytest.raises(SystemExit, match="143"):
        scripts.run_script(module.main, module.Args)
    line = capsys.readouterr().err.strip().splitlines()[-1].removeprefix("resume with: ")
    done = shell(line, text=True)
    assert "3 members: 3 not memorised" in done.stdout
    report = printed_commands.format_command("report", tmp_path / "the run")
    assert f"full report: {report}\n" in done.stdout
    assert (grokjax.load(tmp_path / "the run").members["epochs"] == 6).all()
