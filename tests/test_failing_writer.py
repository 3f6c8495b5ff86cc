"""Whatever operation on a file fails, or is the last before a kill, a run ends with its bits."""

import shutil

import numpy as np
import pytest

import grokjax
from grokjax import Sweep, files, inspection
from grokjax.config import Config
from tests.conftest import TINY
from tests.failing import DISK, Killed
from tests.test_resume import assert_same

pytestmark = pytest.mark.fault

SWEEP = Sweep(Config(**TINY | {"max_epochs": 6}), seed=[0])
SHARES = 4  # of the operations, for two processes to take


def train(out):
    """Saved at every round: twice, the second of which also removes the first checkpoint."""
    return grokjax.train(SWEEP, out, devices=1, checkpoint_every=1e-9, progress=False)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return train(tmp_path_factory.mktemp("whole") / "run")


def check_what_is_there(out):
    """Nothing half written is visible; a member that is over has all that it should."""
    partly = grokjax.load(out)
    assert inspection.verify(partly) == []
    assert partly.history.sizes["member"] == len(SWEEP)
    for m in partly.members.query("status == 'not memorised'").index:
        assert not partly.history.test_loss.sel(member=m).isnull().any()
        assert np.isfinite(partly.params_of(m)["output"]["bias"]).all()


# Threads of Orbax report to a loop that their failed save has closed.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("dies", [False, True], ids=["fails", "dies"])
@pytest.mark.parametrize("share", range(SHARES))
def test_at_every_operation_on_a_file(tmp_path, whole, monkeypatch, share, dies):
    monkeypatch.setattr("grokjax.trainer.STATUS_EVERY", 1e9)  # or the operations would vary
    monkeypatch.setattr("grokjax.checkpoint.KEPT", 1)
    at = 1 + share
    while True:
        out = tmp_path / str(at)
        error = None
        with DISK.failing(out, at, dies) as disk:
            try:
                train(out)
            except (Killed, OSError) as ended:
                error = ended
        if disk.count < at:
            break
        if not dies and error is not None:  # a status that could not be written ends nothing
            assert "No space left on device" in str(error)
            assert "\n" not in str(error)
        if (out / "config.json").exists():
            check_what_is_there(out)
            assert_same(grokjax.resume(out, progress=False), whole)
            assert inspection.verify(grokjax.load(out)) == []
            parts = {f"{path.parent.name}/{path.name}" for path in out.glob("*/*.npz")}
            assert parts < files.digests(out).keys(), "what a kill left unlisted is listed"
        else:  # nothing was there to resume: the directory is as good as new
            assert_same(train(out), whole)
        shutil.rmtree(out)
        at += SHARES
    assert at > 150, "there are some two hundred"
    assert {"os.remove manifest.ocdbt", "os.rmdir state"} < set(disk.done), "removals too"
