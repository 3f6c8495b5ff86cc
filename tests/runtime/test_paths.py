"""Users' paths: `~` is the home directory, and an unwritable file is refused before the work."""

import errno
import re
import tempfile
from pathlib import Path

import numpy as np
import pytest

import grokjax
from grokjax import Config, ConfigError, plots, report
from grokjax.analysis.circles import Reading
from grokjax.cli import main as cli
from tests.conftest import TINY

CONFIG = Config(**TINY | {"max_epochs": 2})


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Return a home directory with a run in it; the working directory is another one."""
    home, here = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("here")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(home))
        patch.chdir(here)
        grokjax.train(CONFIG, "~/runs/mine", progress=False)
        yield home
        assert list(here.iterdir()) == [], "no folder is named ~"


def test_python_takes_a_path_in_the_home_directory(home):
    assert grokjax.load("~/runs/mine").directory == home / "runs" / "mine"
    assert grokjax.load(Path("~/runs/mine")).directory == home / "runs" / "mine"
    assert grokjax.resume("~/runs/mine", progress=False).directory == home / "runs" / "mine"
    page = report.write("~/runs/mine", "~/pages/of/mine.html")
    assert page == home / "pages" / "of" / "mine.html"
    assert page.stat().st_size > 10_000
    assert report.write("~/runs/mine") == home / "runs" / "mine" / "report.html"
    fig, _ = plots.figure()
    assert plots.save(fig, "~/figures/mine.svg") == home / "figures" / "mine.svg"
    film = plots.animation(np.ones((1, 5, 2)), [0], [Reading("", 0, 0)], "~/figures/film.gif")
    assert film == home / "figures" / "film.gif"
    for name in ("mine.svg", "film.gif"):
        assert (home / "figures" / name).exists()


@pytest.mark.parametrize(
    "words",
    [
        ["train", "--out=~/runs/mine"],
        ["resume", "~/runs/mine", "--quiet"],
        ["info", "~/runs/mine"],
        ["check", "~/runs/mine"],
        ["report", "~/runs/mine", "--out=~/pages/mine.html"],
    ],
    ids=lambda words: words[0],
)
def test_commands_take_a_path_in_the_home_directory(home, words, capsys):
    code = cli.main(words)
    said = capsys.readouterr()
    assert code == (2 if words[0] == "train" else 0), said
    assert (
        str(home / "runs" / "mine") in (said.err if words[0] == "train" else said.out)
        or (home / "pages" / "mine.html").exists()
    )
    assert "~" not in said.out + said.err


def test_experiments_take_a_path_in_the_home_directory(home):
    from experiments.seeds import Args
    from grokjax.cli import command_line

    assert command_line.parse(Args, ["--out=~/x"], "seeds").out == home / "x"


BAD = [None, "", "  ", 3, b"run", ["run"], "a\0b", "~nobody-here/x"]


@pytest.mark.parametrize("path", BAD, ids=repr)
def test_an_invalid_path_is_refused_in_one_line(home, path):
    fig, _ = plots.figure()
    calls = [
        ("out", lambda: grokjax.train(CONFIG, path)),
        ("directory", lambda: grokjax.resume(path)),
        ("directory", lambda: grokjax.load(path)),
        ("directory", lambda: report.write(path)),
        ("path", lambda: plots.save(fig, path)),
    ]
    if path is not None:  # beside the run
        calls.append(("out", lambda: report.write("~/runs/mine", path)))
    for name, call in calls:
        with pytest.raises(ConfigError) as error:
            call()
        assert re.match(rf"{name} must .*, got {re.escape(repr(path))}; ", str(error.value))
        assert "\n" not in str(error.value)


def test_a_file_that_cannot_be_written_is_refused_before_the_work(home, monkeypatch):
    """Root can write every folder except /proc, so the refusal is simulated."""
    (home / "file").write_text("")
    with pytest.raises(ConfigError, match="must be a file in a folder that can be made, got"):
        report.write("~/runs/mine", "~/file/page.html")
    with pytest.raises(ConfigError, match="must be a file in a folder that can be made, got"):
        report.write("~/runs/mine", "~/runs")
    if Path("/proc").is_dir():
        with pytest.raises(ConfigError, match=r"/proc/x/y.html cannot be written .*; name another"):
            report.write("~/runs/mine", "/proc/x/y.html")
    asked = []

    def refused(dir):
        asked.append(dir)
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(tempfile, "TemporaryFile", refused)
    told = []
    for out, folder in ((None, home / "runs" / "mine"), ("~/a/b/c.html", home)):
        with pytest.raises(ConfigError, match=r"cannot be written .*; name another file by out"):
            report.write("~/runs/mine", out, told.append)
        assert asked.pop() == folder
    assert told == []
    fig, _ = plots.figure()
    with pytest.raises(ConfigError, match=r"path: .*f.png cannot be written"):
        plots.save(fig, "~/a/f.png")
    with pytest.raises(ConfigError, match=r"path: .*f.gif cannot be written"):
        plots.animation(np.ones((1, 5, 2)), [0], [Reading("", 0, 0)], "~/a/f.gif")
    assert not (home / "a").exists()


@pytest.mark.parametrize("path", ["figure", "figure.xyz", "figure.", "runs"])
def test_a_figure_names_its_format(home, path):
    with pytest.raises(ConfigError, match=r"path must end in one of .*\.pdf, .*\.svg"):
        plots.save(plots.figure()[0], path)


@pytest.mark.parametrize("drawn", [None, "figure", 3, ()], ids=repr)
def test_an_invalid_figure_is_refused(home, drawn):
    with pytest.raises(ConfigError, match="drawn must be a matplotlib Figure, or Axes"):
        plots.save(drawn, "figure.png")
    if drawn is not None:
        with pytest.raises(ConfigError, match="ax must be matplotlib Axes, or None"):
            plots.key_counts(np.arange(3), ax=drawn)


def test_more_cpu_devices_than_cores_are_reported(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("grokjax.runtime.devices.core_count", lambda: 2)
    line = "devices: 4 CPU devices share 2 cores, which is no faster than 2"
    for devices, times in ((4, 1), (2, 0)):
        grokjax.train(CONFIG, tmp_path / str(devices), devices=devices)
        assert capsys.readouterr().err.splitlines().count(line) == times
