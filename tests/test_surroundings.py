"""Terminals, locales, paths and signals as users have them: answered in a line, no traceback."""

import os
import shlex
import signal
import subprocess
import sys

import pytest

import grokjax
from grokjax import cli, commands, devices
from grokjax.config import Config
from tests.conftest import TINY
from tests.test_resume import stop_after

pytestmark = pytest.mark.fault

ODD = ["my run", "naïve é", "-dash", "it's"]
NO_TEXT = os.fsdecode(b"caf\xe9")


def started(*words, **how):
    return subprocess.run(
        [sys.executable, "-m", "grokjax", *words], capture_output=True, text=True, **how
    )


@pytest.fixture(scope="module", params=[*ODD, NO_TEXT], ids=ascii)
def odd(request, tmp_path_factory):
    """A run that was moved there."""
    place = tmp_path_factory.mktemp("odd")
    run = grokjax.train(Config(**TINY), place / "run", progress=False)
    return run.directory.rename(place / request.param)


@pytest.mark.parametrize("locale", ["C.UTF-8", "POSIX"])
def test_any_name_of_a_run_can_be_shown(odd, locale):
    """Also where the locale has no letters for it."""
    plain = {"LC_ALL": locale, "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    for command in ("info", "report"):
        done = started(command, odd, env=os.environ | plain)
        assert (done.returncode, done.stderr.count("Traceback")) == (0, 0), done.stderr
    assert (odd / "report.html").stat().st_size > 100_000


@pytest.mark.parametrize("name", ODD)
def test_the_line_that_says_how_to_go_on_can_be_pasted(name, tmp_path, monkeypatch, capsys):
    settings = (f"--{field.replace('_', '-')}={value}" for field, value in TINY.items())
    stop_after(monkeypatch, rounds=2)
    assert cli.main(["train", f"--out={tmp_path / name}", *settings, "--quiet"]) == 143
    monkeypatch.undo()
    line = capsys.readouterr().err.strip().partition("go on with: ")[2]
    words = shlex.split(line.removeprefix(commands.command()))
    assert cli.main([*words, "--quiet"]) == 0
    last = capsys.readouterr().out.strip().splitlines()[-1].partition("in Python: ")[2]
    loaded = {}
    exec(last, loaded)
    assert set(loaded["run"].members["status"]) == {"not memorised"}


def test_a_run_whose_name_orbax_cannot_spell_is_not_resumed(tmp_path):
    """Its checkpoints would seem to be damaged."""
    run = grokjax.train(Config(**TINY), tmp_path / "run", progress=False)
    with pytest.raises(grokjax.ConfigError, match="is no name in UTF-8"):
        grokjax.resume(run.directory.rename(tmp_path / NO_TEXT), progress=False)


def test_the_version_for_a_reader_that_is_gone(tmp_path):
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "grokjax", "--version"], stdout=full, stderr=subprocess.PIPE
        )
    assert (done.returncode, done.stderr.count(b"\n")) == (1, 1), done.stderr
    assert started("--version").stdout == "grokjax 0.1.0\n"


SIGNALLED = """
import os, signal, sys
from grokjax import launching

class Dropped:  # what is raised in here Python tells of, and goes on
    def __del__(self):
        os.kill(os.getpid(), int(sys.argv[1]))
        [None for _ in range(100)]

def action():
    Dropped()
    print("went on to the end")

sys.exit(launching.guarded(action))
"""


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_before_training_ends_it_wherever_it_comes(signum):
    """In an import or a callback of JAX's a KeyboardInterrupt was lost, and all was trained."""
    command = [sys.executable, "-c", SIGNALLED, str(int(signum))]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 128 + signum
    assert done.stdout == ""
    assert done.stderr == "grokjax: interrupted; what was saved before is as it was\n"


def test_the_handlers_of_before_are_back():
    before = [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)]
    assert cli.main(["--version"]) == 0
    assert [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)] == before


@pytest.mark.parametrize(
    "out", ["x" * 300, "loop", "loop/run", "/dev/null/run", "file", "file/run", NO_TEXT]
)
def test_where_no_folder_can_be_is_a_bad_argument(out, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "file").touch()
    assert cli.main(["train", "--out", out]) == 2
    assert capsys.readouterr().err.startswith("grokjax: out: ")


@pytest.mark.parametrize(
    "bad",
    [
        *({"lanes": each} for each in (None, True, 2.7, float("inf"), "x", 0)),
        *({"devices": each} for each in (None, True, 2.7, float("inf"), "x", 0)),
        *({"checkpoint_every": each} for each in (None, True, "5", float("nan"), 0, -1)),
        *({"recipe": each} for each in (3, ["q"], "a\nb", "x" * 300)),
    ],
    ids=str,
)
def test_arguments_of_train_are_refused_by_name(bad, tiny, tmp_path):
    """A recipe that config.json could not be read with cost the whole run."""
    with pytest.raises(grokjax.ConfigError, match=f"^{next(iter(bad))}: "):
        grokjax.train(tiny, tmp_path / "run", **bad)
    assert list(tmp_path.iterdir()) == []


def test_no_device_of_the_platform_that_was_asked_for(monkeypatch):
    """As JAX says it, or does not, where JAX_PLATFORMS names an accelerator that is not there."""

    def nothing():
        assert None is not None

    monkeypatch.setattr("jax.devices", nothing)
    monkeypatch.setenv("JAX_PLATFORMS", "cuda")
    with pytest.raises(RuntimeError, match="JAX finds no device of cuda"):
        devices.start()


def test_what_a_notebook_completes():
    assert set(grokjax.__all__) <= set(dir(grokjax))


def test_a_choice_of_no_member(odd):
    members = grokjax.load(odd).of([]).members
    assert len(members) == 0
    assert {"status", "epochs", "learning_rate"} <= set(members.columns)
