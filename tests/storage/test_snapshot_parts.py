"""Parts of the journal with snapshots: single rows of them, and what may not be in them."""

import numpy as np
import pytest

import grokjax
from grokjax import Config, Sweep
from grokjax.errors import DamagedRun
from grokjax.storage import journal, journal_parts
from tests.conftest import TINY

ROWS = {"member": np.arange(5, dtype=np.int32), "epoch": np.zeros(5, np.int32)}
ARRAYS = {
    "params/hidden/kernel": np.random.default_rng(0).normal(size=(5, 7, 3)).astype(np.float32),
    "params/hidden/bias": np.arange(5, dtype=np.float32)[:, None],
    "params/scale": np.arange(5, dtype=np.float32),
    "embedding": np.arange(60, dtype=np.uint16).reshape(5, 3, 4),
}


@pytest.fixture
def part(tmp_path):
    journal.append(tmp_path, "snapshots", ROWS | ARRAYS)
    return tmp_path / "snapshots" / "000001.npz"


@pytest.mark.parametrize("name", ARRAYS)
@pytest.mark.parametrize("rows", [[0], [4, 1, 1], []])
def test_single_rows(part, name, rows):
    found = journal_parts.read_rows(part, name, rows)
    assert found.dtype == ARRAYS[name].dtype
    np.testing.assert_array_equal(found, ARRAYS[name][rows])


def test_other_rows_are_not_read(part, monkeypatch):
    monkeypatch.setattr(journal_parts, "read_part", None)
    journal_parts.read_rows(part, "params/scale", [3])


def test_rows_of_an_array_that_is_stored_by_column(tmp_path):
    values = np.asfortranarray(ARRAYS["params/hidden/kernel"])
    journal.append(tmp_path, "snapshots", ROWS | {"x": values})
    found = journal_parts.read_rows(tmp_path / "snapshots" / "000001.npz", "x", [4, 2])
    np.testing.assert_array_equal(found, values[[4, 2]])


def test_rows_that_cannot_be_read(part):
    with pytest.raises(DamagedRun, match="params/other cannot be read"):
        journal_parts.read_rows(part, "params/other", [0])
    with pytest.raises(DamagedRun, match="embedding cannot be read"):
        journal_parts.read_rows(part, "embedding", [5_000])
    part.write_bytes(part.read_bytes()[:-40])
    with pytest.raises(DamagedRun, match="embedding cannot be read"):
        journal_parts.read_rows(part, "embedding", [0])


@pytest.mark.parametrize(
    ("arrays", "problem"),
    [
        ({}, "embedding or parameters: missing"),
        ({"params/x": np.zeros((5, 2), np.float16)}, "params/x: float16"),
        ({"params/x": np.zeros((5, 2), np.int32)}, "params/x: int32"),
        ({"params/x": np.zeros((4, 2), np.uint16)}, "arrays of unequal lengths"),
    ],
)
def test_invalid_parts(tmp_path, arrays, problem):
    journal.append(tmp_path, "snapshots", ROWS | arrays)
    assert problem in "".join(journal.verify(tmp_path))


def test_uint16_is_of_snapshots_only(tmp_path):
    rows = {"member": np.zeros(1, np.int32), "epochs": np.zeros(1, np.int32)}
    journal.append(tmp_path, "optimizer", rows | {"x": np.zeros(1, np.uint16)})
    assert "x: uint16" in "".join(journal.verify(tmp_path))


def test_parts_of_another_network_or_kind_are_refused(tmp_path):
    kept = {"snapshot": "params", "snapshot_every": 2}
    run = grokjax.train(Sweep(Config(**TINY | kept)), tmp_path / "run", progress=False)
    who = {"member": np.zeros(1, np.int32), "epoch": np.full(1, 4, np.int32)}
    journal.append(run.directory, "snapshots", who | {"params/output/bias": np.zeros((1, 9), "f4")})
    run = grokjax.load(run.directory)
    with pytest.raises(DamagedRun, match="holds the snapshots of another network"):
        run.param_snapshots("output/bias")
    with pytest.raises(DamagedRun, match="params/embed/embedding cannot be read"):
        _ = run.snapshots
    assert run.at(2).params["output"]["bias"].shape == (1, 7)
