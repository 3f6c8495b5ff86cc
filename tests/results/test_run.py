import json

import numpy as np
import pytest

import grokjax
from grokjax import Sweep
from grokjax.metrics.builtin import BUILTIN
from grokjax.results.history import forward_fill
from grokjax.storage import digests, files, journal
from grokjax.storage.files import SCHEMA_VERSION
from grokjax.training.inventory import take_inventory


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Return a run of two programs (moduli) of four members each, with snapshots."""
    from tests.conftest import TINY

    config = grokjax.Config(**TINY | {"snapshot_every": 4, "max_epochs": 8})
    sweep = Sweep(config, modulus=[5, 7], weight_decay=[0.0, 1.0], seed=[3, 4])
    out = tmp_path_factory.mktemp("runs") / "two"
    return grokjax.train(sweep, out, lanes=1, devices=1, progress=False)


def test_members(finished):
    table = finished.members
    assert table["status"].isin(["not memorised", "memorised"]).all()
    assert (table["epochs"] == 8).all()
    assert table["modulus"].tolist() == [5] * 4 + [7] * 4
    assert table["train_size"].tolist() == [12] * 4 + [24] * 4
    assert table["data_seed"].tolist() == [3, 4] * 4


def test_history_is_labelled(finished):
    history = finished.history
    assert history.epoch.values.tolist() == [0, 2, 4, 6, 8]
    assert history.step.values[:, -1].tolist() == [8 * 2] * 4 + [8 * 3] * 4
    assert history.sizes["frequency"] == 3
    assert history.embedding_power.dims == ("member", "eval", "frequency")
    assert history.layer_norm.dims == ("member", "eval", "layer")
    assert history.layer.values.tolist() == ["embed", "hidden", "output"]
    kernel = finished.params_of(7)["hidden"]  # of the last evaluation
    expected = np.sqrt(np.sum(kernel["kernel"] ** 2) + np.sum(kernel["bias"] ** 2))
    last = history.layer_norm.sel(layer="hidden").values[7, -1]
    np.testing.assert_allclose(last, expected, rtol=1e-6)
    power = history.embedding_power.values
    assert np.isnan(power[:4, :, 2]).all()
    assert np.isfinite(power[4:]).all()
    assert history.seed.values.tolist() == [3, 4] * 4
    assert not np.isnan(history.test_loss.values).any()


def test_history_file_is_what_the_journal_says(finished):
    import xarray as xr

    on_disk = xr.load_dataset(finished.directory / "history.nc", engine="h5netcdf")
    xr.testing.assert_equal(on_disk, finished.history)
    assert on_disk.attrs.items() >= finished.history.attrs.items()  # titles and axes


def test_grid_unstacks_the_axes(finished):
    grid = finished.grid("test_loss")
    assert grid.sizes == {"eval": 5, "modulus": 2, "weight_decay": 2, "seed": 2}
    np.testing.assert_array_equal(
        grid.sel(modulus=7, weight_decay=1.0, seed=4), finished.history.test_loss.values[7]
    )


def test_a_grid_holds_what_stopped_so_that_medians_are_over_all(tiny, tmp_path):
    sweep = grokjax.Sweep(tiny, learning_rate=[1e-2, 1e30], seed=[0, 1])
    run = grokjax.train(sweep, tmp_path / "run", progress=False)
    bare, whole = run.grid("train_accuracy", hold=False), run.grid("train_accuracy")
    assert np.isnan(bare.sel(learning_rate=1e30, seed=0).values[-1])
    ended = bare.sel(learning_rate=1e30, seed=0).dropna("eval").values[-1]
    assert whole.sel(learning_rate=1e30, seed=0).values[-1] == ended
    np.testing.assert_array_equal(whole.sel(learning_rate=1e-2), bare.sel(learning_rate=1e-2))
    everyone = np.median(forward_fill(run.history.train_accuracy.values), axis=0)
    np.testing.assert_array_equal(whole.median(("learning_rate", "seed")), everyone)


def test_snapshots_of_one_program_among_others(finished):
    with pytest.raises(ValueError, match="shapes differ between programs"):
        _ = finished.snapshots
    assert finished.select(modulus=5).snapshots.shape == (4, 3, 5, 4)


def test_parameters_by_program(finished):
    with pytest.raises(ValueError, match="shapes differ between programs"):
        _ = finished.params
    seven = finished.select(modulus=7)
    assert seven.members.index.tolist() == [4, 5, 6, 7]
    assert seven.embeddings.shape == (4, 7, 4)
    assert seven.params["hidden"]["kernel"].shape == (4, 8, 8)
    np.testing.assert_array_equal(seven.embeddings[2], finished.params_of(6)["embed"]["embedding"])


def test_apply_gives_the_logits_that_were_evaluated(finished):
    pairs = np.array([[a, b] for a in range(7) for b in range(7)])
    logits = finished.apply(finished.params_of(6), pairs)
    accuracy = np.mean(logits.argmax(axis=1) == pairs.sum(axis=1) % 7)
    last = finished.history.isel(eval=-1, member=6)
    both = (24 * last.train_accuracy + 25 * last.test_accuracy) / 49
    np.testing.assert_allclose(accuracy, both, rtol=1e-6)


def test_snapshots_end_with_the_final_embedding(finished):
    seven = finished.select(modulus=7)
    assert seven.snapshots.epoch.values.tolist() == [0, 4, 8]
    np.testing.assert_array_equal(seven.snapshots.sel(epoch=8).values, seven.embeddings)
    assert not np.array_equal(seven.snapshots.sel(epoch=0).values, seven.embeddings)


def test_config_json_says_how_it_was_made(finished):
    info = json.loads((finished.directory / "config.json").read_text())
    assert info["schema"] == SCHEMA_VERSION
    assert set(info["environment"]) >= {"versions", "platform", "devices", "git_commit"}
    assert Sweep.from_dict(info["sweep"]) == finished.sweep


def test_digests_cover_every_part_and_see_a_flipped_byte(finished, tmp_path):
    assert journal.verify(finished.directory) == []
    listed = digests.read(finished.directory)
    assert "history.nc" in listed
    path = tmp_path / "records" / "000001.npz"
    journal.append(tmp_path, "records", {n: np.arange(5, dtype="i4") for n in ("member", "epoch")})
    assert journal.verify(tmp_path) == []
    content = bytearray(path.read_bytes())
    content[40] ^= 1
    path.write_bytes(content)
    assert journal.verify(tmp_path) == ["records/000001.npz: altered since it was written"]
    path.unlink()
    assert journal.verify(tmp_path) == ["records/000001.npz: missing"]


@pytest.mark.parametrize("step", ["os.fsync", "os.replace"])
def test_a_failed_write_leaves_what_was_there(step, tmp_path, monkeypatch):
    path = tmp_path / "file"

    def write(content):
        with files.atomic_write(path) as temporary:
            temporary.write_bytes(content)

    write(b"old")
    monkeypatch.setattr(step, lambda *_: (_ for _ in ()).throw(OSError("no space left")))
    with pytest.raises(OSError, match="no space left"):
        write(b"new")
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


def test_a_second_writer_is_refused_while_the_first_lives(finished):
    from grokjax.storage import lock

    assert not lock.is_locked(finished.directory)
    with lock.Lock(finished.directory):
        assert lock.is_locked(finished.directory)
        with pytest.raises(grokjax.ConfigError, match=r"is being written by process \d+ on "):
            grokjax.resume(finished.directory, progress=False)
    assert not lock.is_locked(finished.directory)


def test_before_anything_is_saved_parameters_are_nan_and_history_empty(tmp_path, tiny):
    made = {"versions": {"jax": "0"}, "platform": "cpu", "devices": []}
    info = {"schema": SCHEMA_VERSION, "recipe": None, "environment": made}
    sweep = Sweep(tiny, seed=[1, 2])
    info |= {"sweep": sweep.to_dict(), "pieces": {}}
    info["networks"] = take_inventory(sweep, BUILTIN).to_list()
    (tmp_path / "config.json").write_text(json.dumps(info))
    run = grokjax.load(tmp_path)
    assert (run.members["status"] == "pending").all()
    assert run.embeddings.shape == (2, 7, 4)
    assert np.isnan(run.embeddings).all()
    assert run.history.sizes["member"] == 2


def test_what_holds_no_run_or_a_newer_one_is_refused(finished, tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no run"):
        grokjax.load(tmp_path)
    info = finished.info | {"schema": 99}
    (tmp_path / "config.json").write_text(json.dumps(info))
    with pytest.raises(grokjax.ConfigError, match=f"has schema 99; .* reads {SCHEMA_VERSION}"):
        grokjax.load(tmp_path)


def test_a_taken_directory_is_refused_and_left_alone(finished, tiny):
    before = sorted(p.name for p in finished.directory.rglob("*"))
    with pytest.raises(grokjax.ConfigError, match="holds a run already"):
        grokjax.train(tiny, finished.directory)
    assert sorted(p.name for p in finished.directory.rglob("*")) == before


def test_a_resume_with_other_settings_is_refused(finished):
    other = Sweep(
        finished.config.replace(learning_rate=0.5),
        modulus=[5, 7],
        weight_decay=[0.0, 1.0],
        seed=[3, 4],
    )
    with pytest.raises(
        grokjax.ConfigError, match=r"learning_rate must include 0.01, which .*, got 0.5"
    ):
        grokjax.resume(finished.directory, sweep=other)


def test_a_config_changed_by_hand_is_refused(finished, tmp_path):
    for name in ("config.json", "SHA256SUMS"):
        content = (finished.directory / name).read_text()
        (tmp_path / name).write_text(content.replace('"learning_rate": 0.01', '"learning_rate": 1'))
    with pytest.raises(grokjax.ConfigError, match=r"config.json: was changed by hand"):
        grokjax.resume(tmp_path)


def test_resuming_a_finished_run_changes_nothing(finished):
    before = finished.select(modulus=7).params
    again = grokjax.resume(finished.directory, progress=False)
    after = again.select(modulus=7).params
    np.testing.assert_array_equal(before["embed"]["embedding"], after["embed"]["embedding"])
    assert again.history.equals(finished.history)
