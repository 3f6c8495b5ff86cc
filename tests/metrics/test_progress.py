"""Progress measures against dense vectors in float64, and of logits with a known answer."""

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given

from grokjax.metrics import progress
from grokjax.optim.losses import mean_squared_error
from tests import progress_by_hand as by_hand
from tests.planted import SEEDS, often


def sums(modulus):
    a, b = np.indices((modulus, modulus)).reshape(2, -1)
    return (a + b) % modulus


def of_cosines(modulus, amplitudes, answers=None):
    """Logits `[N, P]` that are a sum of cos(w_k(answer - c)): Gromov 2023's solution."""
    answers = sums(modulus) if answers is None else answers
    turns = (answers[:, None] - np.arange(modulus)) / modulus
    return sum(r * np.cos(2 * np.pi * k * turns) for k, r in amplitudes.items())


def mask(modulus, keys):
    return jnp.asarray(np.isin(np.arange(1, modulus // 2 + 1), keys))


def key_of(logits, answers, modulus):
    logits, means = jnp.float32(logits), means_of(logits, answers, modulus)
    share = progress.explained_variance(logits, means)
    return progress.key_frequencies(progress.coefficients(means), share)


def means_of(logits, answers, modulus):
    return progress.answer_means(jnp.float32(logits), jnp.asarray(answers), modulus)


@pytest.mark.parametrize("modulus", [7, 11])
@often(6)
@given(seed=SEEDS)
def test_measures_are_those_of_dense_vectors(modulus, seed):
    rng = np.random.default_rng(seed)
    answers, labels = sums(modulus), rng.integers(0, modulus, modulus**2)
    logits = 5 * rng.normal(size=(modulus**2, modulus + 1))  # a class for a further token
    dense, keys = logits[:, :-1], rng.permutation(np.arange(1, modulus // 2 + 1))[:2]
    means, key = means_of(logits, answers, modulus), mask(modulus, keys)
    for bias_correction in (True, False):
        found = progress.restricted_losses(
            means, key, answers, labels, bias_correction=bias_correction
        )
        kept = by_hand.restricted(dense, modulus, keys, bias_correction)
        np.testing.assert_allclose(found, by_hand.losses(kept, labels), rtol=1e-4, atol=1e-5)
    found = progress.excluded_losses(jnp.float32(logits), means, key, answers, labels)
    left = dense - by_hand.projected(dense, modulus, keys)
    np.testing.assert_allclose(found, by_hand.losses(left, labels), rtol=1e-4, atol=1e-5)
    every = np.arange(1, modulus // 2 + 1)
    expected = [by_hand.coefficient(dense, answers, modulus, k) for k in every]
    np.testing.assert_allclose(progress.coefficients(means), expected, rtol=1e-4, atol=1e-3)
    shares = progress.explained_variance(jnp.float32(logits), means)
    fit = by_hand.least_squares_fit(dense, answers, modulus, keys)
    assert shares[keys - 1].sum() == pytest.approx(fit, rel=1e-3, abs=1e-6)


@pytest.mark.parametrize("modulus", [7, 8, 53])
def test_the_analytic_solution_is_all_there_is(modulus):
    amplitudes = {1: 9.0, 3: 7.0, modulus // 2: 8.0}  # at P = 8 the last one has no sine
    answers, keys = sums(modulus), list(amplitudes)
    exact = of_cosines(modulus, amplitudes)
    logits, means = jnp.float32(exact), means_of(exact, answers, modulus)
    np.testing.assert_array_equal(key_of(exact, answers, modulus), mask(modulus, keys))
    shares = np.asarray(progress.explained_variance(logits, means))
    assert shares[np.array(keys) - 1].sum() == pytest.approx(1, rel=1e-5)
    key, whole = mask(modulus, keys), by_hand.losses(exact, answers)
    restricted = progress.restricted_losses(means, key, answers, answers)
    np.testing.assert_allclose(restricted, whole, rtol=1e-3)
    excluded = progress.excluded_losses(logits, means, key, answers, answers)
    np.testing.assert_allclose(excluded, np.log(modulus), rtol=1e-4)
    norms = [np.linalg.norm(of_cosines(modulus, {k: r})) for k, r in amplitudes.items()]
    found = progress.coefficients(means)[np.array(keys) - 1]
    np.testing.assert_allclose(found, norms, rtol=1e-5)


def test_small_losses_are_exact():
    """The published network's are near 1e-9, where float32 has no digits left beside 1."""
    amplitudes = dict.fromkeys((3, 7, 16, 20), 30.0)
    answers, exact = sums(53), of_cosines(53, amplitudes)
    exact = exact + np.random.default_rng(0).normal(size=53)  # a bias
    kept = by_hand.restricted(exact, 53, amplitudes, True)
    expected = by_hand.losses(kept, answers).mean()
    assert 1e-12 < expected < 1e-7
    means = means_of(exact, answers, 53)
    found = progress.restricted_losses(means, mask(53, list(amplitudes)), answers, answers)
    assert float(found.mean()) == pytest.approx(expected, rel=1e-3)


def test_any_operation_is_measured_by_its_answers():
    modulus, (a, b) = 11, np.indices((11, 11)).reshape(2, -1)
    answers, permuted = (a - b) % modulus, a * modulus + (-b) % modulus
    logits = np.random.default_rng(1).normal(size=(modulus**2, modulus))
    found = progress.coefficients(means_of(logits, answers, modulus))
    as_sum = progress.coefficients(means_of(logits[permuted], sums(modulus), modulus))
    np.testing.assert_allclose(found, as_sum, rtol=1e-5, atol=1e-5)


def test_pairs_that_are_left_out_do_not_count():
    modulus = 7
    answers = np.where(np.arange(49) % 7 == 0, -1, sums(modulus))
    logits = of_cosines(modulus, {2: 5.0})
    means = means_of(np.where(answers[:, None] < 0, 1e6, logits), answers, modulus)
    np.testing.assert_array_equal(means.pairs, np.full(7, 6))
    expected = means_of(logits, sums(modulus), modulus).logits
    np.testing.assert_allclose(means.logits, expected, rtol=1e-5, atol=1e-5)


def test_the_loss_can_be_another_one():
    logits, answers = of_cosines(7, {1: 1.0, 2: 0.5}), sums(7)
    means, key = means_of(logits, answers, 7), mask(7, [1])
    found = progress.restricted_losses(means, key, answers, answers, mean_squared_error)
    expected = ((of_cosines(7, {1: 1.0}) - np.eye(7)[answers]) ** 2).mean(axis=1)
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_random_and_constant_logits_use_no_frequency():
    answers = sums(53)
    for logits in (np.random.default_rng(2).normal(size=(53**2, 53)), np.ones((53**2, 53))):
        assert not key_of(logits, answers, 53).any()


def test_a_wave_of_the_wrong_sign_is_not_used():
    logits = of_cosines(11, {2: -5.0, 3: 5.0})
    np.testing.assert_array_equal(key_of(logits, sums(11), 11), mask(11, [3]))


def test_gini_of_components_is_that_of_its_definition():
    table = np.random.default_rng(3).normal(size=(11, 5)) ** 3
    found = progress.component_gini(jnp.float32(table))
    assert float(found) == pytest.approx(by_hand.component_gini(table), rel=1e-4)
