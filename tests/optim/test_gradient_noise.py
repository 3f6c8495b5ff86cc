"""Noise on gradients: its distribution, its streams, and its place in a step."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from grokjax.config.config import Config
from grokjax.optim.optimizer import build_optimizer
from tests.optim.rules_by_hand import GRADIENTS, expected, hypers, in_float64
from tests.optim.test_transforms import last


def noise_of(steps=3, **settings):
    """Return the updates of SGD at rate 1 for zero gradients, `[steps]` of two equal arrays."""
    config = Config(
        **{"optimizer": "sgd", "beta1": 0.0, "weight_decay": 0.0, "learning_rate": 1.0}, **settings
    )
    optimizer = build_optimizer(config.program, hypers(config))
    params = {"a": jnp.zeros((100, 80)), "b": jnp.zeros((100, 80))}
    state, found = optimizer.init(params), []
    for _ in range(steps):
        updates, state = optimizer.update(params, state, params)
        found.append(jax.tree.map(np.asarray, updates))
    return found


def test_gradient_noise_is_normal_and_new_at_each_step_array_and_seed():
    draws = [
        x for seed in (0, 1) for n in noise_of(gradient_noise=0.3, seed=seed) for x in n.values()
    ]
    for draw in draws:
        scaled = draw.ravel() / 0.3
        assert abs(scaled.mean()) < 5 / np.sqrt(8000)
        assert abs(scaled.std() - 1) < 5 / np.sqrt(16_000)
        assert abs((scaled**4).mean() - 3) < 5 * np.sqrt(96 / 8000)
    correlations = np.corrcoef([draw.ravel() for draw in draws]) - np.eye(12)
    assert np.abs(correlations).max() < 5 / np.sqrt(8000)
    # The same seed has the same noise, whatever the data seed.
    for again, draw in zip(
        noise_of(gradient_noise=0.3, seed=1, data_seed=9)[1].values(), draws[8:10], strict=True
    ):
        np.testing.assert_array_equal(again, draw)


def test_no_noise_of_deviation_zero():
    (first, *_) = noise_of(gradient_noise=0.0)
    assert not any(x.any() for x in first.values())
    # Beside a member that has some, so with the noise compiled in.
    program = Config(gradient_noise=0.3).program
    silent = hypers(Config(gradient_noise=0.0))
    quiet = jax.jit(functools.partial(last, program=program, gradients=GRADIENTS))(silent)
    for name, rows in expected(Config()).items():
        np.testing.assert_allclose(in_float64(quiet)[name], rows[-1], rtol=1e-5)


def test_noise_is_added_to_the_gradient_before_the_average():
    """The order is noise, Grokfast, optimiser, so the first average is the noisy gradient."""
    noise = noise_of(1, gradient_noise=0.3)[0]
    amplified = noise_of(1, gradient_noise=0.3, grokfast="ema", grokfast_lambda=2.0)[0]
    jax.tree.map(lambda n, a: np.testing.assert_allclose(a, 3 * n, rtol=1e-5), noise, amplified)
