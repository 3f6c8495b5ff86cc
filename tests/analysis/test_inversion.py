"""Phases of learning from random labels, against the published demonstrations."""

import numpy as np
import pytest

from grokjax.analysis.inversion import PHASES, inverted_share, phases


@pytest.mark.parametrize(
    ("train", "test", "phase"),
    [
        (0.978, 0.983, "coexistence"),  # d-doshi/Grokking: decay 0
        (0.786, 1.0, "partial inversion"),  # 5
        (0.654, 1.0, "full inversion"),  # 15
        (0.009, 0.011, "neither"),  # 20, forgetting
        (0.95, 0.2, "memorisation"),
    ],
)
def test_published_demonstrations(train, test, phase):
    assert PHASES[phases(train, test, 0.35)] == phase


def test_a_network_that_is_always_right_inverts_all_labels_but_1_in_p():
    """One in P random labels is right by chance."""
    rng = np.random.default_rng(0)
    noisy = rng.random(200_000) < 0.4
    right = ~noisy | (rng.integers(0, 50, 200_000) == 0)
    np.testing.assert_allclose(inverted_share(right.mean(), 0.4), 1 - 1 / 50, atol=0.01)


def test_phases_of_arrays_with_nan():
    found = phases([[1.0, np.nan]], [[0.1, np.nan]], 0.5)
    assert [PHASES[code] for code in found[0]] == ["memorisation", "neither"]


@pytest.mark.parametrize("noise", [0, [0.3, 0.0], -0.1, np.nan])
def test_noise_must_be_above_0(noise):
    with pytest.raises(ValueError, match=r"noise must be above 0, got .*; the phases need random"):
        phases(np.ones(2), np.ones(2), noise)
