"""Whichever file operation fails, or is the last before a kill, a resume gives the same bits."""

import functools
import gc
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

import grokjax
from grokjax import Sweep
from grokjax.cli import info
from grokjax.config.config import Config
from grokjax.runtime import environment
from grokjax.storage import digests
from tests.conftest import TINY
from tests.faults.failing_disk import DISK, Killed
from tests.training.test_resume import assert_same

pytestmark = pytest.mark.fault

SWEEP = Sweep(Config(**TINY | {"max_epochs": 6}), seed=[0])
SHARES = 4  # of the operations, so that several processes can test them


def train(out):
    """Train with a checkpoint every round; the second save also removes the first checkpoint."""
    return grokjax.train(SWEEP, out, devices=1, checkpoint_every=1e-9, progress=False)


@pytest.fixture(scope="module", autouse=True)
def fast_extras():
    """Make the bytes of history.nc once, and start no git: they take a third of a training's time.

    No run reads history.nc, and it is written as before.
    """
    with pytest.MonkeyPatch.context() as patch:
        to_netcdf = functools.cache(xr.Dataset(attrs={"title": "any"}).to_netcdf)
        patch.setattr(xr.Dataset, "to_netcdf", lambda _, **options: to_netcdf(**options))
        patch.setattr(environment, "git_commit", lambda: None)
        yield


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return train(tmp_path_factory.mktemp("whole") / "run")


@pytest.fixture
def fast_disk(tmp_path):
    """A folder in memory if there is one: a real disk spends a quarter of the time on fsync."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else tmp_path
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)


def check_readable(out):
    """Assert that no partial file is visible, and that finished members have all their data."""
    run = grokjax.load(out)
    assert info.verify(run) == []
    assert run.history.sizes["member"] == len(SWEEP)
    for m in run.members.query("status == 'not memorised'").index:
        assert not run.history.test_loss.sel(member=m).isnull().any()
        assert np.isfinite(run.params_of(m)["output"]["bias"]).all()


# Orbax's threads report to an event loop that the failed save has closed.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("dies", [False, True], ids=["fails", "dies"])
@pytest.mark.parametrize("share", range(SHARES))
def test_at_every_operation_on_a_file(fast_disk, whole, monkeypatch, share, dies):
    monkeypatch.setattr(
        "grokjax.training.loop.STATUS_EVERY", 1e9
    )  # else the number of operations varies
    monkeypatch.setattr("grokjax.storage.files.CHECKPOINTS_KEPT", 1)
    at = 1 + share
    while True:
        out = fast_disk / str(at)
        error = None
        with DISK.failing(out, at, dies) as disk:
            try:
                train(out)
            except (Killed, OSError) as stopped:
                error = stopped
        if disk.count < at:
            break
        if not dies and error is not None:  # a failure to write status.json does not end the run
            assert "No space left on device" in str(error)
            assert "\n" not in str(error)
        if (out / "config.json").exists():
            check_readable(out)
            assert_same(grokjax.resume(out, progress=False), whole)
            assert info.verify(grokjax.load(out)) == []
            parts = {f"{path.parent.name}/{path.name}" for path in out.glob("*/*.npz")}
            assert parts < digests.read(out).keys(), "a resume lists what a kill left unlisted"
        else:  # nothing to resume: the directory can be used for a new run
            assert_same(train(out), whole)
        shutil.rmtree(out)
        at += SHARES
    error = None
    gc.collect()  # what failed saves have left, while its warnings are expected
    assert at > 150, "about two hundred operations"
    assert {"os.remove manifest.ocdbt", "os.rmdir state"} < set(disk.done), (
        "removals are among them"
    )
