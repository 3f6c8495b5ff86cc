"""The effective theory against published numbers and against brute force."""

import numpy as np
import pytest

from grokjax.analysis import effective_theory as theory
from grokjax.metrics.parallelograms import equations, parallelograms
from grokjax.tasks.toy_addition import unordered_pairs

ALL = np.ones(55, bool)

EIGENVALUES = [0, 0, 30.00, 31.27, 36.55, 38.38, 42.14, 45.73, 47.31, 48.62]
"""Of A'A with all 70 parallelograms, computed from ejmichaud/grokking-squared."""

PUBLISHED = {
    **{14: 1, 16: 51, 18: 373, 19: 860, 20: 1754, 21: 2863, 22: 4270, 23: 5795, 24: 7085},
    **{25: 8027, 26: 8666, 27: 9187, 28: 9488, 30: 9814, 35: 9983, 40: 10_000},
}
"""Of 10 000 random train sets of so many pairs, how many force a line: Liu et al. 2022."""


def drawn(size, seed=0):
    train = np.zeros(55, bool)
    train[np.random.default_rng(seed).permutation(55)[:size]] = True
    return train


def test_eigenvalues_of_all_parallelograms():
    values, _ = theory.eigenvalues(np.ones(70, bool), 10)
    np.testing.assert_allclose(values, EIGENVALUES, atol=0.005)
    assert theory.degrees_of_freedom(ALL) == 2


def test_trained_parallelograms_have_both_pairs_in_the_train_set():
    train, numbers = drawn(30), theory.pair_numbers(10)
    np.testing.assert_array_equal(unordered_pairs(10)[numbers[3, 7]], [3, 7])
    assert numbers[7, 3] == numbers[3, 7]
    for (i, n, j, m), both in zip(parallelograms(10), theory.trained(train), strict=True):
        assert both == (train[numbers[i, n]] and train[numbers[j, m]])


def test_degrees_of_freedom_by_rank():
    trains = np.stack([drawn(size, size) for size in range(1, 55)])
    ranks = [np.linalg.matrix_rank(equations(10)[theory.trained(t)]) for t in trains]
    np.testing.assert_array_equal(theory.degrees_of_freedom(trains), 10 - np.array(ranks))


def test_implied_parallelograms_by_rank():
    """Appending the row of an implied one does not raise the rank."""
    for size in (12, 20, 26, 40):
        rows = equations(10)[theory.trained(drawn(size))]
        rank = np.linalg.matrix_rank(rows) if len(rows) else 0
        raised = [np.linalg.matrix_rank([*rows, row]) > rank for row in equations(10)]
        np.testing.assert_array_equal(theory.implied(drawn(size)), ~np.array(raised))


def test_predicted_accuracy_by_counting():
    train, numbers = drawn(20), theory.pair_numbers(10)
    held = np.random.default_rng(1).random(70) < 0.3
    known = set(np.flatnonzero(train))
    for (i, n, j, m), holds in zip(parallelograms(10), held, strict=True):
        pair = {int(numbers[i, n]), int(numbers[j, m])}
        if holds and any(train[p] for p in pair):
            known |= pair
    assert theory.predicted_accuracy(train, held) == len(known) / 55
    both = theory.predicted_accuracy(np.stack([train, ALL]), np.stack([held, held]))
    np.testing.assert_array_equal(both, [len(known) / 55, 1])


def test_a_line_is_forced_where_everything_is_implied_and_predicted():
    train = drawn(40)
    assert theory.degrees_of_freedom(train) == 2
    assert theory.implied(train).all()
    lonely = theory.pair_numbers(10)[[0, 0, 8, 9], [0, 1, 9, 9]]  # no other pair has their sum
    missed = (~train[lonely]).sum()
    assert theory.predicted_accuracy(train, theory.implied(train)) == 1 - missed / 55
    line = np.arange(10.0)[None, :, None]
    assert theory.realised(line.astype(np.float32)).all()
    few = drawn(8)
    assert theory.predicted_accuracy(few, theory.implied(few)) < 1


@pytest.mark.slow
def test_probability_that_a_line_is_forced_is_the_published_one():
    """All 16 values within the error of two samples of 10 000, and the crossing at .41."""
    sizes = np.array(list(PUBLISHED))
    found = theory.unique_linear(sizes, 10_000)
    published = np.array(list(PUBLISHED.values())) / 1e4
    mean = (found + published) / 2
    error = np.sqrt(2 * mean * (1 - mean) / 1e4)
    assert (np.abs(found - published) <= 3.5 * error + 1e-4).all(), found - published
    assert np.interp(0.5, found, sizes) / 55 == pytest.approx(0.41, abs=0.005)


def test_effective_dynamics_conserve_the_mean_and_the_norm_and_find_the_line():
    start = np.random.default_rng(0).normal(size=(3, 10, 2))
    start -= start.mean(axis=1, keepdims=True)
    found = theory.effective_dynamics(start, 1e-3, 20_000, every=1_000)
    assert found.steps.tolist() == list(range(0, 20_001, 1_000))
    assert (np.diff(found.loss, axis=0) <= 0).all()
    np.testing.assert_allclose(found.embedding.mean(axis=2), 0, atol=1e-9)
    norms = (found.embedding**2).sum(axis=(2, 3))
    np.testing.assert_allclose(norms[-1], norms[0], rtol=0.02)
    assert (found.loss[-1] < 1e-3 * found.loss[0]).all()
    last = found.embedding[-1].astype(np.float32)
    assert (theory.representation_quality(last) == 1).all()


def test_one_step_is_along_the_gradient_of_the_effective_loss():
    """By finite differences, with the paper's mean over the parallelograms of a train set."""
    rows = equations(10)[theory.trained(drawn(45))]
    start = np.random.default_rng(0).normal(size=(10, 1))

    def loss(e):
        return ((rows @ e) ** 2).sum() / len(rows) / (e**2).sum()

    step = theory.effective_dynamics(start, 1e-3, 1, rows, average=True)
    np.testing.assert_allclose(step.loss, [loss(e) for e in step.embedding])
    for i in range(10):
        ahead, back = (start + sign * 1e-5 * np.eye(10)[:, [i]] for sign in (1, -1))
        slope = (loss(ahead) - loss(back)) / 2e-5
        assert step.embedding[1, i, 0] == pytest.approx(start[i, 0] - 1e-3 * slope, abs=1e-9)


def test_near_the_line_the_third_eigenvalue_is_the_rate():
    """The distance to the line shrinks by 1 - 2 rate lambda_3 / Z0 a step."""
    values, vectors = theory.eigenvalues(np.ones(70, bool), 10)
    line = np.linspace(-1, 1, 10)
    start = (line / np.linalg.norm(line) + 1e-4 * vectors[:, 2])[:, None]
    found = theory.effective_dynamics(start, 1e-3, 10)
    apart = [abs(vectors[:, 2] @ e[:, 0]) for e in found.embedding]
    ratio = np.array(apart[1:]) / np.array(apart[:-1])
    np.testing.assert_allclose(ratio, 1 - 2e-3 * values[2], rtol=1e-3)


@pytest.mark.parametrize("function", [theory.trained, theory.degrees_of_freedom, theory.implied])
def test_train_sets_of_other_sizes_are_refused(function):
    with pytest.raises(ValueError, match=r"train must have P \(P \+ 1\) / 2 pairs .*, got 54"):
        function(np.ones(54, bool))


def test_functions_of_members_take_stacked_embeddings():
    tables = np.random.default_rng(0).normal(size=(5, 10, 3)).astype(np.float32)
    assert theory.realised(tables).shape == (5, 70)
    np.testing.assert_allclose(
        theory.representation_quality(tables), theory.realised(tables).mean(axis=1), rtol=1e-6
    )
    assert (theory.effective_dimension(tables) <= 3).all()
