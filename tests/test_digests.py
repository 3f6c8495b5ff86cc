"""The list of digests is no single point of failure: lost or altered it is a fault like another."""

import itertools
import random
import shutil
import subprocess

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import grokjax
from grokjax import cli, files, inspection, journal
from tests.planted import SEEDS, often
from tests.test_damage import (
    SWEEP,
    content,
    delete,
    flip,
    largest,
    newest,
    train_often,
    truncate,
)
from tests.test_resume import assert_same

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


LOST = r"SHA256SUMS is (missing|altered since .*): what else is missing or altered cannot all be"


@pytest.mark.filterwarnings("ignore:.*set aside|.*are trained again")
@pytest.mark.parametrize("damage", [truncate, flip, delete, empty])
def test_a_lost_list_of_digests_hides_nothing(stopped, whole, damage, capsys):
    """With it a part each of the records and the parameters, which it alone could tell of."""
    (stopped / "records" / "000003.npz").unlink()
    largest(stopped / "params").unlink()
    damage(stopped / files.SUMS)
    damaged = content(stopped)
    assert cli.main(["check", str(stopped)]) == 1
    assert "damaged:    SHA256SUMS: " in capsys.readouterr().out
    with pytest.warns(match=LOST):
        assert len(grokjax.load(stopped).members) == len(SWEEP)
    assert content(stopped) == damaged, "looking changes nothing"
    again = grokjax.resume(stopped, progress=False)
    assert_same(again, whole)
    assert inspection.verify(again) == []
    assert {*map(str, found_parts(stopped)), files.CONFIG} < files.digests(stopped).keys()
    assert [p.name for p in (stopped / journal.ASIDE).glob("SHA256SUMS*")]


def test_sha256sum_knows_the_list(stopped):
    for folder in (stopped, newest(stopped)):
        command = ["sha256sum", "--check", "--strict", "--warn", files.SUMS]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
        assert (done.returncode, done.stderr) == (0, "")
        assert len(done.stdout.splitlines()) == len(files.digests(folder)) > 5


def test_a_list_that_is_lost_while_a_trainer_writes_stays_lost(stopped):
    """A list of the next part alone would make all others seem to be in none for good reason."""
    (stopped / files.SUMS).unlink()
    part = journal.read(stopped / "rounds" / "000001.npz")
    journal.append(stopped, "rounds", part)
    assert journal.verify(stopped) == ["SHA256SUMS: missing"]


def test_without_a_list_the_checksums_within_a_part_tell(tmp_path):
    """Of an array longer than the piece that is read with its header."""
    rows = {name: np.arange(5, dtype=np.int32) for name in ("member", "epoch")}
    journal.append(tmp_path, "snapshots", rows | {"embedding": np.ones((5, 9, 99), np.float32)})
    flip(tmp_path / "snapshots" / "000001.npz")
    (tmp_path / files.SUMS).unlink()
    broken = "snapshots/000001.npz: not to be read (embedding.npy: CRC)"
    assert journal.verify(tmp_path) == [broken, "SHA256SUMS: missing"]


def test_what_a_kill_left_unlisted_is_listed_by_a_resume(stopped):
    name = "records/000003.npz"
    files.delist(stopped, name)
    assert journal.verify(stopped) == []
    journal.tidy(stopped)
    (stopped / name).unlink()
    assert journal.verify(stopped) == [f"{name}: missing"]


def flipped(directory, names, seed):
    """One bit of one file of a run, any as likely as another."""
    chance = random.Random(seed)
    path = directory / chance.choice(sorted(names))
    content = bytearray(path.read_bytes())
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    path.write_bytes(content)
    return str(path.relative_to(directory))


def found_parts(directory):
    return [path.relative_to(directory) for path in directory.glob("*/*.npz")]


def test_a_flip_of_any_bit_of_the_list_or_a_part_is_seen(saved_often, tmp_path):
    folders = itertools.count()

    @often(60, shrink=False)
    @given(st.booleans(), SEEDS)
    def each(in_list, seed):
        out = tmp_path / str(next(folders))  # an own one, for digests are remembered by path
        shutil.copytree(saved_often, out, ignore=shutil.ignore_patterns("checkpoints"))
        name = flipped(out, [files.SUMS] if in_list else found_parts(out), seed)
        assert journal.verify(out) == [f"{name}: altered since it was written"]
        if in_list:
            with pytest.warns(match=LOST):
                assert len(grokjax.load(out).members) == len(SWEEP)
        shutil.rmtree(out)

    each()


@pytest.mark.filterwarnings("ignore:.*(set aside|are trained again|passed over|SHA256SUMS is)")
def test_a_flip_of_any_bit_costs_no_bit_of_the_result(saved_often, whole, tmp_path):
    """Also where the list of digests is lost, and only the checksums within a part can tell."""
    folders = itertools.count()

    @often(12, shrink=False)
    @given(st.sampled_from(["list", "part", "part without list"]), SEEDS)
    def each(what, seed):
        out = shutil.copytree(saved_often, tmp_path / str(next(folders)))
        trained = [p for p in found_parts(out) if p.parent.name in ("records", "params")]
        flipped(out, [files.SUMS] if what == "list" else trained, seed)
        if what == "part without list":
            (out / files.SUMS).unlink()
        assert_same(grokjax.resume(out, progress=False), whole)
        assert inspection.verify(grokjax.load(out)) == []
        shutil.rmtree(out)

    each()
