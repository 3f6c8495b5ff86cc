"""Full disks, folders that may not be written or are gone, clocks that go back: one clear line."""

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
from grokjax import Sweep, cli, inspection
from grokjax.config import Config
from tests.conftest import TINY, flags
from tests.test_resume import assert_same, stop_after

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
        pytest.skip("no mount of one's own here; failing writes are injected in test_kill")
    script = [sys.executable, str(Path(__file__).with_name("small_disk.py"))]
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
    assert "MB free; this run needs about" in err
    assert steps["resume"][0] == steps["check again"][0] == 0, steps["resume"]
    assert_same(grokjax.load(tmp_path / "disk.out"), whole)


# Without CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH, which let root write where nobody may.
GROKJAX = """
import ctypes, os, sys
for capability in (1, 2):
    ctypes.CDLL(None).prctl(24, capability, 0, 0, 0)
os.execv(sys.executable, [sys.executable, "-m", "grokjax", *sys.argv[1:]])
"""


def started(*arguments, **options):
    command = [sys.executable, "-c", GROKJAX, *map(str, arguments)]
    piped = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, **piped, **options)


def ended(process):
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


def wait_for(condition, process):
    began = time.monotonic()
    while not condition():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() - began < 120
        time.sleep(0.01)


def permit(directory, mode):
    for path in [directory, *(p for p in directory.rglob("*") if p.is_dir())]:
        path.chmod(mode)


def test_a_directory_that_becomes_read_only(tmp_path, whole):
    out = tmp_path / "run"
    process = started("train", "--out", out, *FLAGS)
    wait_for((out / "checkpoints" / "1").exists, process)
    for _ in range(100):  # a save under way may make one more folder
        permit(out, 0o555)
        if process.poll() is not None:
            break
        time.sleep(0.05)
    code, _, err = ended(process)
    assert (code, err.count("\n")) == (1, 1), err
    assert "Permission denied" in err
    assert f"grokjax resume {out}" in err
    code, stdout, err = ended(started("info", out))
    assert (code, err) == (0, "")
    assert "go on with" in stdout
    code, stdout, err = ended(started("check", out))
    assert code == 0, err
    code, _, err = ended(started("resume", out))
    assert (code, err.count("\n")) == (1, 1), err
    assert "Permission denied" in err
    code, _, err = ended(started("report", out))
    assert (code, err.count("\n")) == (2, 1), "it says so before it does any work"
    assert f"out: {out}/report.html cannot be written (Permission denied); name another" in err
    assert ended(started("report", out, "--out", tmp_path / "new" / "page.html"))[0] == 0
    permit(out, 0o755)
    assert_same(grokjax.resume(out, progress=False), whole)


def test_a_place_that_may_not_be_written_is_refused(tmp_path):
    tmp_path.chmod(0o555)
    code, _, err = ended(started("train", "--out", tmp_path / "run", *FLAGS))
    tmp_path.chmod(0o755)
    assert code == 1
    assert err.count("\n") == 1
    assert "Permission denied" in err
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_is_gone_is_not_begun_again(tmp_path):
    out, away = tmp_path / "run", tmp_path / "away"
    process = started("train", "--out", out, *FLAGS)
    wait_for((out / "checkpoints" / "1").exists, process)
    out.rename(away)
    code, _, err = ended(process)
    assert (code, err.count("\n")) == (1, 1), err
    assert str(out) in err
    assert not out.exists()
    assert inspection.verify(grokjax.load(away)) == []


def test_a_working_directory_that_is_gone_does_no_harm(tmp_path, whole):
    here, out = tmp_path / "here", tmp_path / "run"
    here.mkdir()
    process = started("train", "--out", "../run", *FLAGS, cwd=here)
    wait_for((out / "checkpoints").exists, process)
    here.rmdir()
    code, _, err = ended(process)
    assert code == 0, err
    assert_same(grokjax.load(out), whole)
    here.mkdir()
    gone = "import os, sys; os.rmdir(os.getcwd()); from grokjax import cli; sys.exit(cli.main())"
    for command, directory, code in (("info", out, 0), ("info", "run", 2), ("check", out, 0)):
        here.mkdir(exist_ok=True)
        done = subprocess.run(
            # -P, as in the installed script: Python 3.13.0 stumbles over a first path that is gone
            [sys.executable, "-P", "-c", gone, command, str(directory)],
            capture_output=True,
            text=True,
            cwd=here,
            env=os.environ | {"PYTHONPATH": str(Path(grokjax.__file__).parents[1])},
        )
        assert done.returncode == code, done.stderr
        assert done.stderr.count("\n") <= 1


def test_a_clock_that_goes_back_changes_no_bit(tmp_path, whole, monkeypatch, capsys):
    later = time.time()
    clock = itertools.count(1)
    stop_after(monkeypatch, rounds=300)
    monkeypatch.setattr("time.time", lambda: later - 3600 * next(clock))
    with pytest.raises(grokjax.Interrupted):
        grokjax.train(SWEEP, tmp_path / "run", checkpoint_every=0.2, progress=False)
    assert cli.main(["info", str(tmp_path / "run")]) == 0
    assert "-" not in capsys.readouterr().out.split("checkpoint:")[1].split("\n")[0]
    stop_after(monkeypatch, rounds=10**5)
    monkeypatch.setattr("time.time", lambda: later - 10**7 - 3600 * next(clock))
    again = grokjax.resume(tmp_path / "run", progress=False)
    assert_same(again, whole)
    assert again.rounds.steps.sum() == whole.rounds.steps.sum()
    assert cli.main(["info", str(tmp_path / "run")]) == 0
    assert cli.main(["check", str(tmp_path / "run")]) == 0
