"""Principal components against NumPy in float64, and their signs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokjax.analysis import fourier
from grokjax.analysis.pca import COMPONENTS, pca, project
from tests.planted import SEEDS, frame, often, planted


def stretched(modulus, dims, seed, scale=1.0):
    """Embeddings `[3, P, D]` with distinct variances, so that components are well defined."""
    rng = np.random.default_rng(seed)
    rank = min(modulus - 1, dims)
    tokens = np.linalg.qr(np.column_stack([np.ones(modulus), rng.normal(size=(modulus, rank))]))[0]
    rows = [frame(dims, rng)[:rank] for _ in range(3)]
    sizes = 1.5 ** -np.arange(rank) * rng.uniform(0.95, 1.05, rank)
    means = rng.normal(size=(3, 1, dims))
    found = [(tokens[:, 1:] * sizes) @ row + mean for row, mean in zip(rows, means, strict=True)]
    return (scale * np.stack(found)).astype(np.float32)


def by_covariance(embedding):
    """Mean, variances and axes by decreasing variance, from the eigenvectors of the covariance."""
    embedding = embedding.astype(np.float64)
    values, vectors = np.linalg.eigh(np.cov(embedding.T, bias=True))
    return embedding.mean(axis=0), values[::-1], vectors.T[::-1]


@pytest.mark.parametrize(("modulus", "dims"), [(7, 4), (8, 11)])
@often(15)
@given(seed=SEEDS, scale=st.floats(1e-2, 1e2))
def test_components_are_eigenvectors_of_the_covariance(modulus, dims, seed, scale):
    embeddings = stretched(modulus, dims, seed, scale)
    found = pca(embeddings, components=3)
    assert found.scores.shape == (3, modulus, 3)
    for i, embedding in enumerate(embeddings):
        mean, variances, axes = by_covariance(embedding)
        np.testing.assert_allclose(found.mean[i], mean, atol=1e-6 * scale, rtol=1e-5)
        share = variances / variances.sum()
        np.testing.assert_allclose(found.explained[i], share[:3], rtol=1e-3)
        overlap = np.abs(found.components[i] @ axes[:3].T)
        np.testing.assert_allclose(overlap, np.eye(3), atol=2e-3)
        scores = (embedding - mean) @ found.components[i].astype(np.float64).T
        np.testing.assert_allclose(found.scores[i], scores, atol=1e-4 * scale)


@often(15)
@given(seed=SEEDS)
def test_all_components_explain_all_of_the_variance(seed):
    embeddings = stretched(7, 4, seed)
    found = pca(embeddings, components=4)
    np.testing.assert_allclose(found.explained.sum(axis=1), 1, atol=1e-5)
    assert (np.diff(found.explained, axis=1) <= 0).all()
    for i, embedding in enumerate(embeddings):
        np.testing.assert_allclose(
            found.components[i] @ found.components[i].T, np.eye(4), atol=1e-5
        )
        np.testing.assert_allclose(found.scores[i].mean(axis=0), 0, atol=1e-5)
        rebuilt = found.scores[i] @ found.components[i] + found.mean[i]
        np.testing.assert_allclose(rebuilt, embedding, atol=1e-5)
        power = (found.scores[i] ** 2).sum(axis=0)
        np.testing.assert_allclose(found.explained[i], power / power.sum(), rtol=1e-3, atol=1e-6)


@often(15)
@given(seed=SEEDS)
def test_the_largest_entry_of_a_component_is_positive(seed):
    embeddings = stretched(7, 4, seed)
    found = pca(embeddings, components=3)
    largest = np.abs(found.components).argmax(axis=-1)[..., None]
    assert (np.take_along_axis(found.components, largest, axis=-1) > 0).all()
    # Therefore the mirrored embedding has the same components and opposite scores.
    mirrored = pca(-embeddings, components=3)
    np.testing.assert_allclose(mirrored.components, found.components, atol=1e-4)
    np.testing.assert_allclose(mirrored.scores, -found.scores, atol=1e-4)
    # Components do not depend on the order of the tokens or on a shift.
    moved = pca(embeddings[:, ::-1] + np.float32(0.5), components=3)
    np.testing.assert_allclose(moved.scores, found.scores[:, ::-1], atol=1e-4)


@often(15)
@given(seed=SEEDS)
def test_scores_are_invariant_to_rotations_up_to_sign(seed):
    embeddings = stretched(7, 4, seed)
    axes = frame(4, np.random.default_rng(seed + 1)).astype(np.float32)
    found, turned = pca(embeddings, components=3), pca(embeddings @ axes, components=3)
    np.testing.assert_allclose(np.abs(turned.scores), np.abs(found.scores), atol=1e-4)
    np.testing.assert_allclose(turned.explained, found.explained, atol=1e-5)


def test_projecting_snapshots_on_the_final_components():
    final = stretched(8, 11, seed=0)
    earlier = np.random.default_rng(1).normal(size=(3, 8, 11)).astype(np.float32)
    fit = pca(final, components=5)
    found = project(np.stack([earlier, final], axis=1), fit)
    assert found.shape == (3, 2, 8, 5)
    np.testing.assert_allclose(found[:, 1], fit.scores, atol=1e-5)
    for i in range(3):  # centred with the mean of the fit, not of the snapshot
        mean = final[i].astype(np.float64).mean(axis=0)
        expected = (earlier[i] - mean) @ fit.components[i].T
        np.testing.assert_allclose(found[i, 0], expected, atol=1e-4)


def test_pairs_of_components_are_the_six_circles_of_the_notebook():
    radii = {7: 1.8, 3: 1.7, 16: 1.6, 24: 1.5, 1: 1.4, 18: 1.3}
    found = pca(planted(53, radii, 128, noise=0.01)[None])
    assert found.scores.shape == (1, 53, COMPONENTS)
    for i, (k, radius) in enumerate(radii.items()):
        pair = found.scores[0][:, 2 * i : 2 * i + 2]
        np.testing.assert_allclose(np.linalg.norm(pair, axis=1), radius, atol=0.1)
        assert fourier.shares(fourier.power(pair[None]))[0, k - 1] > 0.99
    expected = np.repeat(np.square(list(radii.values())), 2) / 2
    expected /= expected.sum()
    np.testing.assert_allclose(found.explained[0], expected, rtol=0.02)
