"""Planted circles in pairs of components are found, also by an independent method."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokjax.analysis import fourier
from grokjax.analysis.circles import PURE, component_pairs, frequency_of, read, step_of
from grokjax.analysis.pca import pca
from tests.planted import SEEDS, often, planted, power_by_definition

NOTEBOOK = {15: 7, 35: 3, 10: 16, 11: 24, 1: 1, 3: 18}
"""Steps that the notebook's author read off six circles mod 53, and their frequencies."""


def circles(modulus, frequencies, rng=None, noise=0.0):
    """Scores `[M, P, 2]` of circles with random phase and direction."""
    rng = rng or np.random.default_rng(0)
    signs = rng.choice([-1, 1], len(frequencies))
    angles = 2 * np.pi * np.outer(frequencies * signs, np.arange(modulus)) / modulus
    angles += rng.uniform(0, 2 * np.pi, (len(frequencies), 1))
    points = np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    return (points + noise * rng.normal(size=points.shape)).astype(np.float32)


def most_common_step(points):
    """Most common difference between tokens that are neighbours in angle, folded."""
    order = np.argsort(np.arctan2(points[:, 1], points[:, 0]))
    apart = (np.roll(order, -1) - order) % len(order)
    return Counter(np.minimum(apart, len(order) - apart).tolist()).most_common(1)[0][0]


@pytest.mark.parametrize("modulus", [7, 8, 53, 59])
def test_the_step_on_a_planted_circle_gives_its_frequency(modulus):
    every = np.arange(1, modulus // 2 + 1)
    coprime = every[np.gcd(every, modulus) == 1]
    found = component_pairs(circles(modulus, coprime))
    assert frequency_of(found.step[:, 0], modulus).tolist() == coprime.tolist()
    assert (found.step <= modulus // 2).all()
    np.testing.assert_allclose(found.circularity, 1, atol=1e-5)
    np.testing.assert_allclose(found.shares[:, 0], np.eye(modulus // 2)[coprime - 1], atol=1e-5)
    assert component_pairs(circles(modulus, every)).step[:, 0].tolist() == [
        step if k in coprime else 0  # if k is not coprime to P, tokens coincide
        for k, step in zip(every, step_of(every, modulus), strict=True)
    ]


@often(15)
@given(seed=SEEDS, noise=st.floats(0, 0.03))
def test_the_step_is_the_most_common_one_between_neighbours(seed, noise):
    rng = np.random.default_rng(seed)
    scores = circles(53, rng.integers(1, 27, size=4), rng, noise)
    assert component_pairs(scores).step[:, 0].tolist() == [
        most_common_step(points) for points in scores
    ]


def test_the_step_is_robust_to_noise_that_swaps_neighbours():
    every = np.arange(1, 27)
    scores = circles(53, every, noise=0.1)  # neighbours are 2 pi / 53 = 0.12 apart
    order = np.argsort(np.arctan2(scores[..., 1], scores[..., 0]), axis=1)
    apart = frequency_of(np.diff(order, axis=1), 53)  # between neighbours in angle
    assert 0.3 < (apart == every[:, None]).mean() < 0.8
    assert (frequency_of(component_pairs(scores).step[:, 0], 53) == every).all()


def test_pairs_are_consecutive_components_and_the_last_odd_one_is_left_out():
    one, two = circles(53, np.array([7])), 0.3 * circles(53, np.array([3]))
    odd = np.random.default_rng(0).normal(size=(1, 53, 1))
    found = component_pairs(np.concatenate([one, two, odd], axis=2).astype(np.float32))
    assert frequency_of(found.step, 53).tolist() == [[7, 3]]
    assert (found.shares.argmax(axis=2) + 1).tolist() == [[7, 3]]
    assert found.circularity.shape == (1, 2)


@often(15)
@given(seed=SEEDS)
def test_step_shares_and_circularity_by_definition(seed):
    scores = np.random.default_rng(seed).normal(size=(1, 8, 4)).astype(np.float32)
    scores -= scores.mean(axis=1, keepdims=True)
    found = component_pairs(scores)
    for j in range(2):
        points = scores[0, :, 2 * j : 2 * j + 2].astype(np.float64)
        power = power_by_definition(points)
        np.testing.assert_allclose(found.shares[0, j], power / power.sum(), rtol=1e-4, atol=1e-6)
        z = points @ [1, 1j]
        turned = [np.abs(np.angle(np.roll(z, -shift) / z)).mean() for shift in range(1, 5)]
        assert found.step[0, j] == np.argmin(turned) + 1
        spectrum = np.abs(np.fft.fft(z)) ** 2
        expected = spectrum.max() / spectrum.sum()
        assert found.circularity[0, j] == pytest.approx(expected, rel=1e-4)


def test_pairs_of_nan():
    found = component_pairs(np.full((1, 7, 4), np.nan, np.float32))
    assert found.step.tolist() == [[0, 0]]
    assert np.isnan(found.shares).all()
    assert np.isnan(found.circularity).all()
    assert read(found.shares[0], 7) == [("", 0, 0)] * 2


def test_steps_and_frequencies_of_the_notebook():
    steps, frequencies = np.array(list(NOTEBOOK)), list(NOTEBOOK.values())
    assert frequency_of(steps, 53).tolist() == frequencies
    assert frequency_of(-steps, 53).tolist() == frequencies  # in the other direction
    assert frequency_of(steps.reshape(2, 3) + 53, 53).ravel().tolist() == frequencies
    assert step_of(np.array(frequencies), 53).tolist() == [15, 18, 10, 11, 1, 3]


@pytest.mark.parametrize("modulus", [2, 7, 8, 12, 53])
def test_steps_and_frequencies_are_inverse(modulus):
    for step in range(1, modulus // 2 + 1):
        k = int(frequency_of(np.array(step), modulus))
        if np.gcd(step, modulus) > 1:
            assert k == 0
        else:
            assert 1 <= k <= max(1, modulus // 2)
            assert step * k % modulus in (1, modulus - 1)  # P tokens make one turn
            assert step_of(np.array(k), modulus) == step
    assert frequency_of(np.array(0), modulus) == 0


def test_read_names_pure_and_mixed_pairs():
    shares = np.zeros((4, 26))
    shares[0, 6] = 1.0
    shares[1, [2, 15]] = 0.3, 0.7
    shares[2, [6, 2]] = PURE, 1 - PURE
    shares[3] = np.nan
    assert read(shares, 53) == [
        ("step 15, frequency 7 (100%)", 15, 7),
        ("mixed: 16 (70%), 3 (30%)", 0, 0),
        ("step 15, frequency 7 (90%)", 15, 7),
        ("", 0, 0),
    ]
    assert [reading.frequency for reading in read(shares, 53, pure=0.95)] == [7, 0, 0, 0]
    assert [reading.step for reading in read(shares, 53, pure=0.6)] == [15, 10, 15, 0]
    assert read(np.eye(4)[1:2], 8) == [("frequency 2 (100%)", 0, 2)]  # tokens coincide


def test_noise_is_neither_a_circle_nor_mixed():
    even = np.full((1, 26), 1 / 26)
    (reading,) = read(even, 53)
    assert reading.text.startswith("no circle: ")
    assert (reading.step, reading.frequency) == (0, 0)
    (half,) = read(np.concatenate([[[0.3, 0.2]], np.full((1, 24), 0.5 / 24)], axis=1), 53)
    assert half.text == "mixed: 1 (30%), 2 (20%)"


def test_planted_circles_of_the_notebook_pure_and_mixed():
    radii = dict(zip(NOTEBOOK.values(), (1.8, 1.7, 1.6, 1.5, 1.4, 1.3), strict=True))
    scores = pca(planted(53, radii, 128, noise=0.02)[None]).scores
    found = component_pairs(scores)
    readings = read(found.shares[0], 53)
    assert [reading.frequency for reading in readings] == list(radii)
    assert [reading.step for reading in readings] == found.step[0].tolist()
    assert all(reading.text.startswith("step ") for reading in readings)
    # Each pair has half of two circles, as PCA may give at equal variance.
    mixed = np.stack([scores[..., [0, 2]], scores[..., [1, 3]]]).reshape(2, 53, 2)
    assert {
        reading.text[:6] for row in component_pairs(mixed).shares for reading in read(row, 53)
    } == {"mixed:"}
    np.testing.assert_allclose(fourier.shares(fourier.power(mixed))[:, [6, 2]], 0.5, atol=0.05)
