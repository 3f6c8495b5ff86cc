"""Rules of optax by name, a user's rules, decay on some arrays, and rules that are refused."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import grokjax
from grokjax.config.config import Config
from grokjax.models.network import build_network
from grokjax.optim.optimizer import build_optimizer
from grokjax.optim.rule import OPTIMIZERS
from grokjax.results.prediction import examples
from grokjax.runtime.prng import INIT, stream_key
from tests.conftest import TINY
from tests.optim.rules_by_hand import STEPS, adam, factor, hypers, momentum
from tests.training.test_resume import stop_after

SHAPES = {
    "embed": {"embedding": (5, 4)},
    "hidden": {"kernel": (8, 6), "bias": (6,)},
    "norm": {"scale": (6,), "bias": (6,)},
    "output": {"kernel": (6, 5)},
}


def draw(seed, *leading):
    rng = np.random.default_rng(seed)
    return {
        layer: {n: rng.normal(size=(*leading, *s)).astype(np.float32) for n, s in arrays.items()}
        for layer, arrays in SHAPES.items()
    }


START, GRADIENTS = draw(0), draw(1, STEPS)


def trained(optimizer):
    """Return the parameters after all steps of these gradients."""

    def step(carry, gradient):
        updates, state = optimizer.update(gradient, carry[1], carry[0])
        return (optax.apply_updates(carry[0], updates), state), None

    run = jax.jit(lambda g: jax.lax.scan(step, (START, optimizer.init(START)), g)[0][0])
    return jax.tree.map(np.asarray, run(GRADIENTS))


def ours(**settings):
    config = Config(**{"learning_rate": 0.02, "weight_decay": 0.3} | settings)
    return trained(build_optimizer(config.program, hypers(config)))


def close(a, b, rtol=1e-5, atol=1e-6):
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=rtol, atol=atol), a, b)


def only_gradient_sign(strength: float = 1.0):
    """Return a direction, to which grokjax adds decay and the learning rate."""
    return optax.chain(optax.scale_by_sign(), optax.scale(strength))


RATE, DECAY = 0.02, 0.3

PLAIN = {
    "lion": ({"optimizer": "lion"}, optax.lion(RATE, weight_decay=DECAY)),
    "lion, other settings": (
        {"optimizer": "lion", "b1": 0.5, "b2": 0.8},
        optax.lion(RATE, b1=0.5, b2=0.8, weight_decay=DECAY),
    ),
    "muon": ({"optimizer": "muon"}, optax.contrib.muon(RATE, weight_decay=DECAY)),
    "muon, kernels": (
        {"optimizer": "muon", "weight_decay_on": "kernels"},
        optax.contrib.muon(
            RATE,
            weight_decay=DECAY,
            weight_decay_mask=jax.tree_util.tree_map_with_path(
                lambda path, leaf: path[-1].key == "kernel", START
            ),
        ),
    ),
    "rmsprop has no decay": (
        {"optimizer": "rmsprop"},
        optax.chain(optax.add_decayed_weights(DECAY), optax.rmsprop(RATE)),
    ),
    "adamax, passed": (
        {"optimizer": optax.adamax},
        optax.chain(optax.add_decayed_weights(DECAY), optax.adamax(RATE)),
    ),
    "a direction of the user's": (
        {"optimizer": only_gradient_sign, "strength": 0.5},
        optax.chain(
            optax.add_decayed_weights(DECAY), optax.scale_by_sign(), optax.scale(-RATE * 0.5)
        ),
    ),
    "lion with a schedule": (
        {"optimizer": "lion", "warmup_steps": 5, "schedule": "cosine", "decay_steps": 20},
        "schedule",
    ),
    "muon with a schedule": (
        {"optimizer": "muon", "warmup_steps": 5, "schedule": "cosine", "decay_steps": 20},
        "schedule",
    ),
}


@pytest.mark.parametrize("name", PLAIN)
def test_a_rule_of_optax_is_as_optax_has_it(name):
    settings, plain = PLAIN[name]
    if plain == "schedule":
        config = Config(**settings)
        rates = RATE * jnp.array([factor(config, t) for t in range(STEPS + 1)], jnp.float32)
        make = {"lion": optax.lion, "muon": optax.contrib.muon}[config.optimizer]
        plain = make(lambda step: rates[step], weight_decay=DECAY)
    found = ours(**settings)
    close(found, trained(plain))
    jax.tree.map(lambda a, b: np.testing.assert_raises(AssertionError, close, a, b), found, START)


def test_a_function_of_optax_is_the_rule_of_its_name():
    """Any process can then resume a run of it, without a file of the user's."""
    assert Config(optimizer=optax.adamax) == Config(optimizer="adamax")
    assert OPTIMIZERS.source_of("adamax") is None


@pytest.mark.parametrize("name", ["lion", "muon"])
def test_a_run_of_it_updates_parameters_in_their_own_layout(name, tmp_path, monkeypatch):
    """Muon orthogonalises matrices, and the MLP's training layout changes its matrices."""
    settings = TINY | {"batch_size": None, "learning_rate": 0.02, "max_epochs": 4}
    config = Config(optimizer=name, **settings)
    stop_after(monkeypatch, 1)
    with pytest.raises(grokjax.Interrupted):
        grokjax.train(config, tmp_path / "run", progress=False)
    monkeypatch.undo()
    run = grokjax.resume(tmp_path / "run", progress=False)
    network, learned = build_network(config.model_settings, config.spec), examples(config)

    def loss(params):
        logits = network.apply(params, jnp.asarray(learned.train_inputs))
        one_hot = jax.nn.one_hot(learned.train_labels, config.num_classes)
        return optax.losses.softmax_cross_entropy(logits, one_hot).mean()

    make = {"lion": optax.lion, "muon": optax.contrib.muon}[name]
    optimizer = make(config.learning_rate, weight_decay=config.weight_decay)
    params = network.init(stream_key(jnp.uint32(config.seed), INIT))
    state, gradient = optimizer.init(params), jax.jit(jax.grad(loss))
    for _ in range(config.max_epochs):
        updates, state = jax.jit(optimizer.update)(gradient(params), state, params)
        params = optax.apply_updates(params, updates)
    close(run.params_of(0), params, rtol=1e-4, atol=1e-5)


def lion(config):
    """Chen et al. 2023, Algorithm 2, of one array: gradient -> direction."""
    average = 0.0

    def direction(g):
        nonlocal average
        sign = np.sign(config.b1 * average + (1 - config.b1) * g)
        average = config.b2 * average + (1 - config.b2) * g
        return sign

    return direction


KEPT = {
    "all": lambda layer, name: True,
    "no-biases": lambda layer, name: name not in ("bias", "scale"),
    "no-embeddings": lambda layer, name: layer != "embed",
    "kernels": lambda layer, name: name == "kernel",
}


@pytest.mark.parametrize("which", KEPT)
@pytest.mark.parametrize("optimizer", ["adamw", "sgd", "lion"])
def test_decay_on_some_arrays_against_numpy(optimizer, which):
    rate = 0.005 if optimizer == "sgd" else 0.02
    settings = {"optimizer": optimizer, "weight_decay_on": which, "learning_rate": rate}
    found = ours(**settings)
    config = Config(**settings, weight_decay=0.3)
    rules = {"adamw": adam, "sgd": momentum, "lion": lion}
    for layer, arrays in GRADIENTS.items():
        for name, gradients in arrays.items():
            w = START[layer][name].astype(np.float64)
            direction, decay = rules[optimizer](config), 0.3 * KEPT[which](layer, name)
            for g in gradients.astype(np.float64):
                coupled = optimizer == "sgd"
                move = direction(g + decay * w) if coupled else direction(g) + decay * w
                w = w - rate * move
            np.testing.assert_allclose(found[layer][name], w, rtol=1e-4, atol=1e-5)


def growing(learning_rate: float):
    return optax.stateless(lambda updates, params: jax.tree.map(lambda g: g[None], updates))


def halved(learning_rate: float):
    return optax.stateless(
        lambda updates, params: jax.tree.map(lambda g: g.astype(jnp.float16), updates)
    )


def asks_for_the_loss(learning_rate: float):
    def update(updates, state, params=None, *, value):
        return optax.tree.scale(-learning_rate * value, updates), state

    return optax.GradientTransformationExtraArgs(lambda params: (), update)


def short_state(learning_rate: float):
    return optax.chain(optax.trace(0.9, accumulator_dtype=jnp.float16), optax.scale(-1.0))


def growing_state(learning_rate: float):
    def update(updates, state, params=None):
        return updates, jnp.concatenate([state, state])

    return optax.GradientTransformation(lambda params: jnp.zeros(1), update)


def raising(learning_rate: float):
    raise ValueError("no such\nluck")


def returning_none(learning_rate: float):
    return None


BAD = {
    growing: r"its updates for embed/embedding must be float32 \[7, 4\], got float32 \[1, 7, 4\]$",
    halved: r"its updates for embed/embedding must be float32 \[7, 4\], got float16 \[7, 4\]$",
    asks_for_the_loss: r"its update\(gradients, state, params\) must work .*, got TypeError.*value",
    short_state: "its state must be float32, int32, uint32 or bool, got float16",
    growing_state: r"after an update, its state for .* must be float32 \[1\], got float32 \[2\]$",
    raising: r"its function must work for such parameters, got ValueError: no such luck$",
    returning_none: "must return an optax.GradientTransformation, got NoneType$",
    "lbfgs": r"its update\(gradients, state, params\) must work .*, got TypeError.*value",
}


@pytest.mark.parametrize("rule", BAD, ids=lambda rule: getattr(rule, "__name__", rule))
def test_a_rule_that_cannot_train_is_refused_before_anything_is_written(rule, tmp_path):
    name = getattr(rule, "__name__", rule)
    with pytest.raises(grokjax.ConfigError, match=f"^optimizer {name}: {BAD[rule]}") as refusal:
        grokjax.train(Config(optimizer=rule, **TINY), tmp_path / "run", progress=False)
    assert "\n" not in str(refusal.value)
    assert not (tmp_path / "run").exists()
