"""Read a run hundreds of times while another process writes it: no error, no half-written data."""

import subprocess
import sys

import jax
import numpy as np
import pytest

import grokjax
from grokjax import Sweep, report
from grokjax.cli import info
from grokjax.config.config import Config
from tests.conftest import TINY

pytestmark = pytest.mark.fault

READS, REPORTS = 400, 4
SWEEP = Sweep(Config(**TINY | {"max_epochs": 20}), seed=range(4))
WRITER = """
import sys
from pathlib import Path
import grokjax
from grokjax.training import loop
from tests.training.test_concurrent import SWEEP

loop.STATUS_EVERY = 0.01
for i in range(1_000_000):
    out = Path(sys.argv[1]) / str(i)
    grokjax.train(SWEEP, out, devices=1, checkpoint_every=1e-9, progress=False)
"""


def numbers(run, member):
    """Return all values that a run has of a member so far, by name."""
    history = run.history.sel(member=member)
    found = {str(name): np.asarray(values) for name, values in history.data_vars.items()}
    return found | {"epoch": run.history.epoch.values}


class Reader:
    """Reads the run that is being written, and compares it with the finished run."""

    def __init__(self, folder, whole):
        self.folder, self.whole, self.number, self.before = folder, whole, 0, None
        self.of_whole = [numbers(whole, m) for m in range(len(SWEEP))]
        self.seen = set()

    def newest(self):
        while (self.folder / str(self.number + 1) / "config.json").exists():
            self.number, self.before = self.number + 1, None
        return self.folder / str(self.number)

    def read(self, params):
        directory = self.newest()
        info.info(directory)
        run = grokjax.load(directory)
        self.check_members(run.members)
        for m in range(len(SWEEP)):
            self.check_history(numbers(run, m), self.of_whole[m])
        if params:
            self.check_params(run)
        assert (np.diff(run.rounds["seconds"]) > 0).all()

    def check_members(self, members):
        assert len(members) == len(SWEEP)
        epochs = members["epochs"].to_numpy()
        if self.before is not None:
            assert (epochs >= self.before).all(), "nothing that was there is gone"
        self.before = epochs
        self.seen.add(tuple(members["status"]))

    def check_history(self, found, expected):
        length = len(found["epoch"])
        np.testing.assert_array_equal(found["epoch"], expected["epoch"][:length])
        logged = ~np.isnan(found["train_loss"])
        assert (np.diff(logged.astype(int)) <= 0).all(), "whole up to where it is"
        for name in found.keys() - {"epoch"}:
            ours, whole = found[name][logged], expected[name][:length][logged]
            np.testing.assert_array_equal(ours, whole, err_msg=name)

    def check_params(self, run):
        over = run.members.query("status == 'not memorised'").index
        for m in over:
            ours, whole = run.params_of(m), self.whole.params_of(m)
            jax.tree.map(np.testing.assert_array_equal, ours, whole)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    return grokjax.train(SWEEP, folder / "run", devices=1, progress=False)


@pytest.fixture
def written(tmp_path):
    """Return a folder in which a process trains one run after the other, saving at every round."""
    command = [sys.executable, "-c", WRITER, str(tmp_path)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    while not (tmp_path / "0" / "config.json").exists():
        assert process.poll() is None, process.communicate()[1]
    yield tmp_path
    alive = process.poll() is None
    process.kill()
    _, said = process.communicate()
    assert alive, said


def test_many_reads_while_it_is_written(written, whole, capsys):
    reader = Reader(written, whole)
    for i in range(READS):
        reader.read(params=i % 10 == 0)  # takes as long as all else: a checkpoint is opened
        if i % (READS // REPORTS) == 0:
            report.write(reader.newest())
    assert len(reader.seen) > 5, "at many stages of the run"
    assert reader.number > 1, "and from its beginning"
