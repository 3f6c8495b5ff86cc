"""Spectra and planes against literal transforms in float64, and on planted circles."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokjax.analysis import fourier
from grokjax.analysis.pca import pca
from tests.planted import SEEDS, frame, network, network_of, often, planted, power_by_definition


@pytest.mark.parametrize("modulus", [2, 7, 8])
@often(15)
@given(seed=SEEDS, scale=st.floats(1e-3, 1e3))
def test_power_by_definition_and_parseval(modulus, seed, scale):
    rng = np.random.default_rng(seed)
    table = (scale * (rng.normal(size=(1, modulus, 5)) + 2)).astype(np.float32)
    found = fourier.power(table)[0]
    np.testing.assert_allclose(found, power_by_definition(table[0]), rtol=1e-4)
    mean = modulus * (table[0].astype(np.float64).mean(axis=0) ** 2).sum()
    total = (table[0].astype(np.float64) ** 2).sum()
    assert found.sum() + mean == pytest.approx(total, rel=1e-5)


@pytest.mark.parametrize("modulus", [7, 8, 53])
def test_power_of_a_planted_circle_is_at_its_frequency(modulus):
    for k in range(1, (modulus - 1) // 2 + 1):
        power = fourier.power(planted(modulus, {k: 2.0}, dims=5, seed=k)[None])[0]
        assert power[k - 1] == pytest.approx(4 * modulus, rel=1e-4)  # r**2 for each token
        assert power.sum() == pytest.approx(power[k - 1], rel=1e-5)


@pytest.mark.parametrize("modulus", [7, 8])
def test_spectra_of_every_table_by_definition(modulus):
    params = network(modulus, dims=4, hidden=6, members=3, seed=1)
    found = fourier.spectra(params, network=network_of(params))
    assert found._fields == ("embedding", "first", "second", "output")
    for i in range(3):
        embedding = params["embed"]["embedding"][i].astype(np.float64)
        kernel = params["hidden"]["kernel"][i]
        output = params["output"]["kernel"][i]
        tables = embedding, embedding @ kernel[:4], embedding @ kernel[4:], output.T
        for values, table in zip(found, tables, strict=True):
            np.testing.assert_allclose(values[i], power_by_definition(table), rtol=1e-4)


def test_key_frequencies_reach_a_multiple_of_an_even_share():
    power = np.array([[5.0, 2, 1, 0], [2, 2, 2, 2], [np.nan] * 4])
    np.testing.assert_allclose(fourier.shares(power)[0], [5 / 8, 2 / 8, 1 / 8, 0])
    assert fourier.is_key(power, 1.0).tolist() == [[1, 1, 0, 0], [1, 1, 1, 1], [0, 0, 0, 0]]
    assert fourier.is_key(power, 1.25).tolist() == [[1, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0]]
    assert fourier.is_key(1e6 * power[0], 2.5).tolist() == [1, 0, 0, 0]  # even: 2; 2.5 times: 5
    assert not fourier.is_key(power[0], 2.51).any()
    assert np.isnan(fourier.shares(np.zeros(4))).all()  # and no warning
    assert not fourier.is_key(np.zeros(4), 1.25).any()


def test_key_frequencies_are_the_planted_ones_and_noise_has_none():
    circles = {7: 1.7, 3: 1.65, 16: 1.6, 24: 1.55, 1: 1.5, 18: 1.35}  # the notebook's
    embeddings = [planted(53, circles, 128, noise=0.1, seed=i) for i in range(4)]
    for row in fourier.is_key(fourier.power(np.stack(embeddings)), fourier.key_times(128)):
        assert set(np.flatnonzero(row) + 1) == set(circles)
    untrained = np.random.default_rng(0).normal(size=(64, 53, 128)).astype(np.float32)
    power = fourier.power(untrained)
    assert fourier.shares(power).std() * 26 == pytest.approx(1 / np.sqrt(128), rel=0.1)
    assert fourier.is_key(power, fourier.key_times(128)).mean() < 0.01


def test_a_planted_circle_is_round_in_the_plane_of_its_frequency():
    t = np.arange(53)
    for k in (1, 7, 26):
        embedding = planted(53, {k: 2.0}, 16, noise=0.02, seed=k)
        found = fourier.planes(embedding[None])
        points, at = found.points[0, k - 1], k - 1
        assert found.circularity[0, at] > 0.999
        assert found.share[0, at] > 0.99
        assert fourier.shares(power_by_definition(points))[at] > 0.999  # no other frequency
        np.testing.assert_allclose(np.linalg.norm(points, axis=1), 2, atol=0.1)
        angles = np.unwrap(np.arctan2(points[:, 1], points[:, 0]))
        np.testing.assert_allclose(
            np.angle(np.exp(1j * (angles - 2 * np.pi * k * t / 53))), 0, atol=0.1
        )


@pytest.mark.parametrize("modulus", [7, 8])
@often(10)
@given(seed=SEEDS)
def test_planes_are_projections_on_orthonormal_axes_near_their_waves(modulus, seed):
    embedding = np.random.default_rng(seed).normal(size=(modulus, 6)).astype(np.float32)
    found = fourier.planes(embedding[None])
    centred = embedding.astype(np.float64) - embedding.mean(axis=0)
    for k in range(1, (modulus - 1) // 2 + 1):
        angles = 2 * np.pi * k * np.arange(modulus) / modulus
        spanned = np.stack([np.cos(angles), np.sin(angles)]) @ centred  # [2, D]
        projector = np.linalg.pinv(spanned) @ spanned
        points = found.points[0, k - 1].astype(np.float64)
        # Distances within the plane are those of the embedding projected on it.
        np.testing.assert_allclose(points @ points.T, centred @ projector @ centred.T, atol=1e-4)
        share = (points**2).sum() / (centred**2).sum()
        assert found.share[0, k - 1] == pytest.approx(share, rel=1e-4)
        # No rotation of the plane brings the axes nearer to the directions, so the overlaps
        # of waves and coordinates are symmetric and positive.
        overlap = np.stack([np.cos(angles), np.sin(angles)]) @ points
        np.testing.assert_allclose(overlap, overlap.T, atol=1e-3)
        assert np.linalg.eigvalsh(overlap).min() > -1e-3


def test_planes_separate_circles_of_equal_variance_that_pca_mixes():
    t, (one, other) = np.arange(53), (5, 9)
    waves = [g(2 * np.pi * k * t / 53) for k in (one, other) for g in (np.cos, np.sin)]
    tilt = np.eye(4) + 0.02 * np.roll(np.eye(4), 2, axis=0)  # keeps both variances equal
    embedding = np.stack(waves, axis=1) @ tilt @ frame(16, np.random.default_rng(0))[:4]
    embedding = embedding.astype(np.float32)[None]
    power = fourier.shares(fourier.power(embedding))[0]
    np.testing.assert_allclose(power[[one - 1, other - 1]], 0.5, atol=1e-5)
    scores = pca(embedding, components=4).scores[0].astype(np.float64)
    for pair in (scores[:, :2], scores[:, 2:]):
        mixed = fourier.shares(power_by_definition(pair))
        np.testing.assert_allclose(mixed[[one - 1, other - 1]], 0.5, atol=0.02)
    found = fourier.planes(embedding)
    for k in (one, other):
        assert found.circularity[0, k - 1] > 0.99
        assert fourier.shares(power_by_definition(found.points[0, k - 1]))[k - 1] > 0.99


def test_power_and_planes_are_invariant_to_rotations_of_the_embedding():
    embedding = planted(53, {5: 1.0, 9: 0.5}, 16, noise=0.2, seed=3)
    turned = (embedding @ frame(16, np.random.default_rng(4))).astype(np.float32)
    both = np.stack([embedding, turned])
    np.testing.assert_allclose(*fourier.power(both), rtol=1e-4)
    found = fourier.planes(both)
    np.testing.assert_allclose(*found.circularity, atol=1e-4)
    np.testing.assert_allclose(*found.share, rtol=1e-3)
    np.testing.assert_allclose(*found.points, atol=1e-3)


@pytest.mark.parametrize("modulus", [8, 53])
def test_circularity_of_ellipses_and_lines(modulus):
    angles = 2 * np.pi * 3 * np.arange(modulus) / modulus
    for a, b in [(1, 1), (2, 1), (1, 3), (1, -1), (1, 0)]:
        x, y = a * np.cos(angles), b * np.sin(angles)
        turned = [x * np.cos(0.3) - y * np.sin(0.3) + 7, x * np.sin(0.3) + y * np.cos(0.3) - 5]
        found = fourier.circularity(np.stack(turned, axis=-1).astype(np.float32))
        assert found == pytest.approx((a + abs(b)) ** 2 / (2 * a**2 + 2 * b**2), abs=1e-5)


def test_circularity_is_nan_at_half_the_modulus():
    found = fourier.planes(planted(8, {1: 1.0}, 6, noise=0.3)[None])
    assert np.isnan(found.circularity[0]).tolist() == [False, False, False, True]


@pytest.mark.parametrize("modulus", [53, 8])
def test_circularity_of_a_plane_is_at_its_own_frequency(modulus):
    """A circle at k = 3 is visible in all planes; only plane 3 is circular at its frequency."""
    found = fourier.planes(planted(modulus, {3: 1.0}, dims=16, noise=0.01)[None])
    circularity = found.circularity[0]
    assert circularity[2] > 0.99
    others = np.delete(circularity, 2)
    assert np.nanmax(others) < 0.5


def test_half_the_modulus_has_only_a_cosine():
    table = planted(8, {3: 1.0}, dims=6, noise=0.1)
    found = fourier.planes(table[None])
    assert np.isnan(found.circularity[0, 3])
    assert not found.points[0, 3, :, 1].any()
    centred = table - table.mean(axis=0)
    along = (-1.0) ** np.arange(8) @ centred
    expected = np.sum((centred @ along / np.linalg.norm(along)) ** 2) / np.sum(centred**2)
    np.testing.assert_allclose(found.share[0, 3], expected, rtol=1e-4)


def test_a_single_frequency_is_key():
    """At P = 2 and 3, 1.25 times an even share would exceed the whole power."""
    assert fourier.is_key(np.array([[2.0], [0.5]]), 1.25).all()
