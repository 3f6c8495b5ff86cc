"""Histories as tables, and runs as trees of arrays: in memory, as files, on the command line."""

import shutil
import sys

import numpy as np
import pandas as pd
import pytest
import xarray as xr

import grokjax
from grokjax import Config, interop
from grokjax.cli import main
from tests.conftest import TINY
from tests.results.test_selection import refusal


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Two networks, one of which has no biases, with snapshots."""
    config = Config(**TINY | {"snapshot_every": 2, "max_epochs": 4})
    sweep = grokjax.Sweep(config, hidden_dim=[8, 6], data_seed=[None, 1])
    return grokjax.train(sweep, tmp_path_factory.mktemp("run") / "run", progress=False)


def test_a_row_of_the_table_is_an_evaluation(run):
    table = run.to_pandas()
    assert table.columns[:6].tolist() == [
        "member", "epoch", "step", "hidden_dim", "data_seed", "status"
    ]  # fmt: skip
    assert table["epoch"].tolist() == [0, 2, 4] * 4
    assert table["hidden_dim"].tolist() == [8] * 6 + [6] * 6
    assert table["data_seed"].tolist() == [-1] * 3 + [1] * 3 + [-1] * 3 + [1] * 3
    np.testing.assert_array_equal(table["test_loss"], run.history.test_loss.values.ravel())
    hidden = run.history.layer_norm.sel(layer="hidden").values.ravel()
    np.testing.assert_array_equal(table["layer_norm_hidden"], hidden)
    run.history.test_loss[1, 2] = run.history.weight_norm[1, 2] = np.nan  # not evaluated then
    few = run.to_pandas(["weight_norm", "test_loss"])
    assert few.columns[-2:].tolist() == ["weight_norm", "test_loss"]
    assert len(few) == len(run.to_pandas()) - 1
    del run.history
    assert refusal(run.to_pandas, ["loss"]).startswith("variables must be variables of run.history")


def test_the_tree_has_members_history_parameters_and_snapshots(run):
    tree = run.to_datatree()
    assert tree.attrs["task"] == "a + b mod 7"
    assert tree["history"].to_dataset().identical(run.history)
    assert tree["members"]["hidden_dim"].values.tolist() == [8, 8, 6, 6]
    assert tree["params_1"]["member"].values.tolist() == [2, 3]
    kernel = tree["params_1/hidden/kernel"]
    assert kernel.dims == ("member", "hidden_kernel_0", "hidden_kernel_1")
    np.testing.assert_array_equal(kernel, run.of([2, 3]).params["hidden"]["kernel"])
    np.testing.assert_array_equal(tree["snapshots/embedding"], run.snapshots)
    one = run.of([0]).to_datatree()
    assert one["params/output/bias"].shape == (1, 7)


def test_files_are_read_back(run, tmp_path, capsys):
    paths = {name: tmp_path / "new" / name for name in ("h.parquet", "h.csv", "run.zarr")}
    words = ["export", str(run.directory), "--history"]
    assert main.main([*words, str(paths["h.parquet"]), "--to", str(paths["run.zarr"])]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith(f"history: {paths['h.parquet']} (")
    assert said[1].startswith(f"run: {paths['run.zarr']} (")
    pd.testing.assert_frame_equal(pd.read_parquet(paths["h.parquet"]), run.to_pandas())
    with xr.open_datatree(paths["run.zarr"], engine="zarr") as tree:
        assert tree.identical(run.to_datatree())
    assert main.main([*words, str(paths["h.csv"]), "--member", "3"]) == 0
    found = pd.read_csv(paths["h.csv"])
    expected = run.of([3]).to_pandas()
    np.testing.assert_allclose(found["test_loss"], expected["test_loss"], rtol=1e-6)
    assert set(found["member"]) == {3}
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == sorted(paths)


def test_a_zarr_folder_is_replaced_only_if_asked_and_if_it_is_one(run, tmp_path, capsys):
    path = tmp_path / "run.zarr"
    interop.write_zarr(run, path)
    (path / "kept").touch()
    words = ["export", str(run.directory), "--to", str(path)]
    assert main.main(words) == 2
    assert capsys.readouterr().err.endswith("exists; name another, or give --overwrite\n")
    assert (path / "kept").exists()
    assert main.main([*words, "--overwrite"]) == 0
    assert not (path / "kept").exists()
    shutil.rmtree(path)
    path.mkdir()
    (path / "precious").touch()
    assert main.main([*words, "--overwrite"]) == 2
    assert "is something else than Zarr" in capsys.readouterr().err
    assert (path / "precious").exists()


def test_nothing_is_left_where_writing_fails(run, tmp_path, monkeypatch):
    def fail(self, path, **_):
        path.mkdir() if path.suffix == ".zarr" or "zarr" in path.name else path.touch()
        raise RuntimeError("no such codec")

    monkeypatch.setattr(xr.DataTree, "to_zarr", fail)
    said = refusal(interop.write_zarr, run, tmp_path / "run.zarr")
    assert said.endswith("run.zarr cannot be written (RuntimeError: no such codec)")
    monkeypatch.setattr(pd.DataFrame, "to_csv", fail)
    with pytest.raises(RuntimeError):
        interop.write_history(run, tmp_path / "h.csv")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["h.parquet", "run.zarr"])
def test_a_missing_library_is_named_with_its_extra(run, name, tmp_path, monkeypatch):
    for library in ("pyarrow", "zarr"):
        monkeypatch.setitem(sys.modules, library, None)
    write = interop.write_zarr if name == "run.zarr" else interop.write_history
    assert "install grokjax's extra export" in refusal(write, run, tmp_path / name)
    assert list(tmp_path.iterdir()) == []
