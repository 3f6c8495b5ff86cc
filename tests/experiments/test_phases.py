"""The experiments on phases run to the end at a small size, and print what they found."""

import re

import numpy as np
import pandas as pd
import pytest

import grokjax
from grokjax.recipes import liu
from tests.experiments.test_experiments import run


@pytest.mark.slow
def test_effective_theory(tmp_path):
    out = tmp_path / "run"
    flags = ("--train-size", 20, 45, "--seeds", 2, "--max-epochs", 100, "--trials", 500)
    done = run("effective_theory.py", "--out", out, *flags, "--quiet")
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    assert "23 train pairs: a line is forced with probability 0.5" in done.stdout
    assert "half of the train sets force a line at a train fraction of 0.4" in done.stdout
    assert re.search(r"45 train pairs: 0\.\d+, predicted 0\.\d+, ideal 1\.000", done.stdout)
    assert "20 train pairs: RQI > .95 at inf (median)" in done.stdout
    assert (out / "figures" / "effective_theory.png").stat().st_size > 10_000
    assert len(grokjax.load(out)) == 4


@pytest.mark.slow
@pytest.mark.parametrize(("grid", "rows"), [("rates", 10), ("decay", 11)])
def test_phase_diagrams_of_the_published_cells(grid, rows, tmp_path):
    out = tmp_path / "run" / grid
    small = "--seeds 2 --max-epochs 20 --eval-every 10 --hidden-dim 4 --quiet"
    done = run("phase_diagram.py", "--out", out.parent, "--grid", grid, *small.split())
    assert done.returncode == 0, done.stderr
    counts = {"rates": (20, 4, 64, 12), "decay": (12, 18, 49, 31)}[grid]
    names = ("comprehension", "grokking", "memorization", "confusion")
    listed = ", ".join(f"{n} {c}" for n, c in zip(names, counts, strict=True))
    assert f"published cells: {listed}" in done.stdout
    assert "a seed of ours has the published phase in " in done.stdout
    assert f"censored: {2 * 10 * rows} members did not grok within 20 steps" in done.stdout
    loaded = grokjax.load(out)
    assert len(loaded) == 2 * 10 * rows
    assert len(loaded.sweep.programs()) == 1
    assert (out / "figures" / f"phases_{grid}.png").stat().st_size > 10_000


def test_cells_of_ones_own(tmp_path):
    small = "--points 2 3 --seeds 1 --max-epochs 20 --eval-every 10 --hidden-dim 4 --quiet"
    done = run("phase_diagram.py", "--out", tmp_path / "run", *small.split())
    assert done.returncode == 0, done.stderr
    assert "published" not in done.stdout
    table = pd.read_csv(tmp_path / "run" / "rates" / "phases_rates.csv")
    assert len(table) == 2 * 3 * 4
    assert table.share.sum() == pytest.approx(6)
    assert ((table.low <= table.share) & (table.share <= table.high) & (table.seeds == 1)).all()
    history = grokjax.load(tmp_path / "run" / "rates").history
    np.testing.assert_allclose(np.unique(history.embedding_learning_rate), [1e-5, 1e-2])
    again = run("phase_diagram.py", "--out", tmp_path / "other", "--points", 1, 3)
    assert (again.returncode, again.stderr.count("\n")) == (2, 1)
    assert "points must be at least 2 each, got (1, 3)" in again.stderr


@pytest.mark.parametrize(
    ("table", "counts"), [(liu.FIGURE_5A, "20 4 64 12"), (liu.FIGURE_5B, "12 18 49 31")]
)
def test_published_tables_have_the_published_counts(table, counts):
    assert [sum(row.count(letter) for row in table) for letter in "CGMX"] == list(
        map(int, counts.split())
    )
    assert {len(row) for row in table} == {10}


@pytest.mark.slow
def test_omnigrok(tmp_path):
    out = tmp_path / "run"
    flags = ("--seeds", 2, "--max-epochs", 500, "--landscape-epochs", 100, "--points", 3)
    done = run("omnigrok.py", "--out", out, *flags, "--train-sizes", 100, "--quiet")
    assert done.returncode == 0, done.stderr
    assert "initial scale 8.0: grokked: quartiles not reached, 0 of 2 members" in done.stdout
    assert re.search(r"100 images, 0\.1 of the norm: train \S+, test \S+", done.stdout)
    for part in ("digits", "teacher", "landscape"):
        path = out / part / "figures" / f"omnigrok_{part}.png"
        assert path.stat().st_size > 10_000
    assert (grokjax.load(out / "landscape").history.weight_norm > 0).all()
