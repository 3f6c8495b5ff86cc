"""Probabilities of phases over seeds, with their intervals."""

import numpy as np
import pytest
from scipy.stats import binomtest

from grokjax.analysis.incidence import binomial_interval
from grokjax.analysis.phase_probabilities import (
    PHASES,
    phase_codes,
    phase_probabilities,
)


def test_codes_of_names():
    assert phase_codes(np.array([["grokking", ""], ["confusion", "comprehension"]])).tolist() == [
        [1, -1],
        [3, 0],
    ]
    assert PHASES[2] == "memorization"


@pytest.mark.parametrize(("count", "trials"), [(0, 5), (1, 5), (5, 5), (3, 7), (1754, 10_000)])
def test_intervals_are_those_of_scipy(count, trials):
    wanted = binomtest(count, trials).proportion_ci(0.95, "exact")
    np.testing.assert_allclose(binomial_interval(count, trials), wanted, rtol=1e-6)


def test_probabilities_of_a_cell_leave_out_unknown_phases():
    codes = np.array([[[0, 0, 1, -1], [-1, -1, -1, -1]]])
    found = phase_probabilities(codes)
    assert found.members.tolist() == [[3, 0]]
    np.testing.assert_allclose(found.share[0, 0], [2 / 3, 1 / 3, 0, 0])
    assert np.isnan(found.share[0, 1]).all()
    assert np.isnan(found.low[0, 1]).all()
    np.testing.assert_allclose(found.low[0, 0, 2], 0)
    wanted = binomtest(2, 3).proportion_ci(0.95, "exact")
    np.testing.assert_allclose([found.low[0, 0, 0], found.high[0, 0, 0]], wanted)
