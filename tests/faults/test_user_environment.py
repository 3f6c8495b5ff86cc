"""Locales, paths, signals and arguments of users: one clear line, never a traceback."""

import os
import shlex
import shutil
import signal
import subprocess
import sys

import pytest

import grokjax
from grokjax.cli import main
from grokjax.config.config import Config
from grokjax.runtime import devices
from grokjax.terminal import printed_commands
from tests.conftest import TINY
from tests.training.test_resume import stop_after

pytestmark = pytest.mark.fault

ODD_NAMES = ["-dash", "my run", "naïve é", "it's"]
NOT_UTF8 = os.fsdecode(b"caf\xe9")


def run_command(*words, **options):
    return subprocess.run(
        [sys.executable, "-m", "grokjax", *words], capture_output=True, text=True, **options
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return grokjax.train(Config(**TINY), tmp_path_factory.mktemp("trained") / "run", progress=False)


SHOW = """
import sys
from grokjax.cli.main import main
for directory in sys.argv[1:]:
    for command in ("info", "report"):
        if main([command, directory]):
            sys.exit(f"{command} failed for {directory!a}")
"""


@pytest.mark.parametrize("locale", ["C.UTF-8", "POSIX"])
def test_any_name_of_a_run_can_be_shown(run, locale, tmp_path):
    """The locale may lack characters of the name."""
    names = (" ".join(ODD_NAMES), NOT_UTF8)
    copies = [shutil.copytree(run.directory, tmp_path / name) for name in names]
    plain = {"LC_ALL": locale, "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}
    command = [sys.executable, "-c", SHOW, *copies]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | plain)
    assert (done.returncode, done.stderr.count("Traceback")) == (0, 0), done.stderr
    assert all((copy / "report.html").stat().st_size > 100_000 for copy in copies)


@pytest.mark.parametrize("name", ODD_NAMES)
def test_the_command_that_resumes_can_be_pasted(name, tmp_path, monkeypatch, capsys):
    settings = (f"--{field.replace('_', '-')}={value}" for field, value in TINY.items())
    stop_after(monkeypatch, rounds=2)
    assert main.main(["train", f"--out={tmp_path / name}", *settings, "--quiet"]) == 143
    monkeypatch.undo()
    line = capsys.readouterr().err.strip().partition("resume with: ")[2]
    words = shlex.split(line.removeprefix(printed_commands.format_command()))
    assert main.main([*words, "--quiet"]) == 0
    last = capsys.readouterr().out.strip().splitlines()[-1].partition("in Python: ")[2]
    loaded = {}
    exec(last, loaded)
    assert set(loaded["run"].members["status"]) == {"not memorised"}


def test_a_run_whose_name_orbax_cannot_encode_is_not_resumed(run, tmp_path):
    """Its checkpoints would seem to be damaged."""
    with pytest.raises(grokjax.ConfigError, match="is not a name in UTF-8"):
        grokjax.resume(shutil.copytree(run.directory, tmp_path / NOT_UTF8), progress=False)


def test_the_version_on_a_full_device():
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "grokjax", "--version"], stdout=full, stderr=subprocess.PIPE
        )
    assert (done.returncode, done.stderr.count(b"\n")) == (1, 1), done.stderr
    assert run_command("--version").stdout == "grokjax 0.1.0\n"


SIGNALLED = """
import os, signal, sys
from grokjax.cli.exit_codes import exit_code_of

class Dropped:  # Python reports what `__del__` raises, and continues
    def __del__(self):
        os.kill(os.getpid(), int(sys.argv[1]))
        [None for _ in range(100)]

def action():
    Dropped()
    print("went on to the end")

# A shell lets its background jobs ignore SIGINT, and nohup SIGHUP.
signal.signal(int(sys.argv[1]), signal.SIG_DFL)
sys.exit(exit_code_of(action))
"""


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_before_training_ends_the_process(signum):
    """A KeyboardInterrupt raised in an import or a callback of JAX would be lost."""
    command = [sys.executable, "-c", SIGNALLED, str(int(signum))]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 128 + signum
    assert done.stdout == ""
    assert done.stderr == "grokjax: interrupted; saved files are unchanged\n"


def test_signal_handlers_are_restored():
    before = [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)]
    assert main.main(["--version"]) == 0
    assert [signal.getsignal(s) for s in (signal.SIGINT, signal.SIGTERM)] == before


@pytest.mark.parametrize(
    "out", ["x" * 300, "loop", "loop/run", "/dev/null/run", "file", "file/run", NOT_UTF8]
)
def test_a_path_that_cannot_be_a_folder_is_a_bad_argument(out, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "file").touch()
    assert main.main(["train", "--out", out]) == 2
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
    """A recipe that makes config.json unreadable would cost the whole run."""
    with pytest.raises(grokjax.ConfigError, match=f"^{next(iter(bad))}( must|:) "):
        grokjax.train(tiny, tmp_path / "run", **bad)
    assert list(tmp_path.iterdir()) == []


def test_a_platform_without_devices(monkeypatch):
    """JAX may not say which platform of JAX_PLATFORMS has no device."""

    def find_no_device():
        assert None is not None

    monkeypatch.setattr("jax.devices", find_no_device)
    monkeypatch.setenv("JAX_PLATFORMS", "cuda")
    with pytest.raises(RuntimeError, match="JAX finds no device of cuda"):
        devices.select_devices()


def test_public_names_can_be_completed():
    assert set(grokjax.__all__) <= set(dir(grokjax))


def test_the_table_of_no_members(run):
    members = run.of([]).members
    assert len(members) == 0
    assert {"status", "epochs", "learning_rate"} <= set(members.columns)
