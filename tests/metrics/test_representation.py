"""Parallelograms, the representation quality index and the effective dimension."""

import itertools

import jax
import numpy as np
import pytest

import grokjax
from grokjax import Sweep
from grokjax.metrics.parallelograms import (
    equations,
    normalised,
    parallelograms,
    realised,
    representation_quality,
)
from grokjax.metrics.representation import spectrum_dimension
from grokjax.recipes import liu

LINE = np.arange(10, dtype=np.float32)[:, None]


@pytest.mark.parametrize(("symbols", "count"), [(3, 1), (4, 3), (10, 70)])
def test_all_parallelograms_are_listed_once(symbols, count):
    """70 for ten symbols, as in the paper's code."""
    pairs = list(itertools.combinations_with_replacement(range(symbols), 2))
    wanted = {
        (i, n, j, m)
        for (i, n), (j, m) in itertools.permutations(pairs, 2)
        if i + n == j + m and i < j
    }
    found = parallelograms(symbols)
    assert len(found) == len(wanted) == count
    assert set(map(tuple, found.tolist())) == wanted


def test_equations_hold_on_a_line_and_nowhere_else():
    assert (equations(10) @ LINE == 0).all()
    assert np.linalg.matrix_rank(equations(10)) == 8
    assert sorted(set(equations(10).ravel())) == [-2, -1, 0, 1]


def test_quality_of_a_line_and_of_random_points():
    assert representation_quality(LINE) == 1
    assert representation_quality(-3 * LINE + 8) == 1
    plane = np.concatenate([LINE, 0.2 * LINE[::-1]], axis=1)
    assert representation_quality(plane) == 1
    random = np.random.default_rng(0).normal(size=(10, 4)).astype(np.float32)
    assert representation_quality(random) < 0.2


def test_a_parallelogram_is_realised_within_a_tenth_of_a_deviation():
    """In one dimension |E_i + E_n - E_j - E_m| < .1, of normalised embeddings."""
    moved = LINE.copy()
    moved[0] += 0.4
    e = (moved - moved.mean()) / moved.std(ddof=1)
    gaps = [abs(e[i] + e[n] - e[j] - e[m])[0] for i, n, j, m in parallelograms(10)]
    np.testing.assert_array_equal(realised(moved), np.array(gaps) < 0.1)
    assert 0 < representation_quality(moved) < 1
    np.testing.assert_allclose(normalised(moved)[:, 0], e[:, 0], rtol=1e-5)


def test_a_constant_dimension_does_not_divide_by_zero():
    table = np.concatenate([LINE, np.ones_like(LINE)], axis=1)
    assert representation_quality(table) == 1
    assert np.isfinite(normalised(table)).all()


def test_effective_dimension():
    rng = np.random.default_rng(0)
    basis = np.linalg.qr(rng.normal(size=(50, 8)))[0]
    even = basis - basis.mean(axis=0)
    assert spectrum_dimension(LINE) == pytest.approx(1)
    assert 7.5 < spectrum_dimension(even) <= 8
    shares = np.array([0.7, 0.2, 0.1])
    rows = np.linalg.qr(rng.normal(size=(40, 40)) @ (np.eye(40) - 1 / 40))[0][:, :3]
    rows -= rows.mean(axis=0)
    rows = np.linalg.qr(rows)[0] * np.sqrt(shares)
    entropy = -(shares * np.log(shares)).sum()
    assert spectrum_dimension(rows) == pytest.approx(np.exp(entropy), rel=1e-4)


def test_both_are_recorded_for_every_member_during_training(tmp_path):
    config = liu.TOY.replace(embed_dim=2, hidden_dim=8, max_epochs=20, eval_every=10)
    sweep = Sweep(config.replace(stop_when="never"), seed=[0, 1])
    run = grokjax.train(sweep, tmp_path / "toy", metrics=["representation"], progress=False)
    assert run.history.representation_quality.shape == (2, 3)
    for row, table in enumerate(run.embeddings):
        quality = run.history.representation_quality[row, -1]
        assert float(quality) == pytest.approx(float(representation_quality(table)))
        dimension = float(jax.jit(spectrum_dimension)(table))
        assert float(run.history.effective_dimension[row, -1]) == pytest.approx(dimension, rel=1e-4)


def test_sums_that_wrap_around_have_no_line(tiny, tmp_path):
    run = grokjax.train(tiny, tmp_path / "run", metrics=["representation"], progress=False)
    assert "effective_dimension" in run.history
    assert "representation_quality" not in run.history
