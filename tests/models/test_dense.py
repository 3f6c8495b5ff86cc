"""The MLP on features against NumPy, and what it refuses."""

import jax
import numpy as np
import pytest

from grokjax import Config, ConfigError
from grokjax.models.network import build_network
from grokjax.recipes import omnigrok
from grokjax.settings.data_spec import DataSpec

SPEC = DataSpec((3, 4), "float32", None, 5, ())


@pytest.mark.parametrize("layers", [1, 2, 4])
@pytest.mark.parametrize(
    ("activation", "act"), [("relu", lambda x: x * (x > 0)), ("tanh", np.tanh)]
)
@pytest.mark.parametrize("biases", [True, False])
def test_outputs_against_numpy(layers, activation, act, biases):
    config = omnigrok.DIGITS.replace(
        hidden_layers=layers, activation=activation, biases=biases, hidden_dim=6
    )
    network = build_network(config.model_settings, SPEC)
    params = jax.tree.map(np.asarray, network.init(jax.random.key(0)))
    names = ["hidden", *(f"hidden_{i}" for i in range(2, layers + 1)), "output"]
    assert sorted(params) == sorted(names)
    inputs = np.random.default_rng(0).normal(size=(7, 3, 4)).astype(np.float32)
    x = inputs.reshape(7, 12)
    for name in names:
        last = x = x if name == "hidden" else act(x)
        x = x @ params[name]["kernel"] + params[name].get("bias", np.float32(0))
    assert ("bias" in params["output"]) == biases
    np.testing.assert_allclose(network.apply(params, inputs), x, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(network.hidden(params, inputs), last, rtol=1e-4, atol=1e-5)


def test_it_needs_features():
    with pytest.raises(ConfigError, match="model dense needs inputs that are features, got tokens"):
        Config(model="dense")
