"""The state dict of the notebook's PyTorch module, against the module in NumPy and in PyTorch."""

import numpy as np
import pytest

from grokjax import Config
from grokjax.analysis.over_members import built_network
from grokjax.interop import from_torch, to_torch
from grokjax.tasks.operations import all_pairs
from tests.interop.forward import notebook_module
from tests.results.test_selection import refusal

P, D, H = 7, 4, 8
CONFIG = Config(modulus=P, embed_dim=D, hidden_dim=H)


def state_dict(**names):
    """The notebook's state dict with random weights; names: of layers, where they differ."""
    rng = np.random.default_rng(0)
    shapes = {
        "embed.weight": (P, D),
        "linear1.weight": (H, 2 * D),
        "linear1.bias": (H,),
        "linear2.weight": (P, H),
        "linear2.bias": (P,),
    }
    arrays = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    layers = {name: name.partition(".") for name in arrays}
    return {
        names.get(layer, layer) + dot + leaf: arrays[n] for n, (layer, dot, leaf) in layers.items()
    }


STATE = state_dict()


def test_the_network_computes_what_the_notebooks_module_does_and_every_bit_comes_back():
    config, params = from_torch(STATE)
    assert config == CONFIG
    ours = np.asarray(built_network(config.network).apply(params, all_pairs(P)))
    np.testing.assert_allclose(ours, notebook_module(STATE, all_pairs(P)), rtol=1e-5, atol=1e-5)
    back = to_torch(params, config)
    assert list(back) == list(STATE)
    for name, array in STATE.items():
        assert back[name].dtype == np.float32
        np.testing.assert_array_equal(back[name], array, err_msg=name)


def test_it_loads_strictly_into_the_module():
    torch = pytest.importorskip("torch")
    module = torch.nn.Module()
    module.embed = torch.nn.Embedding(P, D)
    module.linear1, module.linear2 = torch.nn.Linear(2 * D, H), torch.nn.Linear(H, P)
    given = to_torch(from_torch(STATE)[1], CONFIG)
    module.load_state_dict({name: torch.from_numpy(x) for name, x in given.items()}, strict=True)
    x = module.embed(torch.from_numpy(all_pairs(P)).long()).flatten(1)
    logits = module.linear2(torch.relu(module.linear1(x))).detach().numpy()
    np.testing.assert_allclose(logits, notebook_module(STATE, all_pairs(P)), rtol=1e-4, atol=1e-5)


def test_other_names_and_further_settings():
    renamed = state_dict(embed="embedding", linear1="l1", linear2="l2")
    config, params = from_torch(renamed, operation="subtract", activation="gelu")
    assert (config.operation, config.activation) == ("subtract", "gelu")
    np.testing.assert_array_equal(params["hidden"]["kernel"], STATE["linear1.weight"].T)
    summed = {n: x for n, x in STATE.items() if "bias" not in n}
    summed["linear1.weight"] = STATE["linear1.weight"][:, :D]
    found = from_torch(summed)[0]
    assert (found.combine, found.biases) == ("sum", False)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"linear1.weight": None}, "from_torch: linear1.weight is missing"),
        ({"linear3.bias": np.zeros(3)}, "from_torch: linear3.bias has no place in model mlp"),
        (
            {"linear1.bias": np.zeros(9, np.float32)},
            "from_torch: hidden/bias is [9], and [8] in the network of these settings",
        ),
        ({"embed.weight": np.zeros(9)}, "from_torch: weights must have two axes"),
    ],
)
def test_what_is_no_such_module_is_refused(changes, message):
    state = {n: x for n, x in (STATE | changes).items() if x is not None}
    assert refusal(from_torch, state) == message


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"activation": "gelu"}, "activation must be relu for the notebook's PyTorch module"),
        ({"hidden_layers": 2}, "hidden_layers must be 1 for the notebook's PyTorch module, got 2"),
        ({"embed_dim": 0}, "embed_dim must be at least 1 for the notebook's PyTorch module, got 0"),
        ({"hidden_dim": 9}, "to_torch: hidden/bias is [8], and [9] in the network"),
    ],
)
def test_a_network_that_the_module_cannot_be_is_refused(settings, message):
    _, params = from_torch(STATE)
    assert refusal(to_torch, params, CONFIG.replace(**settings)).startswith(message)
