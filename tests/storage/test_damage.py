"""Digests reveal damaged files; a resume trains what was lost again, or the error says so."""

import shutil

import numpy as np
import pytest

import grokjax
from grokjax import Sweep
from grokjax.cli import info, main
from grokjax.config.config import Config
from grokjax.storage import digests, journal
from grokjax.storage.checkpoint import Checkpoints
from grokjax.storage.journal_parts import KINDS
from tests.conftest import TINY
from tests.training.test_resume import assert_same, stop_after

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
    """Train 45 rounds, saving after each; members are then finished, in training or pending."""
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
def test_damage_to_any_file_of_a_checkpoint_is_found(stopped, damage):
    last = int(newest(stopped).name)
    with Checkpoints(stopped, read_only=True) as checkpoints:
        before = checkpoints.restore(last - 1)
    names = [p.relative_to(stopped) for p in newest(stopped).rglob("*") if p.is_file()]
    assert len(names) > 10
    for name in names:
        kept = (stopped / name).read_bytes()
        if not kept or name.name == digests.NAME:
            continue
        damage(stopped / name)
        found = info.verify(grokjax.load(stopped))
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
    assert info.verify(grokjax.load(stopped)) == []


@DAMAGES
def test_a_checkpoint_without_its_list_of_digests_has_those_of_its_members(stopped, damage):
    last = newest(stopped)
    with Checkpoints(stopped, read_only=True) as checkpoints:
        before = checkpoints.restore(int(last.name))
        (last / digests.NAME).unlink()
        assert checkpoints.restore(int(last.name)).keys() == before.keys()
        damage(largest(last / "meta"))
        with pytest.raises(grokjax.DamagedRun, match=f"checkpoint {last.name} "):
            checkpoints.restore(int(last.name))


@pytest.mark.filterwarnings("ignore:.*is (missing|altered)")
@pytest.mark.parametrize("kind", ["checkpoints", *KINDS])
@DAMAGES
def test_a_resume_restores_what_was_lost(stopped, whole, kind, damage, capsys):
    folder = newest(stopped) / "state" if kind == "checkpoints" else stopped / kind
    path = largest(folder)
    damage(path)
    damaged = content(stopped)
    assert main.main(["check", str(stopped)]) == 1
    out, err = capsys.readouterr()
    assert f"damaged:    {path.relative_to(stopped)}: " in out or "damaged:    checkpoint" in out
    assert err.endswith(": 1 damaged file(s)\n")
    assert content(stopped) == damaged, "reading changes nothing"
    with pytest.warns() as caught:
        again = grokjax.resume(stopped, progress=False)
    messages = [str(each.message) for each in caught]
    assert any("set aside in damaged/" in message for message in messages)
    if kind in ("checkpoints", "params", "records"):
        assert any("are trained again" in message for message in messages), "the loss is reported"
    assert info.verify(grokjax.load(stopped)) == []
    if kind == "snapshots":
        assert again.snapshots.isnull().any()
    elif kind != "rounds":
        assert_same(again, whole)
    aside = stopped / journal.DAMAGED
    if kind == "checkpoints":
        assert len(list(aside.iterdir())) == 1
    elif damage is not delete:
        assert (aside / f"{kind}-{path.name}").read_bytes() == damaged[path], "it is kept"


@DAMAGES
def test_damaged_parts_are_skipped(stopped, damage):
    run = grokjax.load(stopped)
    finished = run.members.query("status == 'not memorised'").index
    path = largest(stopped / "params")
    lost = journal.read_part(path)["member"].tolist()
    assert set(lost) < set(finished)
    damage(path)
    run = grokjax.load(stopped)
    with pytest.warns(match=r"params/\d+.npz is .*; skipped: the members in it are trained"):
        members = run.members
    assert set(members.query("status == 'not memorised'").index) == set(finished) - set(lost)
    with pytest.warns(match="skipped"):
        assert np.isnan(run.embeddings[lost]).all()
    assert not run.history.test_loss.sel(member=lost).isnull().all()


def test_a_resume_without_an_intact_checkpoint_changes_nothing(stopped, capsys):
    for step in (stopped / "checkpoints").iterdir():
        flip(largest(step / "state"))
    before = content(stopped)
    assert main.main(["resume", str(stopped), "--quiet"]) == 1
    message = capsys.readouterr().err
    assert "can be read; nothing was changed; remove them to train" in message
    assert message.count("\n") == 1
    assert content(stopped) == before
    run = grokjax.load(stopped)
    with pytest.warns(match="members in training are left out"):
        assert set(run.members.index[~np.isnan(run.embeddings).any((1, 2))]) == set(
            run.members.query("status == 'not memorised'").index
        )


@pytest.mark.parametrize("damage", [truncate, delete])
def test_a_run_without_config_json_is_refused(stopped, damage, capsys):
    damage(stopped / "config.json")
    before = content(stopped)
    for command in ("resume", "info", "check", "report"):
        assert main.main([command, str(stopped)]) in (1, 2)
        message = capsys.readouterr().err
        assert "config.json" in message
        assert message.count("\n") == 1
    assert content(stopped) == before


def test_altered_settings_give_a_warning(stopped):
    path = stopped / "config.json"
    path.write_text(path.read_text().replace('"weight_decay": 1.0', '"weight_decay": 3.0'))
    match = "config.json: was changed after it was written; its settings may be wrong"
    with pytest.warns(match=match):
        assert grokjax.load(stopped).config.weight_decay == 3


@DAMAGES
def test_a_damaged_history_nc_is_ignored_and_written_again(whole, tmp_path, damage, capsys):
    out = shutil.copytree(whole.directory, tmp_path / "run")
    damage(out / "history.nc")
    assert grokjax.load(out).history.equals(whole.history)
    assert main.main(["check", str(out)]) == 1
    assert "damaged:    history.nc: " in capsys.readouterr().out
    assert_same(grokjax.resume(out, progress=False), whole)
    assert main.main(["check", str(out)]) == 0
