"""Damaged files are seen by their digests; what they held comes back, or the error says so."""

import shutil

import numpy as np
import pytest

import grokjax
from grokjax import Sweep, cli, files, inspection, journal
from grokjax.checkpoint import Checkpoints
from grokjax.config import Config
from grokjax.parts import KINDS
from tests.conftest import TINY
from tests.test_resume import assert_same, stop_after

SWEEP = Sweep(Config(**TINY | {"max_epochs": 40, "snapshot_every": 20}), seed=range(6))


def truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def delete(path):
    path.unlink()


DAMAGES = pytest.mark.parametrize("damage", [truncate, flip, delete])


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return grokjax.train(SWEEP, tmp_path_factory.mktemp("whole") / "run", progress=False)


def train_often(out):
    """Stopped in its 45th round, every one of them saved: members over, under way and waiting."""
    with pytest.MonkeyPatch.context() as patch:
        stop_after(patch, rounds=45)
        with pytest.raises(grokjax.Interrupted):
            grokjax.train(SWEEP, out, devices=2, checkpoint_every=1e-9, progress=False)
    return out


@pytest.fixture(scope="module")
def saved_often(tmp_path_factory):
    return train_often(tmp_path_factory.mktemp("often") / "run")


@pytest.fixture
def stopped(saved_often, tmp_path):
    return shutil.copytree(saved_often, tmp_path / "run")


def content(directory):
    return {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}


def newest(directory):
    return max((directory / "checkpoints").iterdir(), key=lambda path: int(path.name))


def largest(folder):
    return max((p for p in folder.rglob("*") if p.is_file()), key=lambda path: path.stat().st_size)


@DAMAGES
def test_every_file_of_a_checkpoint_is_watched(stopped, damage):
    last = int(newest(stopped).name)
    with Checkpoints(stopped, read_only=True) as checkpoints:
        before = checkpoints.restore(last - 1)
    names = [p.relative_to(stopped) for p in newest(stopped).rglob("*") if p.is_file()]
    assert len(names) > 10
    for name in names:
        kept = (stopped / name).read_bytes()
        if not kept or name.name == files.SUMS:
            continue
        damage(stopped / name)
        found = inspection.verify(grokjax.load(stopped))
        assert len(found) == 1, name
        assert f"checkpoint {last} " in found[0]
        with (
            Checkpoints(stopped, read_only=True) as checkpoints,
            pytest.warns(match=f"checkpoint {last} .*back to checkpoint {last - 1}, its furthest"),
        ):
            saved = checkpoints.restore_latest()
        assert {m: s.state["epoch"] for m, s in saved.items()} == {
            m: s.state["epoch"] for m, s in before.items()
        }
        (stopped / name).write_bytes(kept)
    assert inspection.verify(grokjax.load(stopped)) == []


@DAMAGES
def test_a_checkpoint_whose_digests_are_damaged_still_has_those_of_its_members(stopped, damage):
    last = newest(stopped)
    with Checkpoints(stopped, read_only=True) as checkpoints:
        before = checkpoints.restore(int(last.name))
        (last / files.SUMS).unlink()
        assert checkpoints.restore(int(last.name)).keys() == before.keys()
        damage(largest(last / "meta"))
        with pytest.raises(grokjax.DamagedRun, match=f"checkpoint {last.name} "):
            checkpoints.restore(int(last.name))


@pytest.mark.filterwarnings("ignore:.*is (missing|altered)")
@pytest.mark.parametrize("kind", ["checkpoints", *KINDS])
@DAMAGES
def test_a_resume_brings_back_what_was_lost(stopped, whole, kind, damage, capsys):
    folder = newest(stopped) / "state" if kind == "checkpoints" else stopped / kind
    path = largest(folder)
    damage(path)
    damaged = content(stopped)
    assert cli.main(["check", str(stopped)]) == 1
    out, err = capsys.readouterr()
    assert f"damaged:    {path.relative_to(stopped)}: " in out or "damaged:    checkpoint" in out
    assert err.endswith(": 1 damaged file(s)\n")
    assert content(stopped) == damaged, "looking changes nothing"
    with pytest.warns() as said:
        again = grokjax.resume(stopped, progress=False)
    messages = [str(each.message) for each in said]
    assert any("set aside in damaged/" in message for message in messages)
    if kind in ("checkpoints", "params", "records"):
        assert any("are trained again" in message for message in messages), "what is lost"
    assert inspection.verify(grokjax.load(stopped)) == []
    if kind == "snapshots":
        assert again.snapshots.isnull().any()
    elif kind != "rounds":
        assert_same(again, whole)
    aside = stopped / journal.ASIDE
    if kind == "checkpoints":
        assert len(list(aside.iterdir())) == 1
    elif damage is not delete:
        assert (aside / f"{kind}-{path.name}").read_bytes() == damaged[path], "nothing is deleted"


@DAMAGES
def test_a_run_is_read_without_what_is_damaged(stopped, damage):
    run = grokjax.load(stopped)
    over = run.members.query("status == 'not memorised'").index
    path = largest(stopped / "params")
    lost = journal.read(path)["member"].tolist()
    assert set(lost) < set(over)
    damage(path)
    run = grokjax.load(stopped)
    with pytest.warns(match=r"params/\d+.npz is .*; passed over: the members in it are trained"):
        members = run.members
    assert set(members.query("status == 'not memorised'").index) == set(over) - set(lost)
    with pytest.warns(match="passed over"):
        assert np.isnan(run.embeddings[lost]).all()
    assert not run.history.test_loss.sel(member=lost).isnull().all()


def test_with_no_checkpoint_left_nothing_is_changed(stopped, capsys):
    for step in (stopped / "checkpoints").iterdir():
        flip(largest(step / "state"))
    before = content(stopped)
    assert cli.main(["resume", str(stopped), "--quiet"]) == 1
    message = capsys.readouterr().err
    assert "can be read; nothing was changed; remove them to train" in message
    assert message.count("\n") == 1
    assert content(stopped) == before
    run = grokjax.load(stopped)
    with pytest.warns(match="members in training are left out here"):
        assert set(run.members.index[~np.isnan(run.embeddings).any((1, 2))]) == set(
            run.members.query("status == 'not memorised'").index
        )


@pytest.mark.parametrize("damage", [truncate, delete])
def test_without_its_settings_a_run_is_nothing(stopped, damage, capsys):
    damage(stopped / "config.json")
    before = content(stopped)
    for command in ("resume", "info", "check", "report"):
        assert cli.main([command, str(stopped)]) in (1, 2)
        message = capsys.readouterr().err
        assert "config.json" in message
        assert message.count("\n") == 1
    assert content(stopped) == before


def test_settings_that_were_altered_are_warned_of(stopped):
    path = stopped / "config.json"
    path.write_text(path.read_text().replace('"weight_decay": 1.0', '"weight_decay": 3.0'))
    with pytest.warns(match="config.json: is not what was written; its settings may be wrong"):
        assert grokjax.load(stopped).config.weight_decay == 3


@DAMAGES
def test_a_damaged_history_file_harms_nobody_here(whole, tmp_path, damage, capsys):
    out = shutil.copytree(whole.directory, tmp_path / "run")
    damage(out / "history.nc")
    assert grokjax.load(out).history.equals(whole.history)
    assert cli.main(["check", str(out)]) == 1
    assert "damaged:    history.nc: " in capsys.readouterr().out
    assert_same(grokjax.resume(out, progress=False), whole)
    assert cli.main(["check", str(out)]) == 0
