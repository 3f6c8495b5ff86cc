"""Shards of a sweep, and their merge into one run directory."""

import json
import shutil

import numpy as np
import pytest

import grokjax
from grokjax import Config, Sweep, merge
from grokjax.cli import main
from grokjax.config.shards import members_of_shard, parse_shard
from grokjax.storage import journal
from grokjax.storage.lock import Lock
from tests.conftest import TINY
from tests.results.test_selection import refusal
from tests.training.test_resume import assert_same, stop_after

CONFIG = Config(**TINY | {"snapshot_every": 2, "snapshot": "params"})
SWEEP = Sweep(CONFIG, weight_decay=[0.0, 1.0], seed=[3, 4, 5])
N = 3


def train(sweep, out, **options):
    return grokjax.train(sweep, out, lanes=1, devices=1, progress=False, **options)


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return train(SWEEP, tmp_path_factory.mktemp("whole") / "run")


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shards")
    return [train(SWEEP, folder / f"{k}", shard=f"{k}/{N}").directory for k in range(1, N + 1)]


def content(directory):
    return {
        path.relative_to(directory): path.read_bytes()
        for path in directory.rglob("*")
        if path.is_file()
    }


def test_a_shard_has_every_nth_member(shards):
    run = grokjax.load(shards[1])
    assert list(run.sweep) == [SWEEP[1], SWEEP[4]]
    assert run.info["shard"] == [2, N]
    every = [member for k in range(1, 5) for member in members_of_shard(SWEEP, (k, 4))]
    assert sorted(map(SWEEP.members.index, every)) == list(range(6))
    assert parse_shard(" 8/8") == (8, 8)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("0/8", "must be from 1/N to N/N, such as 2/8, got '0/8'; number a Slurm array from 1"),
        ("9/8", "must be from 1/N to N/N, such as 2/8, got '9/8'"),
        ("/8", "must be from 1/N"),
        ((1.0, 2), "must be from 1/N"),
        (3, "must be from 1/N"),
        ("8/9", "must be at most 6, the number of members, got '8/9'"),
    ],
)
def test_shards_that_do_not_exist_are_refused(given, message, tmp_path):
    said = refusal(train, SWEEP, tmp_path / "run", shard=given)
    assert said.startswith(f"shard {message}")
    assert not (tmp_path / "run").exists()


def test_merged_shards_are_the_run_of_the_whole_sweep(whole, shards, tmp_path):
    before = [content(directory) for directory in shards]
    merged = merge([shards[i] for i in (2, 0, 1)], tmp_path / "new" / "run")
    assert [content(directory) for directory in shards] == before
    assert merged.sweep == SWEEP
    assert merged.sweep.swept == SWEEP.swept
    assert_same(merged, whole)
    np.testing.assert_array_equal(
        merged.param_snapshots("hidden/kernel"), whole.param_snapshots("hidden/kernel")
    )
    assert merged.rounds["steps"].sum() == whole.rounds["steps"].sum()
    assert journal.verify(merged.directory) == []
    assert (merged.directory / "history.nc").exists()
    assert [path.name for path in merged.directory.parent.iterdir()] == ["run"]
    assert len(merged.info["resumed_with"]) == 2


def test_a_merged_run_is_extended(whole, shards, tmp_path):
    merged = merge(shards, tmp_path / "run")
    longer = Sweep(CONFIG.replace(max_epochs=8), weight_decay=[0.0, 1.0], seed=[3, 4, 5, 6])
    extended = grokjax.resume(merged.directory, sweep=longer, lanes=1, devices=1, progress=False)
    assert (extended.members["epochs"] == 8).all()
    shorter = extended.history.isel(member=slice(6), eval=slice(4))
    for name, values in whole.history.items():
        np.testing.assert_array_equal(shorter[name], values, err_msg=str(name))
    steps = extended.rounds["steps"].sum()  # 3 steps an epoch: nothing is trained again
    assert steps == 3 * 8 * 8


def test_members_that_have_not_ended_go_on_from_their_checkpoint(
    whole, shards, tmp_path, monkeypatch
):
    stop_after(monkeypatch, rounds=2)
    with pytest.raises(grokjax.Interrupted):
        train(SWEEP, tmp_path / "stopped", shard=(2, N))
    monkeypatch.undo()
    merged = merge([shards[0], tmp_path / "stopped", shards[2]], tmp_path / "run")
    statuses = merged.members["status"].tolist()
    assert statuses[1] == "running"
    assert statuses[4] == "pending"
    assert not (merged.directory / "history.nc").exists()
    resumed = grokjax.resume(merged.directory, lanes=1, devices=1, progress=False)
    assert_same(resumed, whole)
    assert resumed.rounds["steps"].sum() == whole.rounds["steps"].sum()


@pytest.fixture
def refused(tmp_path):
    """Merge runs that cannot be merged, and return what is said; nothing is written."""

    def merge_them(*directories):
        said = refusal(merge, directories, tmp_path / "out" / "run")
        assert not (tmp_path / "out").exists()
        return said

    return merge_them


def changed(directory, tmp_path, change):
    """A copy of a run whose config.json says something else."""
    copy = shutil.copytree(directory, tmp_path / "changed")
    info = json.loads((copy / "config.json").read_text())
    change(info)
    (copy / "config.json").write_text(json.dumps(info))
    (copy / "SHA256SUMS").unlink()
    from grokjax.storage import digests

    digests.list_all(copy)
    return copy


def test_what_cannot_be_merged_is_refused(shards, refused, tmp_path):
    a, b, _ = shards
    assert refused(a).startswith("directories must be at least two, got")
    again = f"member 0 of {a} and member 0 of {a} are equal (weight_decay 0.0, seed 3); merge each"
    assert again in refused(a, b, a)

    def longer(info):
        info["sweep"]["config"]["training"]["max_epochs"] = 8

    copy = changed(b, tmp_path, longer)
    said = refused(a, copy)
    assert said.startswith(f"max_epochs must be the same in all runs, got 6 in {a} and 8 in {copy}")
    assert f"resume {a} --max-epochs 8" in said
    shutil.rmtree(copy)

    def activated(info):
        info["sweep"]["config"]["model"]["activation"] = "gelu"
        info["networks"][0]["settings"]["activation"] = "gelu"

    copy = changed(b, tmp_path, activated)
    assert refused(a, copy).endswith("use grokjax.concat to read such runs together")
    shutil.rmtree(copy)

    def without(info):
        del info["networks"][0]["metrics"]["weight_norm"]

    copy = changed(b, tmp_path, without)
    assert f"metrics must be the same in all runs, but {a} records weight_norm" in refused(a, copy)
    part = next((copy / "records").glob("0*.npz"))
    part.write_bytes(part.read_bytes()[:-9])
    assert "is damaged (records/" in refused(a, copy)
    with Lock(copy):
        assert refused(a, copy) == f"{copy}: is being trained; merge it when that has ended"


def test_the_command_line_trains_a_shard_and_merges(shards, tmp_path, capsys):
    first, *others = map(str, shards)
    words = [first, "--out", str(tmp_path / "run"), *others]
    assert main.main(["merge", *words]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0] == f"merged 3 runs into {tmp_path / 'run'}"
    assert said[1] == "6 members: 6 not memorised"
    assert main.main(["merge", *words]) == 2
    assert "holds a run already" in capsys.readouterr().err
    assert main.main(["train", "--shard", "3/2", "--out", str(tmp_path / "shard")]) == 2
    assert "shard must be from 1/N to N/N" in capsys.readouterr().err


def test_weights_that_members_start_from_are_merged(whole, tmp_path):
    params = whole.of([0, 1]).params
    runs = []
    for i in range(2):
        own = {n: {k: x[[i]] for k, x in layer.items()} for n, layer in params.items()}
        runs.append(train(Sweep(CONFIG, seed=[i]), tmp_path / f"{i}", init=own))
    merged = merge([run.directory for run in runs], tmp_path / "run")
    assert merged.info["initial_weights"]["per_member"]
    longer = Sweep(CONFIG.replace(max_epochs=8), seed=[0, 1])
    assert (
        grokjax.resume(merged.directory, sweep=longer, progress=False).members["epochs"] == 8
    ).all()
    said = refusal(merge, [whole.directory, tmp_path / "0"], tmp_path / "other")
    assert "start from other weights" in said
