"""Initial weights against numbers written out, of each scheme on one network."""

from typing import get_args

import jax
import numpy as np
import pytest

from grokjax.config.config import Config
from grokjax.models.mlp import Initializer
from grokjax.models.network import build_network

NORMAL, UNIFORM, ZERO = "normal", "uniform", "zero"

SETTINGS = {"modulus": 72, "embed_dim": 128, "hidden_dim": 250, "hidden_layers": 2}
"""72 + 128 = 200; the first layer has 256 inputs, the second and the output 250."""

BY_HAND = {
    "glorot-normal": {
        "embed/embedding": (NORMAL, 0.1),  # sqrt(2 / 200)
        "hidden/kernel": (NORMAL, 0.0628695),  # sqrt(2 / 506)
        "hidden_2/kernel": (NORMAL, 0.0632456),  # sqrt(2 / 500)
        "output/kernel": (NORMAL, 0.0788110),  # sqrt(2 / 322)
    },
    "glorot-uniform": {
        "embed/embedding": (UNIFORM, 0.1732051),  # sqrt(6 / 200)
        "hidden/kernel": (UNIFORM, 0.1088932),  # sqrt(6 / 506)
        "hidden_2/kernel": (UNIFORM, 0.1095445),
        "output/kernel": (UNIFORM, 0.1365047),
    },
    "he-normal": {
        "embed/embedding": (NORMAL, 0.125),  # sqrt(2 / 128)
        "hidden/kernel": (NORMAL, 0.0883883),  # sqrt(2 / 256)
        "hidden_2/kernel": (NORMAL, 0.0894427),  # sqrt(2 / 250)
        "output/kernel": (NORMAL, 0.0894427),
    },
    "lecun-normal": {
        "embed/embedding": (NORMAL, 0.0883883),  # sqrt(1 / 128)
        "hidden/kernel": (NORMAL, 0.0625),  # sqrt(1 / 256)
        "hidden_2/kernel": (NORMAL, 0.0632456),  # sqrt(1 / 250)
        "output/kernel": (NORMAL, 0.0632456),
    },
    "fan-in-normal": {
        "embed/embedding": (NORMAL, 0.0883883),
        "hidden/kernel": (NORMAL, 0.0625),
        "hidden/bias": (NORMAL, 1e-6),
        "hidden_2/kernel": (NORMAL, 0.0632456),
        "hidden_2/bias": (NORMAL, 1e-6),
        "output/kernel": (NORMAL, 0.0632456),
        "output/bias": (NORMAL, 1e-6),
    },
    "torch": {
        "embed/embedding": (NORMAL, 1.0),
        "hidden/kernel": (UNIFORM, 0.0625),
        "hidden/bias": (UNIFORM, 0.0625),
        "hidden_2/kernel": (UNIFORM, 0.0632456),
        "hidden_2/bias": (UNIFORM, 0.0632456),
        "output/kernel": (UNIFORM, 0.0632456),
        "output/bias": (UNIFORM, 0.0632456),
    },
    "gromov": {
        "embed/embedding": (NORMAL, 0.0629961),  # .5 / 500^(1/3)
        "hidden/kernel": (NORMAL, 0.0629961),
        "hidden_2/kernel": (NORMAL, 0.0629961),
        "output/kernel": (NORMAL, 0.0629961),
    },
    "liu": {
        "embed/embedding": (UNIFORM, 0.5),
        "hidden/kernel": (UNIFORM, 0.0625),
        "hidden/bias": (UNIFORM, 0.0625),
        "hidden_2/kernel": (UNIFORM, 0.0632456),
        "hidden_2/bias": (UNIFORM, 0.0632456),
        "output/kernel": (UNIFORM, 0.0632456),
        "output/bias": (UNIFORM, 0.0632456),
    },
    "zhong": {
        "embed/embedding": (NORMAL, 0.0894427),  # sqrt(2 / 250)
        "hidden/kernel": (UNIFORM, 0.0625),
        "hidden/bias": (UNIFORM, 0.0625),
        "hidden_2/kernel": (UNIFORM, 0.0632456),
        "hidden_2/bias": (UNIFORM, 0.0632456),
        "output/kernel": (NORMAL, 0.0632456),
    },
}
"""Deviation of a normal, bound of a uniform; biases that are not named are zero."""


def initial(seed=0, **settings):
    config = Config(**settings)
    params = build_network(config.model_settings, config.spec).init(jax.random.key(seed))
    return {
        f"{layer}/{name}": np.asarray(array, np.float64)
        for layer, arrays in params.items()
        for name, array in arrays.items()
    }


def check(array, kind, size):
    """Mean, deviation and tails, to five deviations of their estimates."""
    scaled, count = array.ravel() / (size or 1), array.size
    if kind == ZERO:
        assert not scaled.any()
    elif kind == NORMAL:
        assert abs(scaled.mean()) < 5 / np.sqrt(count)
        assert abs(scaled.std() - 1) < 5 / np.sqrt(2 * count)
        # Cut off at two deviations, as JAX does it, the fourth moment is 2.37 and none is at 2.3.
        assert abs((scaled**4).mean() - 3) < 5 * np.sqrt(96 / count)
        assert count < 1_000 or np.abs(scaled).max() > 3.2  # a bias has too few for such a tail
        assert np.abs(scaled).max() < 6
    else:
        assert np.abs(scaled).max() <= 1 + 1e-6  # the numbers by hand are rounded
        assert scaled.max() > 1 - 10 / count
        assert scaled.min() < -1 + 10 / count
        assert abs(scaled.mean()) < 5 / np.sqrt(3 * count)
        assert abs((scaled**2).mean() - 1 / 3) < 5 * np.sqrt(4 / 45 / count)


@pytest.mark.parametrize("name", BY_HAND)
def test_distributions_are_those_of_the_table(name):
    found = initial(initializer=name, **SETTINGS)
    assert set(BY_HAND[name]) <= set(found)
    for array, weights in found.items():
        check(weights, *BY_HAND[name].get(array, (ZERO, 0)))


def test_the_table_has_every_scheme():
    assert set(BY_HAND) == set(get_args(Initializer))


def test_gromovs_quadratic_network_starts_at_a_twentieth():
    """As d-doshi/Grokking has it: deviation .05 of both layers, 500 wide, one-hot inputs."""
    found = initial(modulus=97, embed_dim=0, hidden_dim=500, biases=False, initializer="gromov")
    assert {name: weights.shape for name, weights in found.items()} == {
        "hidden/kernel": (194, 500),
        "output/kernel": (500, 97),
    }
    for weights in found.values():
        check(weights, NORMAL, 0.05)


@pytest.mark.parametrize(("combine", "bound"), [("concatenate", 0.0721688), ("sum", 0.1020621)])
def test_fan_in_counts_what_enters_the_first_layer(combine, bound):
    """One-hot, two of 96 tokens are 192 inputs, and their sum is 96: 1 / sqrt of these."""
    found = initial(modulus=96, embed_dim=0, hidden_dim=250, combine=combine, initializer="torch")
    check(found["hidden/kernel"], UNIFORM, bound)
    check(found["hidden/bias"], UNIFORM, bound)


def test_a_tied_networks_embedding_starts_as_any_other():
    found = initial(modulus=72, embed_dim=128, hidden_dim=128, tied=True, initializer="torch")
    assert set(found) == {"embed/embedding", "hidden/kernel", "hidden/bias", "output/bias"}
    check(found["embed/embedding"], NORMAL, 1.0)
    check(found["output/bias"], UNIFORM, 0.0883883)  # 1 / sqrt(128)


def test_a_layer_norm_starts_as_the_identity():
    found = initial(initializer="torch", layer_normalization=True, **SETTINGS)
    for name in ("norm", "norm_2"):
        assert (found[f"{name}/scale"] == 1).all()
        assert (found[f"{name}/bias"] == 0).all()


def test_arrays_of_one_shape_and_seeds_are_drawn_apart():
    settings = {**SETTINGS, "hidden_layers": 3, "embeddings": "separate", "initializer": "torch"}
    found, other = initial(**settings), initial(seed=1, **settings)
    alike = [("embed/embedding", "embed_second/embedding"), ("hidden_2/kernel", "hidden_3/kernel")]
    for first, second in [*alike, ("hidden_2/bias", "hidden_3/bias")]:
        correlation = np.corrcoef(found[first].ravel(), found[second].ravel())[0, 1]
        assert abs(correlation) < 5 / np.sqrt(found[first].size)
    for name, weights in found.items():
        correlation = np.corrcoef(weights.ravel(), other[name].ravel())[0, 1]
        assert abs(correlation) < 5 / np.sqrt(weights.size)
