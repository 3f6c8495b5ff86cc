"""Every network of the family against a literal forward pass in NumPy float64."""

import functools
import math

import jax
import numpy as np
import pytest

from grokjax.config.config import Config
from grokjax.models.network import build_network

P, D, H = 5, 3, 6

erf = np.vectorize(math.erf)

ACTIVATIONS = {
    "relu": lambda x: np.where(x > 0, x, 0),
    "gelu": lambda x: x * (1 + erf(x / np.sqrt(2))) / 2,
    "tanh": np.tanh,
    "square": lambda x: x * x,
}

ONE_HOT, SUM, SEPARATE = {"embed_dim": 0}, {"combine": "sum"}, {"embeddings": "separate"}
SUM_OF_LAYERS, NO_OUTPUT_BIAS = {"combine": "sum-of-layers"}, {"output_bias": False}
NO_BIASES, NORM = {"biases": False}, {"layer_normalization": True}
TIED = {"tied": True, "embed_dim": H}

CASES = [
    {},
    SUM,
    SEPARATE,
    SEPARATE | SUM,
    SUM_OF_LAYERS,
    SUM_OF_LAYERS | NO_OUTPUT_BIAS | {"hidden_layers": 2},
    NO_OUTPUT_BIAS,
    NO_OUTPUT_BIAS | TIED,
    ONE_HOT | SUM_OF_LAYERS,
    ONE_HOT,
    ONE_HOT | SUM,
    NO_BIASES,
    ONE_HOT | NO_BIASES | {"activation": "square"},
    ONE_HOT | SUM | NO_BIASES | {"hidden_layers": 2},
    {"activation": "gelu"},
    {"activation": "tanh", "hidden_layers": 2},
    {"activation": "square", "hidden_layers": 3},
    {"hidden_layers": 2},
    {"hidden_layers": 3} | NO_BIASES | SEPARATE,
    NORM,
    NORM | {"hidden_layers": 3},
    NORM | ONE_HOT | NO_BIASES | {"activation": "gelu", "hidden_layers": 2},
    NORM | SEPARATE | SUM | {"activation": "tanh"},
    TIED,
    TIED | NO_BIASES,
    TIED | SEPARATE | {"hidden_layers": 2},
    TIED | SUM | NORM,
    {"classes": 9},
    {"classes": 9, "hidden_layers": 2} | ONE_HOT,
    {"classes": 8} | SUM | SEPARATE | NO_BIASES | {"activation": "square"},
    {"embed_dim": H},  # D = H: nothing may be told from shapes alone
    {"embed_dim": H} | SUM,
    {"embed_dim": H, "modulus": H, "hidden_layers": 2} | SUM | SEPARATE,
    {"modulus": H} | ONE_HOT | SUM,
    {"modulus": 2 * H} | ONE_HOT | SUM,
]


def name_of(case):
    return " ".join(f"{key}={value}" for key, value in case.items()) or "default"


each_case = pytest.mark.parametrize("case", CASES, ids=name_of)


def config_of(case):
    return Config(**({"modulus": P, "embed_dim": D, "hidden_dim": H} | case))


@functools.cache
def built(config):
    return build_network(config.model_settings, config.spec)


def literal_shapes(config):
    """Names and shapes of the parameters, written from the definition of the network."""
    classes, hidden = config.values["classes"] or config.modulus, config.hidden_dim
    shapes, inputs = {}, config.embed_dim or config.modulus
    if config.embed_dim:
        shapes["embed/embedding"] = (config.modulus, config.embed_dim)
        if config.embeddings == "separate":
            shapes["embed_second/embedding"] = (config.modulus, config.embed_dim)
    inputs = 2 * inputs if config.combine == "concatenate" else inputs
    for end in ["", "_2", "_3"][: config.hidden_layers]:
        shapes[f"hidden{end}/kernel"] = (inputs, hidden)
        shapes[f"hidden{end}/bias"] = (hidden,)
        if config.layer_normalization:
            shapes[f"norm{end}/scale"] = shapes[f"norm{end}/bias"] = (hidden,)
        inputs = hidden
    shapes |= {"output/kernel": (hidden, classes), "output/bias": (classes,)}
    if config.tied:
        del shapes["output/kernel"]
    if not config.biases:
        shapes = {n: s for n, s in shapes.items() if not n.endswith("bias") or "norm" in n}
    if not config.output_bias:
        shapes.pop("output/bias", None)
    return shapes


def random_params(config, seed=0):
    """Nested, float32, none of them zero, so that every array matters."""
    rng = np.random.default_rng(seed)
    params = {}
    for name, shape in built(config).shapes.items():
        layer, array = name.split("/")
        params.setdefault(layer, {})[array] = rng.normal(0, 0.5, shape).astype(np.float32)
    return params


def literal(config, params, pairs):
    """Last hidden layer `[N, H]` and logits `[N, C]`: one-hot vectors times kernels."""
    p = {f"{a}/{b}": np.asarray(x, np.float64) for a, q in params.items() for b, x in q.items()}
    zero = np.zeros((1, 1))
    first, second = np.eye(config.modulus)[pairs[:, 0]], np.eye(config.modulus)[pairs[:, 1]]
    if config.embed_dim:
        table = "embed" if config.embeddings == "shared" else "embed_second"
        first, second = first @ p["embed/embedding"], second @ p[f"{table}/embedding"]
    x = np.concatenate([first, second], axis=1)
    if config.combine != "concatenate":
        x = first + second
    for i in range(config.hidden_layers):
        end = "" if i == 0 else f"_{i + 1}"
        x = x @ p[f"hidden{end}/kernel"] + p.get(f"hidden{end}/bias", zero)
        if i == 0 and config.combine == "sum-of-layers":
            x = x + p.get("hidden/bias", zero)
        x = ACTIVATIONS[config.activation](x)
        if config.layer_normalization:
            x = x - x.mean(axis=1, keepdims=True)
            x = x / np.sqrt((x * x).mean(axis=1, keepdims=True) + 1e-5)
            x = x * p[f"norm{end}/scale"] + p[f"norm{end}/bias"]
    kernel = p["embed/embedding"].T if config.tied else p["output/kernel"]
    return x, x @ kernel + p.get("output/bias", zero)


def all_pairs(modulus):
    return np.array([(a, b) for a in range(modulus) for b in range(modulus)], np.int32)


@each_case
def test_the_factored_network_is_the_literal_one(case):
    config = config_of(case)
    model, params, pairs = built(config), random_params(config), all_pairs(config.modulus)
    hidden, logits = literal(config, params, pairs)
    found = jax.jit(lambda p, n: (model.hidden(p, n), model.apply(p, n)))(params, pairs)
    assert found[1].shape == (config.modulus**2, case.get("classes", config.modulus))
    np.testing.assert_allclose(found[0], hidden, rtol=2e-5, atol=2e-5)
    np.testing.assert_allclose(found[1], logits, rtol=2e-5, atol=2e-5)


@each_case
def test_initial_parameters_have_the_names_and_shapes_of_the_definition(case):
    config = config_of(case)
    initial = jax.eval_shape(built(config).init, jax.random.key(0))
    shapes = {f"{a}/{b}": x.shape for a, q in initial.items() for b, x in q.items()}
    assert shapes == literal_shapes(config)
    assert shapes == built(config).shapes
    assert {x.dtype for x in jax.tree.leaves(initial)} == {np.dtype("float32")}
    assert sorted(built(config).abstract) == sorted(initial)


def test_shapes_by_hand():
    def shapes(**settings):
        return built(config_of(settings)).shapes

    assert shapes(**SEPARATE, **SUM, hidden_layers=3, classes=9) == {
        "embed/embedding": (5, 3),
        "embed_second/embedding": (5, 3),
        "hidden/kernel": (3, 6),
        "hidden/bias": (6,),
        "hidden_2/kernel": (6, 6),
        "hidden_2/bias": (6,),
        "hidden_3/kernel": (6, 6),
        "hidden_3/bias": (6,),
        "output/kernel": (6, 9),
        "output/bias": (9,),
    }
    assert shapes(**ONE_HOT, **NO_BIASES, **NORM, hidden_layers=2) == {
        "hidden/kernel": (10, 6),
        "hidden_2/kernel": (6, 6),
        "norm/scale": (6,),
        "norm/bias": (6,),
        "norm_2/scale": (6,),
        "norm_2/bias": (6,),
        "output/kernel": (6, 5),
    }
    assert shapes(**ONE_HOT, **SUM, **NO_BIASES)["hidden/kernel"] == (5, 6)
    assert shapes(**TIED, **NO_BIASES) == {"embed/embedding": (5, 6), "hidden/kernel": (12, 6)}
    assert shapes(**TIED)["output/bias"] == (5,)


@each_case
def test_packing_is_undone_with_any_leading_axes(case):
    """A permutation of numbers, member by member, the same with leading axes as without."""
    config = config_of(case)
    model = built(config)
    members = [random_params(config, seed) for seed in range(6)]
    stacked = jax.tree.map(lambda *x: np.stack(x).reshape(2, 3, *x[0].shape), *members)
    packed = model.pack(stacked)
    jax.tree.map(np.testing.assert_array_equal, model.unpack(packed), stacked)
    jax.tree.map(np.testing.assert_array_equal, model.pack(model.unpack(packed)), packed)
    alone = jax.tree.map(lambda *x: np.stack(x), *map(model.pack, members))
    jax.tree.map(
        lambda p, a: np.testing.assert_array_equal(np.reshape(p, a.shape), a), packed, alone
    )
    for found, given in zip(jax.tree.leaves(packed), jax.tree.leaves(stacked), strict=True):
        np.testing.assert_array_equal(np.sort(found, axis=None), np.sort(given, axis=None))
