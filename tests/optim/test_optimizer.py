import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from grokjax.config.config import Config
from grokjax.models.network import build_network
from grokjax.optim.optimizer import build_optimizer
from grokjax.tasks import operations
from tests.optim.rules_by_hand import hypers
from tests.reference import AdamW, gradients

CONFIG = Config()


def test_200_steps_of_the_notebook_against_numpy():
    """NumPy trains in float64 from the same weights, batches and settings (measured: 6e-6).

    In float32 the networks would differ on some machines, where rounding puts a neuron on the other
    side of the kink of ReLU; the next test has no network.
    """
    model = build_network(CONFIG.model_settings, CONFIG.spec)
    pairs, labels = operations.all_pairs(53), operations.labels_of("add", 53)
    rows = np.stack([np.random.default_rng(i).permutation(53**2)[:64] for i in range(200)])
    start = model.init(jax.random.key(1))
    optimizer = build_optimizer(CONFIG.program, hypers(CONFIG))

    def loss(params, rows):
        logits = model.apply(params, jnp.asarray(pairs)[rows])
        targets = jax.nn.one_hot(jnp.asarray(labels)[rows], 53)
        return optax.losses.softmax_cross_entropy(logits, targets).mean()

    def step(carry, rows):
        updates, opt_state = optimizer.update(jax.grad(loss)(carry[0], rows), carry[1], carry[0])
        return (optax.apply_updates(carry[0], updates), opt_state), None

    expected = jax.tree.map(lambda x: np.asarray(x, np.float64), start)
    with jax.enable_x64(True):
        ours = jax.jit(lambda params: jax.lax.scan(step, (params, optimizer.init(params)), rows))
        (found, _), _ = ours(expected)
        found = jax.tree.map(np.asarray, found)
    assert found["embed"]["embedding"].dtype == np.float64
    reference = AdamW(3e-4, 1.0)
    for batch in rows:
        expected = reference.step(expected, gradients(expected, pairs[batch], labels[batch]))
    for layer, leaves in expected.items():
        for leaf, value in leaves.items():
            error = np.linalg.norm(found[layer][leaf] - value) / np.linalg.norm(value)
            assert error < 1e-5, f"{layer}/{leaf}: {error:.1e}"


@pytest.mark.parametrize("learning_rate", [3e-4, 1e-2])
@pytest.mark.parametrize("weight_decay", [0.0, 1.0, 5.0])
@pytest.mark.parametrize(("beta1", "beta2"), [(0.9, 0.999), (0.9, 0.98)])
def test_200_updates_against_numpy(learning_rate, weight_decay, beta1, beta2):
    config = Config(
        learning_rate=learning_rate, weight_decay=weight_decay, beta1=beta1, beta2=beta2
    )
    optimizer = build_optimizer(config.program, hypers(config))
    start = {"layer": {"kernel": np.random.default_rng(0).normal(size=(20, 30))}}
    found = jax.tree.map(jnp.float32, start)
    state, update = optimizer.init(found), jax.jit(optimizer.update)
    expected, reference = start, AdamW(learning_rate, weight_decay, beta1, beta2)
    for i in range(200):
        grads = {"layer": {"kernel": np.random.default_rng(i).normal(size=(20, 30))}}
        updates, state = update(jax.tree.map(jnp.float32, grads), state, found)
        found = optax.apply_updates(found, updates)
        expected = reference.step(expected, grads)
    np.testing.assert_allclose(
        found["layer"]["kernel"], expected["layer"]["kernel"], rtol=1e-4, atol=1e-5
    )


def test_equals_optax_adamw_but_for_rounding():
    params = {"a": jnp.linspace(-1, 1, 50), "b": jnp.zeros(3)}
    ours = build_optimizer(CONFIG.program, hypers(CONFIG))
    theirs = optax.adamw(3e-4, b1=0.9, b2=0.999, eps=1e-8, weight_decay=1.0)
    states = [ours.init(params), theirs.init(params)]
    found = [params, params]
    for i in range(30):
        grads = jax.tree.map(lambda p, i=i: jnp.sin(p * (i + 1)) + 0.1, params)
        for j, optimizer in enumerate((ours, theirs)):
            updates, states[j] = optimizer.update(grads, states[j], found[j])
            found[j] = optax.apply_updates(found[j], updates)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-8), *found)
    assert jax.tree.structure(states[0]) == jax.tree.structure(states[1])


def test_decay_and_rate_are_the_members_own():
    grads = {"a": jax.random.normal(jax.random.key(0), (40,))}

    def update(own):
        optimizer = build_optimizer(CONFIG.program, own)
        return optimizer.update(grads, optimizer.init(grads), grads)[0]["a"]

    stacked = jax.tree.map(
        lambda *x: np.stack(x),
        *[hypers(Config(weight_decay=w, learning_rate=r)) for w, r in ((0.3, 1e-3), (1, 1e-4))],
    )
    both = jax.jit(jax.vmap(update))(stacked)
    assert not np.array_equal(both[0], both[1])
