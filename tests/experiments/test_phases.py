"""The experiments on phases run to the end at a small size, and print what they found."""

import re

import numpy as np
import pandas as pd
import pytest

import grokjax
from tests.experiments.test_experiments import run

PUBLISHED_COUNTS = {"rates": (20, 4, 64, 12), "decay": (12, 18, 49, 31)}


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


def published(folder, figure, phase):
    """Write a file like that of the published cells, last cell first; the first row has a phase."""
    values = [f"{10 ** (-5 + i / 3):.6g}" for i in range(10)]
    if figure == "5a":
        cells = [(rate, of_decoder, 0) for rate in values for of_decoder in values]
    else:
        cells = [("0.001", of_decoder, decay) for decay in range(11) for of_decoder in values]
    found = [phase] * 10 + ["grokking"] * (len(cells) - 10)
    rows = zip(cells, found, strict=True)
    lines = [f"{figure},{','.join(map(str, cell))},1,2,{name}" for cell, name in rows][::-1]
    path = folder / "published.csv"
    heading = "figure,eta_repr,eta_dec,wd_dec,step_train90,step_test90,phase"
    path.write_text("\n".join([heading, *lines, f"5c,1,1,1,1,2,{phase}"]))
    return path


@pytest.mark.slow
@pytest.mark.parametrize(("grid", "figure", "rows"), [("rates", "5a", 10), ("decay", "5b", 11)])
def test_phase_diagrams_of_the_published_cells(grid, figure, rows, tmp_path):
    out, count = tmp_path / "run" / grid, 2 * 10 * rows
    small = "--seeds 2 --max-epochs 20 --eval-every 10 --hidden-dim 4 --quiet"
    flags = *small.split(), "--published", published(tmp_path, figure, "confusion")
    done = run("phase_diagram.py", "--out", out.parent, "--grid", grid, *flags)
    assert done.returncode == 0, done.stderr
    names = "comprehension", "grokking", "memorization", "confusion"
    for name, cells in zip(names, PUBLISHED_COUNTS[grid], strict=True):
        assert re.search(rf"{name}: .* cells a seed \(.*\), published {cells} ", done.stdout)
    assert f"censored: {count} members did not grok within 20 steps" in done.stdout
    members = pd.read_csv(out / "results.csv")
    assert len(members) == count
    assert (members.phase == "confusion").all()
    assert members.train_learnt.isnull().all()
    assert f"a seed of ours has the published phase in {1 / rows:.0%} of the cells" in done.stdout
    shares = re.search(r"published phase, in each cell:\n((?:[\d. ]+\n)+)", done.stdout)[1]
    np.testing.assert_array_equal(np.fromstring(shares, sep=" ").reshape(rows, 10)[0], 1)
    loaded = grokjax.load(out)
    assert len(loaded) == count
    assert len(loaded.sweep.programs()) == 1
    assert (out / "figures" / f"phases_{grid}.png").stat().st_size > 10_000


def test_files_that_are_no_published_cells(tmp_path):
    def refused(path, *flags):
        done = run("phase_diagram.py", "--out", tmp_path / "run", "--published", path, *flags)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert not (tmp_path / "run").exists()
        assert "published must be a csv file with columns figure," in done.stderr
        return done.stderr

    path = published(tmp_path, "5a", "confusion")
    assert "each cell once of this grid" in refused(path, "--grid", "decay")
    assert "each cell once of this grid" in refused(path, "--points", 3, 3)
    assert "each cell once of this grid" in refused(published(tmp_path, "5a", "bliss"))
    assert "No such file" in refused(tmp_path / "absent.csv")
    path.write_text("nothing")
    assert "'figure'" in refused(path)


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
    table = pd.read_csv(out / "landscape" / "results.csv")
    assert len(table) == 2 * 3
    assert (table.train_loss > 0).all()
