"""A lost or altered list of digests is reported like any damaged file, and costs no result."""

import itertools
import random
import shutil
import subprocess

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import grokjax
from grokjax.cli import info, main
from grokjax.storage import digests, files, journal
from tests.planted import SEEDS, often
from tests.storage.test_damage import (
    SWEEP,
    content,
    delete,
    flip,
    largest,
    newest,
    train_often,
    truncate,
)
from tests.training.test_resume import assert_same

pytestmark = pytest.mark.fault


def empty(path):
    path.write_bytes(b"")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return grokjax.train(SWEEP, tmp_path_factory.mktemp("whole") / "run", progress=False)


@pytest.fixture(scope="module")
def saved_often(tmp_path_factory):
    return train_often(tmp_path_factory.mktemp("often") / "run")


@pytest.fixture
def stopped(saved_often, tmp_path):
    return shutil.copytree(saved_often, tmp_path / "run")


LOST = r"SHA256SUMS is (missing|altered since .*): other missing or altered files may go"


@pytest.mark.filterwarnings("ignore:.*set aside|.*are trained again")
@pytest.mark.parametrize("damage", [truncate, flip, delete, empty])
def test_a_lost_list_of_digests_hides_nothing(stopped, whole, damage, capsys):
    """A part of the records and one of the parameters are lost too; only the list named them."""
    (stopped / "records" / "000003.npz").unlink()
    largest(stopped / "params").unlink()
    damage(stopped / digests.NAME)
    damaged = content(stopped)
    assert main.main(["check", str(stopped)]) == 1
    assert "damaged:    SHA256SUMS: " in capsys.readouterr().out
    with pytest.warns(match=LOST):
        assert len(grokjax.load(stopped).members) == len(SWEEP)
    assert content(stopped) == damaged, "reading changes nothing"
    again = grokjax.resume(stopped, progress=False)
    assert_same(again, whole)
    assert info.verify(again) == []
    assert {*map(str, found_parts(stopped)), files.CONFIG} < digests.read(stopped).keys()
    assert [p.name for p in (stopped / journal.DAMAGED).glob("SHA256SUMS*")]


def test_sha256sum_can_check_the_list(stopped):
    for folder in (stopped, newest(stopped)):
        command = ["sha256sum", "--check", "--strict", "--warn", digests.NAME]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
        assert len(done.stdout.splitlines()) == len(digests.read(folder)) > 5


def test_a_list_that_is_lost_during_training_is_not_replaced(stopped):
    """A new list of only the next part would hide that the others were listed."""
    (stopped / digests.NAME).unlink()
    part = journal.read_part(stopped / "rounds" / "000001.npz")
    journal.append(stopped, "rounds", part)
    assert journal.verify(stopped) == ["SHA256SUMS: missing"]


def test_an_unlisted_part_is_checked_by_its_crc(tmp_path):
    """The array is longer than the block that is read with its header."""
    rows = {name: np.arange(5, dtype=np.int32) for name in ("member", "epoch")}
    journal.append(tmp_path, "snapshots", rows | {"embedding": np.ones((5, 9, 99), np.float32)})
    flip(tmp_path / "snapshots" / "000001.npz")
    (tmp_path / digests.NAME).unlink()
    broken = "snapshots/000001.npz: unreadable (embedding.npy: CRC)"
    assert journal.verify(tmp_path) == [broken, "SHA256SUMS: missing"]


def test_a_resume_lists_what_a_kill_left_unlisted(stopped):
    name = "records/000003.npz"
    digests.delist(stopped, name)
    assert journal.verify(stopped) == []
    journal.tidy(stopped)
    (stopped / name).unlink()
    assert journal.verify(stopped) == [f"{name}: missing"]


def flip_random_bit(directory, names, seed):
    """Flip a random bit of one of the files, and return the file's name."""
    rng = random.Random(seed)
    path = directory / rng.choice(sorted(names))
    content = bytearray(path.read_bytes())
    content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    path.write_bytes(content)
    return str(path.relative_to(directory))


def found_parts(directory):
    return [path.relative_to(directory) for path in directory.glob("*/*.npz")]


def test_a_flipped_bit_of_the_list_or_a_part_is_found(saved_often, tmp_path):
    folders = itertools.count()

    @often(60, shrink=False)
    @given(st.booleans(), SEEDS)
    def each(in_list, seed):
        out = tmp_path / str(next(folders))  # a new one each time, for digests are cached by path
        shutil.copytree(saved_often, out, ignore=shutil.ignore_patterns("checkpoints"))
        name = flip_random_bit(out, [digests.NAME] if in_list else found_parts(out), seed)
        assert journal.verify(out) == [f"{name}: altered since it was written"]
        if in_list:
            with pytest.warns(match=LOST):
                assert len(grokjax.load(out).members) == len(SWEEP)
        shutil.rmtree(out)

    each()


@pytest.mark.filterwarnings("ignore:.*(set aside|are trained again|skipped|SHA256SUMS is)")
def test_a_flipped_bit_changes_no_result(saved_often, whole, tmp_path):
    """Without the list of digests, only the CRCs within a part reveal the flip."""
    folders = itertools.count()

    @often(12, shrink=False)
    @given(st.sampled_from(["list", "part", "part without list"]), SEEDS)
    def each(what, seed):
        out = shutil.copytree(saved_often, tmp_path / str(next(folders)))
        trained = [p for p in found_parts(out) if p.parent.name in ("records", "params")]
        flip_random_bit(out, [digests.NAME] if what == "list" else trained, seed)
        if what == "part without list":
            (out / digests.NAME).unlink()
        assert_same(grokjax.resume(out, progress=False), whole)
        assert info.verify(grokjax.load(out)) == []
        shutil.rmtree(out)

    each()
