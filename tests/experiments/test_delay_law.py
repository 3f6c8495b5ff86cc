"""The delay law: free members, held members, the fit, resuming."""

import numpy as np
import pandas as pd
import pytest

from grokjax import load
from tests.experiments.test_experiments import run

FLAGS = ("--modulus", 13, "--seeds", 2, "--max-steps", 520, "--longest", 450, "--quiet")


@pytest.mark.slow
def test_delay_law_holds_norms_fits_and_resumes(tmp_path):
    flags = ("--out", tmp_path, *FLAGS, "--ratios", 0.8, 1.0, "--reference-norm", 25)
    done = run("delay_law.py", *flags)
    assert done.returncode == 0, done.stderr
    assert not done.stderr
    assert "reference norm: 25.00 (published 54.5 for modulus 59)" in done.stdout
    assert "0.5  0.003      3" in done.stdout
    table = pd.read_csv(tmp_path / "results.csv")
    assert table.part.tolist() == ["free"] * 2 + ["held"] * 4
    held = load(tmp_path / "held")
    norms = held.history.matrix_norm.sel(eval=held.history.epoch > 500).values
    wanted = 25 * held.history.clamp_ratio.values
    last = np.array([row[~np.isnan(row)][-1:].mean() for row in norms])
    begun = ~np.isnan(last)
    np.testing.assert_allclose(last[begun], wanted[begun], rtol=1e-5)
    for name in ("settings", "delay_law"):
        assert (tmp_path / "figures" / f"{name}.png").stat().st_size > 10_000
    again = run("delay_law.py", *flags)
    assert again.stdout == done.stdout


@pytest.mark.slow
def test_without_a_reference_norm_it_says_what_to_give(tmp_path):
    done = run("delay_law.py", "--out", tmp_path, *FLAGS)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "reference_norm must be given, unless --longest includes" in done.stderr
    assert not any(tmp_path.iterdir()), "refused before anything is trained"
