"""Losses against their definitions in NumPy float64, and their gradients by differences."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grokjax.optim.losses import LOSSES
from tests.planted import SEEDS, often


def softmax(x, y):
    """Return -log softmax; the largest logit is subtracted, as float64 would overflow too."""
    return np.log(np.exp(x - x.max()).sum()) + x.max() - x[y]


def squared(x, y):
    return sum((value - (i == y)) ** 2 for i, value in enumerate(x)) / len(x)


def stablemax(x, y):
    """Prieto et al. 2025, Definition 2."""
    s = np.array([value + 1 if value >= 0 else 1 / (1 - value) for value in x])
    return -np.log(s[y] / s.sum())


DEFINITIONS = {
    "cross-entropy": softmax,
    "exact-cross-entropy": softmax,
    "mse": squared,
    "stablemax": stablemax,
}


def loss_and_gradient(name, logits, labels):
    """Return the losses `[N]` and gradients `[N, C]` of all rows, in float32 by JAX."""
    targets = jax.nn.one_hot(jnp.asarray(labels), np.shape(logits)[1])

    def total(logits):
        losses = LOSSES[name](logits, targets)
        return losses.sum(), losses

    gradient, losses = jax.grad(total, has_aux=True)(jnp.asarray(logits, jnp.float32))
    return np.asarray(losses), np.asarray(gradient)


def differences(name, row, label):
    """Return central differences of the definition, in float64."""
    found = []
    for step in np.eye(len(row)):
        step = step * 1e-6 * max(1, np.abs(row).max())
        up, down = (DEFINITIONS[name](row + sign * step, label) for sign in (1, -1))
        found.append((up - down) / (2 * step.max()))
    return np.array(found)


@pytest.mark.parametrize("margin", [2.0, 14.0, 18.0, 40.0])
def test_the_exact_gradient_does_not_vanish_where_the_network_is_almost_certain(margin):
    """In float32, p - 1 of the target is 0 from a margin of about 17 on."""
    logits = np.array([[margin, 0.0, -1.0, 0.5]], np.float32)
    others = np.exp(logits[0, 1:].astype(float) - margin)
    wanted = np.array([-others.sum(), *others]) / (1 + others.sum())
    losses, gradient = loss_and_gradient("exact-cross-entropy", logits, [0])
    np.testing.assert_allclose(gradient[0], wanted, rtol=1e-5)
    np.testing.assert_allclose(losses[0], np.log1p(others.sum()), rtol=1e-5)


def test_every_loss_has_a_definition_here():
    assert set(DEFINITIONS) == set(LOSSES)


@pytest.mark.parametrize("name", DEFINITIONS)
@often(30)
@given(seed=SEEDS, size=st.sampled_from([0.1, 1.0, 10.0, 100.0]))
def test_losses_and_gradients_against_definitions(name, seed, size):
    rng = np.random.default_rng(seed)
    logits = (size * rng.normal(size=(6, 5))).astype(np.float32).astype(np.float64)
    labels = rng.integers(0, 5, 6)
    losses, gradient = loss_and_gradient(name, logits, labels)
    expected = [DEFINITIONS[name](row, label) for row, label in zip(logits, labels, strict=True)]
    assert losses.shape == (6,)
    np.testing.assert_allclose(losses, expected, rtol=1e-5, atol=1e-6 * size)
    slopes = [differences(name, row, label) for row, label in zip(logits, labels, strict=True)]
    np.testing.assert_allclose(gradient, slopes, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("name", DEFINITIONS)
@pytest.mark.parametrize("label", [0, 1, 2])
@pytest.mark.parametrize("large", [1e4, 1e8])
def test_large_logits_are_finite_and_right(name, label, large):
    row = np.array([large, 0.0, -large])
    losses, gradient = loss_and_gradient(name, row[None], [label])
    np.testing.assert_allclose(losses[0], DEFINITIONS[name](row, label), rtol=1e-5, atol=1e-7)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("name", ["cross-entropy", "mse"])
def test_gradients_at_zero(name):
    _, gradient = loss_and_gradient(name, np.zeros((1, 4)), [2])
    by_hand = {"cross-entropy": [0.25, 0.25, -0.75, 0.25], "mse": [0, 0, -0.5, 0]}
    np.testing.assert_allclose(gradient[0], by_hand[name], atol=1e-6)


def test_the_gradient_of_stablemax_at_zero():
    """The slope of s is 1 from both sides."""
    _, gradient = loss_and_gradient("stablemax", np.zeros((1, 4)), [2])
    np.testing.assert_allclose(gradient[0], [0.25, 0.25, -0.75, 0.25], atol=1e-6)


@pytest.mark.parametrize("name", DEFINITIONS)
def test_losses_at_zero_are_finite(name):
    losses, gradient = loss_and_gradient(name, np.zeros((1, 4)), [2])
    np.testing.assert_allclose(losses[0], 0.25 if name == "mse" else np.log(4), rtol=1e-6)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize("value", [-1.0, 1.0, 2.0, -1e-7, 1e-7])
def test_stablemax_beside_the_poles_of_the_branch_not_taken(value):
    """1 / (1 - x) has a pole at 1, but is used only below 0."""
    rows = np.float32([[value, 0.5, 1.0], [-3.0, value, value]]).astype(np.float64)
    losses, gradient = loss_and_gradient("stablemax", rows, [0, 1])
    expected = [stablemax(rows[0], 0), stablemax(rows[1], 1)]
    np.testing.assert_allclose(losses, expected, rtol=1e-6)
    slopes = [differences("stablemax", rows[0], 0), differences("stablemax", rows[1], 1)]
    np.testing.assert_allclose(gradient, slopes, atol=1e-5)


def test_stablemax_tells_a_small_loss_from_none():
    """A loss of 2e-12 is exact, although 1 - p rounds to 0 in float32 there."""
    losses, gradient = loss_and_gradient("stablemax", [[1e6, -1e6, -1e6]], [0])
    np.testing.assert_allclose(losses, [2e-12], rtol=1e-4)
    # d/dx of log1p(2e-6 / (1 + x)) is -2e-18 at the right logit; 1e-6 / (1e6 (1e6)^2) elsewhere.
    np.testing.assert_allclose(gradient[0], [-2e-18, 1e-18, 1e-18], rtol=1e-4)
