"""Full disks, read-only or removed folders, clocks set back: one clear line and no loss."""

import itertools
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

import grokjax
from grokjax import Sweep
from grokjax.cli import info, main
from grokjax.config.config import Config
from tests.conftest import TINY, flags
from tests.training.test_resume import assert_same, stop_after

pytestmark = pytest.mark.fault

SWEEP = Sweep(Config(**TINY | {"max_epochs": 1000}), seed=range(6))
FLAGS = [
    *flags(max_epochs=1000),
    *("--seeds", "6", "--checkpoint-every", "0.05", "--devices", "2"),
    "--quiet",
]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return grokjax.train(SWEEP, tmp_path_factory.mktemp("whole") / "run", progress=False)


@pytest.mark.parametrize("size", ["200k", "400k", "600k"])
def test_a_full_disk_ends_a_run_in_one_line_and_loses_nothing(tmp_path, whole, size):
    (tmp_path / "disk").mkdir()
    unshare = ["unshare", "--user", "--map-root-user", "--mount"]
    if shutil.which("unshare") is None or subprocess.run([*unshare, "true"]).returncode:
        pytest.skip("mounting is not permitted; test_failing_writes injects failures")
    script = [sys.executable, str(Path(__file__).with_name("train_on_small_disk.py"))]
    command = [*unshare, *script, str(tmp_path / "disk"), size, *FLAGS]
    done = subprocess.run(command, capture_output=True, text=True, cwd=Path.cwd())
    assert done.returncode == 0, done.stderr
    steps = json.loads(done.stdout)
    code, _, err = steps["train"]
    assert (code, err.count("\n")) == (1, 1), err
    assert "No space left on device" in err
    assert f"grokjax resume {tmp_path}/disk/run" in err
    assert steps["check"][0] == 0, steps["check"]
    code, _, err = steps["resume too early"]
    assert (code, err.count("\n")) == (2, 1)
    assert "B free; this run needs about" in err
    assert steps["resume"][0] == steps["check again"][0] == 0, steps["resume"]
    assert_same(grokjax.load(tmp_path / "disk.out"), whole)


# Drop CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH, with which root ignores permissions.
GROKJAX = """
import ctypes, os, sys
for capability in (1, 2):
    ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)
os.execv(sys.executable, [sys.executable, "-m", "grokjax", *sys.argv[1:]])
"""


def start(*arguments, **options):
    command = [sys.executable, "-c", GROKJAX, *map(str, arguments)]
    piped = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, **piped, **options)


def finish(process):
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def wait_for(condition, process):
    began = time.monotonic()
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() - began < 120
        time.sleep(0.01)


def set_mode(directory, mode):
    for path in [directory, *(p for p in directory.rglob("*") if p.is_dir())]:
        path.chmod(mode)


def test_a_directory_that_becomes_read_only(tmp_path, whole):
    out = tmp_path / "run"
    process = start("train", "--out", out, *FLAGS)
    wait_for((out / "checkpoints" / "1").exists, process)
    for _ in range(100):  # a save in progress may create one more folder
        set_mode(out, 0o555)
        if process.poll() is not None:
            break
        time.sleep(0.05)
    code, _, err = finish(process)
    assert (code, err.count("\n")) == (1, 1), err
    assert "Permission denied" in err
    assert f"grokjax resume {out}" in err
    code, stdout, err = finish(start("info", out))
    assert (code, err) == (0, "")
    assert f"grokjax resume {out}\n" in stdout
    code, stdout, err = finish(start("check", out))
    assert code == 0, err
    code, _, err = finish(start("resume", out))
    assert (code, err.count("\n")) == (1, 1), err
    assert "Permission denied" in err
    code, _, err = finish(start("report", out))
    assert (code, err.count("\n")) == (2, 1), "refused before any work is done"
    assert f"out: {out}/report.html cannot be written (Permission denied); name another" in err
    assert finish(start("report", out, "--out", tmp_path / "new" / "page.html"))[0] == 0
    set_mode(out, 0o755)
    assert_same(grokjax.resume(out, progress=False), whole)


def test_a_read_only_folder_is_refused(tmp_path):
    tmp_path.chmod(0o555)
    code, _, err = finish(start("train", "--out", tmp_path / "run", *FLAGS))
    tmp_path.chmod(0o755)
    assert code == 1
    assert err.count("\n") == 1
    assert "Permission denied" in err
    assert list(tmp_path.iterdir()) == []


def test_a_run_directory_that_was_removed_is_not_created_again(tmp_path):
    out, away = tmp_path / "run", tmp_path / "away"
    process = start("train", "--out", out, *FLAGS)
    wait_for((out / "checkpoints" / "1").exists, process)
    out.rename(away)
    code, _, err = finish(process)
    assert (code, err.count("\n")) == (1, 1), err
    assert str(out) in err
    assert not out.exists()
    assert info.verify(grokjax.load(away)) == []


def test_a_working_directory_that_was_removed_does_no_harm(tmp_path, whole):
    here, out = tmp_path / "here", tmp_path / "run"
    here.mkdir()
    process = start("train", "--out", "../run", *FLAGS, cwd=here)
    wait_for((out / "checkpoints").exists, process)
    here.rmdir()
    code, _, err = finish(process)
    assert code == 0, err
    assert_same(grokjax.load(out), whole)
    here.mkdir()
    removed = "import os, sys; os.rmdir(os.getcwd()); "
    removed += "from grokjax.cli.main import main; sys.exit(main())"
    for command, directory, code in (("info", out, 0), ("info", "run", 2), ("check", out, 0)):
        here.mkdir(exist_ok=True)
        done = subprocess.run(
            # -P, like the installed script: Python 3.13.0 fails if the first path was removed
            [sys.executable, "-P", "-c", removed, command, str(directory)],
            capture_output=True,
            text=True,
            cwd=here,
            env=os.environ | {"PYTHONPATH": str(Path(grokjax.__file__).parents[1])},
        )
        assert done.returncode == code, done.stderr
        assert done.stderr.count("\n") <= 1


def test_a_clock_that_is_set_back_changes_no_bit(tmp_path, whole, monkeypatch, capsys):
    later = time.time()
    clock = itertools.count(1)
    stop_after(monkeypatch, rounds=300)
    monkeypatch.setattr("time.time", lambda: later - 3600 * next(clock))
    with pytest.raises(grokjax.Interrupted):
        grokjax.train(SWEEP, tmp_path / "run", checkpoint_every=0.2, progress=False)
    assert main.main(["info", str(tmp_path / "run")]) == 0
    assert "-" not in capsys.readouterr().out.split("checkpoint:")[1].split("\n")[0]
    stop_after(monkeypatch, rounds=10**5)
    monkeypatch.setattr("time.time", lambda: later - 10**7 - 3600 * next(clock))
    again = grokjax.resume(tmp_path / "run", progress=False)
    assert_same(again, whole)
    assert again.rounds.steps.sum() == whole.rounds.steps.sum()
    assert main.main(["info", str(tmp_path / "run")]) == 0
    assert main.main(["check", str(tmp_path / "run")]) == 0
