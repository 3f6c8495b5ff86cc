"""The transformer against a literal one in NumPy that computes every position and head."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import erf, softmax

import grokjax
from grokjax import Config, ConfigError, Sweep
from grokjax.analysis.neurons import neurons
from grokjax.analysis.over_members import built_network
from tests.training.lowering import lowered

SMALL = {"model": "transformer", "modulus": 7, "embed_dim": 8, "heads": 2, "mlp_dim": 12}

NANDA = SMALL | {"sequence": "equals"}
ZHONG = SMALL | {"causal": False, "attention_rate": 0.3}
POWER = SMALL | {
    "sequence": "equation",
    "blocks": 2,
    "positions": "sinusoidal",
    "normalization": "post",
    "mlp_biases": False,
    "initializer": "torch",
}


def literal(config, params, tokens):
    """Return logits and last activations of sequences [B, S], in float64."""
    p = jax.tree.map(lambda x: np.asarray(x, float), params)
    length = tokens.shape[1]
    x = p["embed"]["embedding"][tokens]
    if config.positions == "learned":
        x = x + p["embed"]["position"]
    if config.positions == "sinusoidal":
        for s in range(length):
            for d in range(config.embed_dim):
                angle = s / 10_000 ** ((d - d % 2) / config.embed_dim)
                x[:, s, d] += np.cos(angle) if d % 2 else np.sin(angle)
    allowed = np.tri(length) if config.causal else np.ones((length, length))
    inner = config.head_dim or config.embed_dim // config.heads
    for block in range(config.blocks):
        end = "" if block == 0 else f"_{block + 1}"
        attention, mlp = p[f"attention{end}"], p[f"mlp{end}"]
        written = np.zeros_like(x)
        for h in range(config.heads):
            query, key, value = (x @ attention[n][h] for n in ("query", "key", "value"))
            scores = query @ key.swapaxes(1, 2) / np.sqrt(inner)
            weights = softmax(np.where(allowed, scores, -np.inf), axis=-1)
            rate = config.attention_rate
            weights = (rate * weights + (1 - rate)) * allowed
            written += weights @ value @ attention["output"][h]
        x = normalized(config, p, x + written, 2 * block)
        hidden = x @ mlp["in"]["kernel"] + mlp["in"].get("bias", 0)
        gelu = hidden * (1 + erf(hidden / np.sqrt(2))) / 2
        hidden = np.maximum(hidden, 0) if config.activation == "relu" else gelu
        x = x + hidden @ mlp["out"]["kernel"] + mlp["out"].get("bias", 0)
        x = normalized(config, p, x, 2 * block + 1)
    return x[:, -1] @ p["unembed"]["kernel"], hidden[:, -1]


def normalized(config, p, x, index):
    if config.normalization == "none":
        return x
    norm = p["norm" if index == 0 else f"norm_{index + 1}"]
    centred = x - x.mean(-1, keepdims=True)
    return norm["scale"] * centred / np.sqrt(x.var(-1, keepdims=True) + 1e-5) + norm["bias"]


def random_params(network, seed):
    """Return parameters that are far from their initial symmetry, biases included."""
    params = network.init(jax.random.key(seed))
    rng = np.random.default_rng(seed)
    return jax.tree.map(lambda x: x + jnp.asarray(rng.normal(0, 0.1, x.shape), jnp.float32), params)


@pytest.mark.parametrize(
    "settings",
    [
        NANDA,
        ZHONG,
        POWER,
        SMALL,
        NANDA | {"attention_rate": 0.6, "activation": "gelu", "head_dim": 5},
        NANDA | {"blocks": 2},
        ZHONG | {"blocks": 3, "positions": "none", "sequence": "equals"},
        SMALL | {"sequence": "equation", "mlp_biases": False},
        SMALL | {"normalization": "post", "activation": "gelu"},
    ],
)
def test_it_is_the_function_of_the_literal_transformer(settings):
    config = Config(**settings)
    network = built_network(config.network)
    params, tokens = random_params(network, 3), config.spec.all_pairs()
    logits, hidden = literal(config, params, tokens)
    for function, wanted in ((network.apply, logits), (network.hidden, hidden)):
        found = jax.jit(lambda p, t, function=function: function(p, t, config))(params, tokens)
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-6 * np.abs(wanted).max())


def test_factored_and_plain_have_one_gradient():
    """A block with layer norms that are switched off must train as the factored one does."""
    config = Config(**NANDA)
    network = built_network(config.network)
    params, tokens = random_params(network, 1), config.spec.all_pairs()

    def loss(apply, params):
        logits = apply(params)
        return jnp.mean(jax.nn.logsumexp(logits, axis=-1) - logits[:, 3])

    def plain(params):
        x = params["embed"]["embedding"][tokens] + params["embed"]["position"][None]
        a, mlp = params["attention"], params["mlp"]
        q, k, v = (jnp.einsum("bsd,hdk->bhsk", x, a[n]) for n in ("query", "key", "value"))
        scores = jnp.einsum("bhqk,bhsk->bhqs", q, k) / 2
        scores = jnp.where(jnp.tri(3, dtype=bool)[None, None], scores, -jnp.inf)
        read = jnp.einsum("bhqs,bhsk->bqhk", jax.nn.softmax(scores, axis=-1), v)
        x = x + jnp.einsum("bqhk,hkd->bqd", read, a["output"])
        hidden = jax.nn.relu(x @ mlp["in"]["kernel"] + mlp["in"]["bias"][None, None])
        x = x + hidden @ mlp["out"]["kernel"] + mlp["out"]["bias"][None, None]
        return x[:, -1] @ params["unembed"]["kernel"]

    found, wanted = (
        jax.jit(jax.grad(lambda p, apply=apply: loss(apply, p)))(params)
        for apply in (lambda p: network.apply(p, tokens, config), plain)
    )
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), found, wanted)


def test_parameters_are_those_of_the_published_network():
    config = Config(model="transformer", modulus=113, sequence="equals")
    network = built_network(config.network)
    assert network.shapes == {
        "attention/key": (4, 128, 32),
        "attention/output": (4, 32, 128),
        "attention/query": (4, 128, 32),
        "attention/value": (4, 128, 32),
        "embed/embedding": (114, 128),
        "embed/position": (3, 128),
        "mlp/in/bias": (512,),
        "mlp/in/kernel": (128, 512),
        "mlp/out/bias": (128,),
        "mlp/out/kernel": (512, 128),
        "unembed/kernel": (128, 114),
    }
    assert network.token_table is not None
    assert network.token_table.rows == 113


def test_initial_weights_have_the_published_distribution():
    """The squared norm of Nanda et al.'s network is 1 781 in expectation."""
    config = Config(model="transformer", modulus=113, sequence="equals")
    network = built_network(config.network)
    norms = [
        sum(float(jnp.sum(x**2)) for x in jax.tree.leaves(network.init(jax.random.key(seed))))
        for seed in range(4)
    ]
    np.testing.assert_allclose(norms, 1781, rtol=0.02)
    zhong = built_network(config.replace(initializer="zhong").network).init(jax.random.key(0))
    np.testing.assert_allclose(np.std(zhong["mlp"]["in"]["kernel"]), 512**-0.5, rtol=0.02)


LAUNCH = {"batch_size": None, "max_epochs": 4, "eval_every": 2, "stop_when": "never"}


def test_the_attention_rate_is_a_members_own(tmp_path):
    """It makes no program of its own, and reaches training, predictions and analysis."""
    config = Config(**NANDA | LAUNCH)
    sweep = Sweep(config, attention_rate=[0.0, 0.5, 1.0])
    assert len({member.program for member in sweep}) == 1
    run = grokjax.train(sweep, tmp_path / "run", progress=False)
    alone = grokjax.train(config.replace(attention_rate=0.5), tmp_path / "alone", progress=False)
    params = run.params_of(1)
    jax.tree.map(np.testing.assert_array_equal, params, alone.params_of(0))
    assert np.unique(run.history.test_loss.isel(eval=-1)).size == 3
    tokens = config.spec.all_pairs()
    wanted, _ = literal(sweep[1], params, tokens)
    np.testing.assert_allclose(run.of([1]).apply(params, tokens), wanted, atol=1e-6)
    one = neurons(run.of([1]))
    jax.tree.map(lambda all, mine: np.testing.assert_array_equal(all[1:2], mine), neurons(run), one)
    assert (neurons(run).activations[1] != neurons(run).activations[0]).any()
    with pytest.raises(ValueError, match=r"attention_rate; use run.of\(\[member\]\).apply"):
        run.apply(params, tokens)
    with pytest.raises(ValueError, match="members differ in traced settings"):
        neurons(run.params, network=run.network)


@pytest.mark.parametrize("settings", [NANDA, ZHONG, POWER])
@pytest.mark.parametrize("platform", ["cuda", "tpu"])
def test_no_scatter_on_accelerators(settings, platform):
    text = lowered(Config(**settings | LAUNCH), platform)
    assert "stablehlo.scatter" not in text


def test_what_the_data_do_not_fit_is_refused():
    with pytest.raises(ConfigError, match="heads must divide embed_dim unless head_dim is given"):
        Config(**SMALL | {"heads": 3})
    with pytest.raises(ConfigError, match="model mlp needs inputs that are pairs of tokens"):
        Config(sequence="equals")
