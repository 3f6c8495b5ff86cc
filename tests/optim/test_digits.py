"""Differences of numbers near 1 in float32 lose no digits, compared with NumPy in float64."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from grokjax.analysis.fourier import gini
from grokjax.config.config import Config
from grokjax.models.network import build_network
from grokjax.optim import transforms
from grokjax.optim.optimizer import build_optimizer
from grokjax.tasks import operations
from grokjax.training.member import build_member
from tests.optim.rules_by_hand import adam, hypers, slow_ema

STEPS = 3000
GRADIENTS = np.random.default_rng(0).normal(size=(STEPS, 200)).astype(np.float32)
BETAS = [0.0, 0.9, 0.98, 0.99, 0.999, 0.9999]
ALPHAS = [0.9, 0.98, 0.99, 0.999, 0.9999]


def errors(found, expected):
    """Return the error of each row `[T, N]` relative to its norm, `[T]`."""
    difference = np.linalg.norm(np.asarray(found, np.float64) - expected, axis=1)
    return difference / np.linalg.norm(expected, axis=1)


def updates(configs):
    """Return the updates of each config at a rate of 1, `[C, T, N]`, by one compiled program."""

    def of(config, gradients):
        optimizer = build_optimizer(config.program, hypers(config))
        start = jnp.zeros_like(gradients[0])

        def step(state, gradient):
            update, state = optimizer.update(gradient, state, start)
            return state, -update

        return jax.lax.scan(step, optimizer.init(start), gradients)[1]

    return jax.jit(lambda gradients: [of(config, gradients) for config in configs])(GRADIENTS)


def test_adam_is_exact_from_its_first_step_to_its_last():
    """Relative errors were 6.6e-6 at beta2 = 0.999 from the first step on, and 8e-5 at 0.9999."""
    settings = {"learning_rate": 1.0, "weight_decay": 0.0}
    configs = [Config(**settings, beta1=b1, beta2=b2) for b1 in (0.0, 0.9) for b2 in BETAS]
    for config, found in zip(configs, updates(configs), strict=True):
        direction = adam(config)
        expected = np.array([direction(g) for g in GRADIENTS.astype(np.float64)])
        each = errors(found, expected)
        betas = (config.beta1, config.beta2)
        assert each[:4].max() < 2e-7, f"{betas}, first steps: {each[:4]}"
        assert each[-100:].max() < 1e-6, f"{betas}, last steps: {each[-100:].max():.1e}"


def test_grokfasts_average_remembers_as_long_as_its_alpha_says():
    """The relative error was 3.4e-5 at alpha = 0.999, when alpha was rounded to float32."""
    settings = {"optimizer": "sgd", "beta1": 0.0, "weight_decay": 0.0, "learning_rate": 1.0}
    configs = [Config(**settings, grokfast="ema", grokfast_alpha=alpha) for alpha in ALPHAS]
    for config, found in zip(configs, updates(configs), strict=True):
        amplified = slow_ema(config)
        expected = np.array([amplified(g) for g in GRADIENTS.astype(np.float64)])
        worst = errors(found, expected).max()
        assert worst < 2e-6, f"alpha {config.grokfast_alpha}: {worst:.1e}"


@pytest.mark.parametrize("kind", ["linear", "cosine"])
@pytest.mark.parametrize("final_rate", [0.0, 1 / 3])
def test_schedules_are_exact_to_their_last_step(kind, final_rate):
    """Relative errors were up to 1 in the last steps of a cosine, and 1e-3 of a line."""
    warmup, steps = 10, 100_000
    lengths = (jnp.float32(x) for x in (warmup, steps, final_rate))
    factor = jax.jit(jax.vmap(transforms.schedule_factor(kind, *lengths)))
    count = np.arange(warmup + steps + 3)
    left = np.clip((warmup + steps - count) / steps, 0, 1)
    if kind == "cosine":  # (1 + cos(pi (1 - left))) / 2, without its cancellation
        left = np.sin(np.pi / 2 * left) ** 2
    expected = np.minimum(count / warmup, 1) * (final_rate + (1 - final_rate) * left)
    np.testing.assert_allclose(factor(np.int32(count)), expected, rtol=1e-6, atol=0)


def cross_entropies(config, params):
    """Return the cross-entropies of all pairs in float64, and as each network computes them."""
    with jax.enable_x64(True):
        wide = jax.tree.map(lambda leaf: np.asarray(leaf, np.float64), params)
        network = build_network(config.model_settings, config.spec)
        logits = np.asarray(network.apply(wide, operations.all_pairs(config.modulus)))
    labels = operations.labels_of(config.operation, config.modulus)
    right = np.take_along_axis(logits, labels[:, None], axis=1)
    above = logits - right
    np.put_along_axis(above, labels[:, None], -np.inf, axis=1)
    return np.log1p(np.exp(above).sum(axis=1))


def test_the_recorded_loss_of_a_network_that_is_almost_certain():
    """A loss of 3e-7 was off by 17%, and a loss below 6e-8 was 0."""
    settings = {"modulus": 5, "embed_dim": 0, "hidden_dim": 32, "batch_size": None}
    config = Config(**settings, learning_rate=0.05, weight_decay=0.0, eval_every=100)
    one = build_member(config.program, config.train_size, (config.variant,))
    own = hypers(config)
    train, state = jax.jit(one.round), one.init(own)[0]
    order = np.asarray(one.constants(own).data.order)
    for most, least in ((1e-3, 1e-6), (1e-6, 0)):
        while (metrics := train(own, state))[1]["train_loss"] > most:
            state = metrics[0]
        state, metrics = metrics
        losses = cross_entropies(config, state.params)[order]
        trained, rest = losses[: config.train_size].mean(), losses[config.train_size :].mean()
        assert least < trained < 1.1 * most
        np.testing.assert_allclose(metrics["train_loss"], trained, rtol=2e-5)
        np.testing.assert_allclose(metrics["test_loss"], rest, rtol=1e-5)


def test_gini_of_one_frequency_among_small_ones():
    """The error was 1e-6, when each small value was added to the large one."""
    for size in (3, 26, 56, 500):
        values = np.full((1, size), 1e-3, np.float32)
        values[:, 0] = 1
        exact = np.sort(values[0].astype(np.float64))
        rank = 2 * np.arange(1, size + 1) - size - 1
        expected = (rank * exact).sum() / (size * exact.sum())
        np.testing.assert_allclose(gini(values)[0], expected, rtol=2e-7)
