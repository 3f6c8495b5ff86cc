import jax
import jax.numpy as jnp
import numpy as np
import pytest

from grokjax.config.config import Config
from grokjax.models import token_ops
from grokjax.models.network import build_network
from tests.reference import forward


@pytest.fixture(scope="module")
def notebook():
    model = build_network(Config().model_settings, Config().spec)
    return model, model.init(jax.random.key(0))


def test_parameter_names_and_shapes(notebook):
    shapes = jax.tree.map(jnp.shape, notebook[1])
    assert shapes == {
        "embed": {"embedding": (53, 128)},
        "hidden": {"kernel": (256, 256), "bias": (256,)},
        "output": {"kernel": (256, 53), "bias": (53,)},
    }
    assert sum(np.size(leaf) for leaf in jax.tree.leaves(notebook[1])) == 86_197


def test_factored_layer_is_the_literal_concatenation(notebook):
    model, params = notebook
    pairs = np.array([[0, 0], [1, 2], [2, 1], [52, 7], [7, 52]], np.int32)
    logits, _ = forward(jax.tree.map(np.asarray, params), pairs)
    np.testing.assert_allclose(model.apply(params, jnp.asarray(pairs)), logits, atol=2e-6)


@pytest.mark.parametrize(
    ("layer", "leaf", "std"),
    [
        ("embed", "embedding", 0.105118),
        ("hidden", "kernel", 0.0625),
        ("output", "kernel", 0.080452),
    ],
)
def test_initial_weights_are_xavier_normal_with_whole_tails(notebook, layer, leaf, std):
    weights = np.asarray(notebook[1][layer][leaf])
    assert abs(weights.std() / std - 1) < 0.03
    assert abs(weights.mean()) < 5 * std / np.sqrt(weights.size)
    # A normal truncated at 2 of its own deviations ends at 2.27 of the resulting one.
    assert np.abs(weights).max() > 3.2 * std


def test_biases_start_at_zero(notebook):
    assert not np.any(notebook[1]["hidden"]["bias"])
    assert not np.any(notebook[1]["output"]["bias"])


def test_lookup_gradient_sums_rows_by_token_both_ways():
    rows = jnp.array([3, 0, 3, 3, 1])
    cotangent = jax.random.normal(jax.random.key(1), (5, 4))
    expected = np.zeros((6, 4), np.float32)
    np.add.at(expected, np.asarray(rows), np.asarray(cotangent))
    for sums in (token_ops._scatter_add, token_ops._one_hot_product):
        np.testing.assert_allclose(sums(rows, cotangent, 6), expected, atol=1e-6)
    table = jnp.ones((6, 4))
    gradient = jax.grad(lambda t: jnp.sum(token_ops.lookup(t, rows) * cotangent))(table)
    np.testing.assert_allclose(gradient, expected, atol=1e-6)


def test_product_gradient_is_that_of_a_plain_product():
    keys = jax.random.split(jax.random.key(2), 3)
    x, kernel, weights = (
        jax.random.normal(key, shape)
        for key, shape in zip(keys, [(5, 3), (3, 4), (5, 4)], strict=True)
    )
    np.testing.assert_array_equal(token_ops.product(x, kernel), x @ kernel)
    found = jax.grad(lambda *a: jnp.sum(weights * token_ops.product(*a)), (0, 1))(x, kernel)
    expected = jax.grad(lambda x, kernel: jnp.sum(weights * (x @ kernel)), (0, 1))(x, kernel)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, atol=1e-6)


def test_packing_moves_numbers_and_comes_back(notebook):
    model, params = notebook
    packed = model.pack(params)
    kernel = params["hidden"]["kernel"]
    np.testing.assert_array_equal(packed["hidden"]["kernel"][:, :256], kernel[:128])
    np.testing.assert_array_equal(packed["hidden"]["kernel"][:, 256:], kernel[128:])
    np.testing.assert_array_equal(packed["output"]["kernel"], params["output"]["kernel"].T)
    jax.tree.map(np.testing.assert_array_equal, model.unpack(packed), params)
