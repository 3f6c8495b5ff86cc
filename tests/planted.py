"""Embeddings and networks whose analysis is known."""

import numpy as np
from hypothesis import Phase, settings
from hypothesis import strategies as st

from grokjax.config.config import Config

SEEDS = st.integers(0, 2**32 - 1)


def often(examples, shrink=True):
    """Return Hypothesis settings: test this number of cases, the same ones in every run.

    shrink: whether to search for a simpler failing case, which slow tests cannot afford.
    """
    phases = [p for p in Phase if shrink or p not in (Phase.shrink, Phase.explain)]
    return settings(max_examples=examples, deadline=None, derandomize=True, phases=phases)


def frame(dims, rng):
    """Return a random orthogonal matrix `[D, D]`."""
    return np.linalg.qr(rng.normal(size=(dims, dims)))[0]


def planted(modulus, radii, dims, noise=0.0, seed=0):
    """Return an embedding float32 `[P, D]` that is a sum of circles in orthogonal planes.

    The planes, the phases and the centre are random.

    radii: radius of the circle of each frequency, `{k: r}`.
    """
    rng = np.random.default_rng(seed)
    axes, t = frame(dims, rng), np.arange(modulus)
    embedding = 3 * rng.normal(size=dims) + noise * rng.normal(size=(modulus, dims))
    for i, (k, radius) in enumerate(radii.items()):
        angles = 2 * np.pi * k * t / modulus + rng.uniform(0, 2 * np.pi)
        wave = np.stack([np.cos(angles), np.sin(angles)], axis=1)
        embedding += radius * wave @ axes[2 * i : 2 * i + 2]
    return embedding.astype(np.float32)


def power_by_definition(table):
    """Return the power at each frequency, `[P, D]` -> `[P // 2]`, by sums over the tokens."""
    table = np.asarray(table, np.float64)
    modulus = len(table)
    power = []
    for k in range(1, modulus // 2 + 1):
        both = {k, modulus - k}
        waves = [np.exp(-2j * np.pi * f * np.arange(modulus) / modulus) for f in both]
        power.append(sum((np.abs(wave @ table) ** 2).sum() for wave in waves) / modulus)
    return np.array(power)


def network(modulus, dims, hidden, members, seed):
    """Return parameters of random networks, with a leading axis of members."""
    rng = np.random.default_rng(seed)

    def draw(*shape):
        return rng.normal(size=(members, *shape)).astype(np.float32)

    return {
        "embed": {"embedding": draw(modulus, dims)},
        "hidden": {"kernel": draw(2 * dims, hidden), "bias": draw(hidden)},
        "output": {"kernel": draw(hidden, modulus), "bias": draw(modulus)},
    }


def network_of(params):
    """Return the settings of `network`: concatenated embeddings and one hidden layer of ReLU."""
    (modulus, dims), hidden = params["embed"]["embedding"].shape[1:], params["hidden"]["bias"]
    config = Config(modulus=modulus, embed_dim=dims, hidden_dim=hidden.shape[1], train_fraction=0.6)
    return config.network
