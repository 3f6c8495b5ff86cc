"""Records that are visible while members train, and what writing them costs."""

import errno
import os

import numpy as np
import pytest

import grokjax
from grokjax import Config, Sweep
from grokjax.cli import info
from grokjax.storage import files, journal, lock
from grokjax.training import record_buffer
from grokjax.training.progress import Progress
from tests.conftest import TINY
from tests.report.pages import StopAfter
from tests.training.test_resume import assert_same

SWEEP = Sweep(Config(**TINY | {"max_epochs": 40}), seed=range(3))
SETTINGS = {"lanes": 1, "devices": 1, "checkpoint_every": 1e9}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    out = tmp_path_factory.mktemp("whole") / "run"
    return grokjax.train(SWEEP, out, progress=False, **SETTINGS)


@pytest.fixture
def write_every_round(monkeypatch):
    """Write live records after every round."""
    monkeypatch.setattr(record_buffer, "LIVE_EVERY", 0.0)
    monkeypatch.setattr(record_buffer, "LIVE_SHARE", 1e9)


class Reader(Progress):
    """Progress that reads the run after every round, as another process would."""

    def __init__(self, directory):
        super().__init__(False)
        self._directory = directory
        self.seen, self.files = [], []

    def update(self, counts, last=False):
        super().update(counts, last)
        run = grokjax.load(self._directory)
        self.seen.append(
            (counts.epochs, int(run.history.test_loss.count()), run.members["epochs"].sum())
        )
        self.files.append(len(list((self._directory / "records").iterdir())))


def test_history_advances_while_members_train(tmp_path, whole, write_every_round):
    reader = Reader(tmp_path / "run")
    run = grokjax.train(SWEEP, tmp_path / "run", progress=reader, **SETTINGS)
    for epochs, values, written in reader.seen:
        begun = min(3, 1 + epochs // 40)  # each member is evaluated once before training
        assert (values, written) == (epochs // 2 + begun, epochs)
    assert max(reader.files) == 2, "the number of files does not grow"
    assert not (run.directory / journal.LIVE).exists()
    assert_same(run, whole)


@pytest.fixture
def killed(tmp_path, write_every_round):
    """Return a run that was stopped without saving, so that its last records are live."""
    with pytest.raises(KeyboardInterrupt):
        grokjax.train(SWEEP, tmp_path / "run", progress=StopAfter(25), **SETTINGS)
    assert (tmp_path / "run" / journal.LIVE).exists()
    return tmp_path / "run"


def test_live_records_survive_a_kill_and_a_resume_gives_the_same_bits(killed, whole):
    seen, complete = grokjax.load(killed).history, whole.history
    assert int(seen.test_loss.count()) == 26
    for name, values in seen.data_vars.items():
        there = complete[name].isel(eval=slice(values.sizes["eval"]))
        np.testing.assert_array_equal(values, there.where(seen.test_loss.notnull()), err_msg=name)
    assert info.verify(grokjax.load(killed)) == []
    assert_same(grokjax.resume(killed, progress=False), whole)
    assert not (killed / journal.LIVE).exists()


@pytest.mark.parametrize("damage", ["cut", "flipped", "empty"])
def test_damaged_live_records_are_skipped(killed, whole, damage):
    path = killed / journal.LIVE
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes({"cut": content[:-9], "flipped": content, "empty": b""}[damage])
    with pytest.warns(match=r"records/live.npz is unreadable .*; skipped: members that"):
        assert grokjax.load(killed).history.sizes["eval"] == 1
    (problem,) = info.verify(grokjax.load(killed))
    assert problem.startswith("records/live.npz: unreadable")
    if damage == "cut":
        assert_same(grokjax.resume(killed, progress=False), whole)


def test_live_records_that_become_a_part_during_reading_are_not_missed(killed, monkeypatch):
    """A reader that reads the numbered parts first would miss them."""
    expected = grokjax.load(killed).history
    intact = journal.intact_parts

    def flushed_first(directory, kind):
        for part in journal.read_live(directory):
            journal.append(directory, "records", part)
        return intact(directory, kind)

    monkeypatch.setattr(journal, "intact_parts", flushed_first)
    run = grokjax.load(killed)
    assert run.history.equals(expected)
    assert run.members["epochs"].tolist() == [40, 8, 0]


def test_live_records_that_are_replaced_during_reading(killed, monkeypatch):
    fault, looks = journal.journal_parts.problem, []

    def replaced(directory, name, digest):
        looks.append(name)
        if len(looks) > 1:
            return fault(directory, name, digest)
        os.utime(killed / journal.LIVE, ns=(0, 0))
        return "unreadable (half written)"

    monkeypatch.setattr(journal.journal_parts, "problem", replaced)
    assert len(journal.read_live(killed)[0]["member"]) == 25
    assert len(looks) == 2


@pytest.mark.parametrize(("takes", "least", "most"), [(0.001, 450, 500), (1.0, 4, 5)])
def test_live_records_are_written_often_and_cheaply(tmp_path, monkeypatch, takes, least, most):
    """They are written every 2 s, or less often where writing would take more than 1/200 of it."""
    clock, written = [0.0], []

    def publish(directory, records):
        clock[0] += takes
        written.append(len(records["member"]))

    monkeypatch.setattr(record_buffer.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(journal, "write_live", publish)
    monkeypatch.setattr(lock, "check_owned", lambda _: None)
    kept = record_buffer.RecordBuffer(tmp_path)
    for epoch in range(10_000):
        clock[0] += 0.1
        kept.record([0], [epoch], {"train_loss": np.zeros(1, np.float32)})
        kept.publish()
    assert least <= len(written) <= most
    assert written == sorted(set(written)), "each has all waiting rows"


def test_many_records_are_written_before_a_checkpoint_is_due(tmp_path):
    kept = record_buffer.RecordBuffer(tmp_path)
    for _ in range(4):
        assert not kept.full
        kept.record([0], [0], {"embedding_power": np.zeros((1, 2**18), np.float32)})
    assert kept.full


def test_live_records_are_written_only_with_the_lock(tmp_path, write_every_round):
    (tmp_path / "run").mkdir()
    kept = record_buffer.RecordBuffer(tmp_path / "run")
    kept.record([0], [0], {"train_loss": np.zeros(1, np.float32)})
    kept.publish()
    assert list((tmp_path / "run").iterdir()) == [], "this process has no lock"
    with lock.Lock(tmp_path / "run"):
        kept.publish()
        assert (tmp_path / "run" / journal.LIVE).exists()


def test_a_failure_to_write_live_records_ends_nothing(
    tmp_path, whole, write_every_round, monkeypatch
):
    def full(path, synced=True):
        if not synced:
            raise OSError(errno.ENOSPC, "No space left on device")
        return atomic_write(path, synced)

    atomic_write = files.atomic_write
    monkeypatch.setattr(files, "atomic_write", full)
    run = grokjax.train(SWEEP, tmp_path / "run", progress=False, **SETTINGS)
    assert_same(run, whole)
