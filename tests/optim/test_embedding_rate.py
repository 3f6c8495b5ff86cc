"""A learning rate of its own for embeddings, with every kind of update rule."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import grokjax
from grokjax import Config, ConfigError, Sweep
from grokjax.optim.optimizer import build_optimizer
from tests.conftest import TINY
from tests.optim.rules_by_hand import hypers

PARAMS = {
    "embed": {"embedding": jnp.ones((3, 2))},
    "output": {"kernel": jnp.full((2, 3), 0.5), "bias": jnp.zeros(3)},
}
GRADS = jax.tree.map(lambda x: 0.1 * x + 0.3, PARAMS)


def updates(config, steps=3):
    optimizer = build_optimizer(config.program, hypers(config))
    state = optimizer.init(PARAMS)
    for _ in range(steps):
        found, state = optimizer.update(GRADS, state, PARAMS)
    return found


@pytest.mark.parametrize("rule", ["adamw", "adam", "sgd", "lion", "optax.adamw"])
def test_embeddings_move_at_their_rate_and_nothing_else_changes(rule):
    """As if the whole rule had that rate, decay included."""
    config = Config(optimizer=rule, learning_rate=1e-3, weight_decay=0.5, warmup_steps=2)
    usual, own = updates(config), updates(config.replace(embedding_learning_rate=1e-2))
    other = updates(config.replace(learning_rate=1e-2))
    np.testing.assert_array_equal(own["output"]["kernel"], usual["output"]["kernel"])
    np.testing.assert_array_equal(own["output"]["bias"], usual["output"]["bias"])
    np.testing.assert_allclose(own["embed"]["embedding"], other["embed"]["embedding"], rtol=1e-6)
    frozen = updates(config.replace(embedding_learning_rate=0.0))
    assert (np.asarray(frozen["embed"]["embedding"]) == 0).all()


def test_it_is_traced_and_left_out_by_default(tmp_path):
    config = Config(**TINY)
    assert not config.program.uses("embedding_learning_rate")
    sweep = Sweep(config, embedding_learning_rate=[0.0, 1e-3, 1e-2], learning_rate=[1e-2, 1e-3])
    assert len(sweep.programs()) == 1
    run = grokjax.train(sweep, tmp_path / "run", progress=False)
    start = run.of([0]).embeddings
    assert not np.array_equal(start, run.of([2]).embeddings)
    losses = run.history.train_loss.values
    assert len(np.unique(losses[:, -1])) == 6
    frozen = run.select(embedding_learning_rate=0.0)
    first, second = frozen.embeddings
    np.testing.assert_array_equal(first, second)  # the same seed, never moved
    others = Sweep(config, embedding_learning_rate=[0.0, 5e-2, 1e-2], learning_rate=[1e-2, 1e-3])
    touched = grokjax.train(others, tmp_path / "others", progress=False).history.train_loss.values
    assert (losses == touched).all(axis=1).tolist() == [True, True, False, False, True, True]


def test_it_is_a_multiple_of_a_rate_above_0():
    message = "learning_rate must be at least 1e-15 with an embedding_learning_rate"
    with pytest.raises(ConfigError, match=message):
        Config(learning_rate=0.0, embedding_learning_rate=1e-3)
    assert Config(learning_rate=0.0).program.uses("embedding_learning_rate") is False
