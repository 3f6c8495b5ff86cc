"""Optimisers, schedules and filters in NumPy float64, each a loop as it was published."""

from collections import deque

import jax
import numpy as np

from grokjax.config.hyperparams import hypers_of

SHAPES = {"first": {"kernel": (3, 4), "bias": (4,)}, "second": {"kernel": (4, 2)}}
STEPS = 40


def normal(seed, steps=STEPS):
    """Return normal gradients, nested as parameters, float32 `[steps, ...]`."""
    rng = np.random.default_rng(seed)
    return {
        layer: {k: rng.normal(size=(steps, *shape)).astype(np.float32) for k, shape in q.items()}
        for layer, q in SHAPES.items()
    }


START = jax.tree.map(lambda x: x[0], normal(1, 1))
GRADIENTS = normal(2)


def hypers(config):
    """Return the hyperparameters of a member that is alone in its program."""
    return hypers_of(config, (config.variant,))


def in_float64(tree):
    return {(a, b): np.asarray(x, np.float64) for a, q in tree.items() for b, x in q.items()}


def adam(config):
    """Kingma & Ba 2015, Algorithm 1, of one array: gradient -> direction."""
    m = v = t = 0

    def direction(g):
        nonlocal m, v, t
        t += 1
        m = config.beta1 * m + (1 - config.beta1) * g
        v = config.beta2 * v + (1 - config.beta2) * g**2
        m_hat, v_hat = m / (1 - config.beta1**t), v / (1 - config.beta2**t)
        return m_hat / (np.sqrt(v_hat) + config.eps)

    return direction


def momentum(config):
    """As torch.optim.SGD without dampening: b = momentum b + g."""
    b = 0

    def direction(g):
        nonlocal b
        b = config.beta1 * b + g
        return b

    return direction


def slow_ema(config):
    """Lee et al. 2024, Algorithm 2, as in their code: the first average is the gradient."""
    average = None

    def amplified(g):
        nonlocal average
        average = g if average is None else average
        alpha = config.grokfast_alpha
        average = average * alpha + g * (1 - alpha)
        strength = 2.0 if config.grokfast_lambda is None else config.grokfast_lambda
        return g + strength * average

    return amplified


def slow_ma(config):
    """Lee et al. 2024, Algorithm 1: the mean of a deque, once the deque is full."""
    last = deque(maxlen=config.grokfast_window)

    def amplified(g):
        last.append(g)
        if len(last) < config.grokfast_window:
            return g
        strength = 5.0 if config.grokfast_lambda is None else config.grokfast_lambda
        return g + strength * sum(last) / len(last)

    return amplified


def unfiltered(config):
    return lambda g: g


def orthogonal(g, w):
    """Prieto et al. 2025: g minus its projection on w, rescaled to the norm of g."""
    across = g - (w * g).sum() / (w * w).sum() * w
    return across * np.sqrt((g**2).sum() / (across**2).sum())


def factor(config, t):
    """Return the factor on the learning rate at step t = 0, 1, ..."""
    if t < config.warmup_steps:
        return t / config.warmup_steps
    if config.schedule == "constant":
        return 1.0
    share = min((t - config.warmup_steps) / config.decay_steps, 1.0)
    left = {"linear": 1 - share, "cosine": (1 + np.cos(np.pi * share)) / 2}[config.schedule]
    return config.final_rate + (1 - config.final_rate) * left


def expected(config, gradients=GRADIENTS, start=START):
    """Return the parameters after each step in float64, by (layer, array)."""
    found = {}
    for name, w in in_float64(start).items():
        amplified = {"ema": slow_ema, "ma": slow_ma, "none": unfiltered}[config.grokfast](config)
        direction = (momentum if config.optimizer == "sgd" else adam)(config)
        origin = in_float64(START)[name] if config.decay_towards == "initial" else 0
        found[name] = []
        for t, g in enumerate(in_float64(gradients)[name]):
            g = amplified(g)
            if config.orthogonal_gradient:
                g = orthogonal(g, w)
            if config.optimizer == "adamw":
                move = direction(g) + config.weight_decay * (w - origin)
            else:
                move = direction(g + config.weight_decay * (w - origin))
            w = w - config.learning_rate * factor(config, t) * move
            found[name].append(w)
    return {name: np.array(rows) for name, rows in found.items()}
