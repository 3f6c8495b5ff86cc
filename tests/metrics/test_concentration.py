"""Gini coefficient and participation ratio against their definitions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from grokjax.analysis.fourier import gini, participation
from tests.planted import often

SPECTRA = arrays(np.float32, (3, 7), elements=st.floats(0, 1e3, width=32)).filter(
    lambda values: (values.sum(axis=1) > 1e-3).all()
)


@often(50)
@given(SPECTRA)
def test_gini_is_half_the_mean_difference_over_the_mean(values):
    exact = values.astype(np.float64)
    apart = np.abs(exact[:, :, None] - exact[:, None]).mean(axis=(1, 2))
    found = gini(values)
    np.testing.assert_allclose(found, apart / (2 * exact.mean(axis=1)), atol=1e-5)
    assert (found > -1e-6).all()
    assert (found < 1 - 1 / 7 + 1e-6).all()


@often(50)
@given(SPECTRA)
def test_participation_is_the_sum_of_squared_shares(values):
    found = participation(values)
    expected = [sum((v / sum(row)) ** 2 for v in row) for row in values.astype(np.float64).tolist()]
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    assert (found > 1 / 7 - 1e-6).all()
    assert (found < 1 + 1e-6).all()


@pytest.mark.parametrize("size", [1, 2, 26])
def test_equal_and_single_values(size):
    values = np.zeros((2, size), np.float32)
    values[0], values[1, size // 2] = 3.0, 5.0
    np.testing.assert_allclose(gini(values), [0, 1 - 1 / size], atol=1e-6)
    assert (gini(0 * values) == 0).all()
    np.testing.assert_allclose(participation(values), [1 / size, 1], rtol=1e-6)


@pytest.mark.parametrize("measure", [gini, participation])
@often(20)
@given(values=SPECTRA, scale=st.floats(1e-3, 1e3), seed=st.integers(0, 99))
def test_measures_do_not_depend_on_scale_or_order(measure, values, scale, seed):
    shuffled = np.random.default_rng(seed).permutation(values, axis=1)
    both = measure(values), measure(np.float32(scale) * shuffled)
    np.testing.assert_allclose(*both, rtol=1e-4, atol=1e-5)


@often(20)
@given(SPECTRA)
def test_moving_power_to_the_largest_value_concentrates(values):
    smallest, largest = values.argmin(axis=1), values.argmax(axis=1)
    taken, row = values.copy(), np.arange(3)
    gift = values[row, smallest] / 2
    taken[row, smallest] -= gift
    taken[row, largest] += gift
    for measure in (gini, participation):
        assert (measure(taken) >= measure(values) - 1e-5).all()


def test_two_nonzero_values_of_four_by_hand():
    values = np.array([[1.0, 3.0, 0.0, 0.0]], np.float32)
    # Differences 2, 1, 1, 3, 3, 0, each twice among the 16 of two values; mean value 1.
    assert gini(values)[0] == pytest.approx((20 / 16) / 2)
    assert participation(values)[0] == pytest.approx(1 / 16 + 9 / 16)
