"""An optimiser step against central differences of the literal network's loss, in float64."""

import jax
import numpy as np
import pytest

from grokjax.config.hyperparams import hypers_of
from grokjax.optim.optimizer import build_optimizer
from grokjax.training.member import build_member
from tests.models.test_mlp import (
    NO_BIASES,
    NORM,
    ONE_HOT,
    SEPARATE,
    SUM,
    TIED,
    P,
    all_pairs,
    built,
    config_of,
    literal,
    name_of,
    random_params,
)  # fmt: skip


def mean_loss(config, params, pairs, labels):
    """Cross-entropy in float64."""
    logits = literal(config, params, pairs)[1]
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return -log_p[np.arange(len(labels)), labels].mean()


def differences(config, params, pairs, labels):
    """The gradient, by central differences in float64, nested as the parameters."""
    params = jax.tree.map(lambda x: np.asarray(x, np.float64), params)
    gradient = jax.tree.map(np.zeros_like, params)
    for layer, arrays in params.items():
        for name, array in arrays.items():
            for place in np.ndindex(array.shape):
                kept, ends = array[place], []
                for step in (1e-5, -1e-5):
                    array[place] = kept + step
                    ends.append(mean_loss(config, params, pairs, labels))
                array[place] = kept
                gradient[layer][name][place] = (ends[0] - ends[1]) / 2e-5
    return gradient


SMOOTH = [
    {"activation": "tanh"},
    {"activation": "square"} | ONE_HOT | NO_BIASES,
    {"activation": "gelu", "hidden_layers": 2} | SEPARATE | SUM | NORM,
    {"activation": "tanh"} | TIED,
    {"activation": "relu", "hidden_layers": 2, "classes": 7},
    {"activation": "gelu"} | ONE_HOT | SUM,
]
"""Networks whose gradients are compared. ReLU's kinks are far from these weights."""


@pytest.mark.parametrize("case", SMOOTH, ids=name_of)
def test_a_step_follows_the_gradient_of_the_mean_loss(case):
    """SGD of rate 1 without momentum or decay: a step in three chunks is the gradient itself."""
    config = config_of(
        case
        | {"batch_size": None, "operation": "multiply", "optimizer": "sgd", "beta1": 0.0}
        | {"weight_decay": 0.0, "learning_rate": 1.0}
    )
    model, params = built(config), random_params(config)
    hypers = hypers_of(config, ("multiply",))
    one = build_member(config.program, config.train_size, ("multiply",), cached_rows=5)
    given = one.constants(hypers)
    rows, weights = np.zeros((3, 5), np.int32), np.zeros((3, 5), np.float32)
    trained_on = np.asarray(given.data.order[:12])  # of 25 pairs
    rows.flat[:12], weights.flat[:12] = trained_on, 1 / 12
    packed = model.pack(params)
    opt_state = build_optimizer(config.program, hypers).init(packed)
    after, _ = jax.jit(one.step)(given, (packed, opt_state), (rows, weights))
    moved = jax.tree.map(lambda a, b: np.asarray(a) - b, params, model.unpack(after))
    pairs = all_pairs(config.modulus)[trained_on]
    expected = differences(config, params, pairs, pairs[:, 0] * pairs[:, 1] % P)
    assert jax.tree.structure(moved) == jax.tree.structure(expected)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=3e-6), moved, expected)
