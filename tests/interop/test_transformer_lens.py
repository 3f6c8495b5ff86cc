"""State dicts of TransformerLens and of the published codes, against their networks in NumPy."""

import numpy as np
import pytest

from grokjax import Config, ConfigError
from grokjax.analysis.over_members import built_network
from grokjax.interop import from_transformer_lens, to_transformer_lens, transformer_lens_config
from grokjax.models.model import flat_params
from tests.interop.forward import hooked_transformer, older_transformer
from tests.results.test_selection import refusal

P, D, HEADS, K, F = 7, 8, 2, 3, 12
SIZES = {"embed_dim": D, "heads": HEADS, "head_dim": K, "mlp_dim": F}
NANDA = Config(model="transformer", modulus=P, sequence="equals", **SIZES)
ZHONG = Config(model="transformer", modulus=P, attention_rate=0.3, **SIZES)


def state_dict(tokens, positions, classes):
    """A state dict as TransformerLens makes it, with random weights."""
    rng = np.random.default_rng(0)
    head = (HEADS, D, K)
    shapes = {
        "embed.W_E": (tokens, D),
        "pos_embed.W_pos": (positions, D),
        "blocks.0.attn.W_Q": head,
        "blocks.0.attn.W_K": head,
        "blocks.0.attn.W_V": head,
        "blocks.0.attn.W_O": (HEADS, K, D),
        "blocks.0.mlp.W_in": (D, F),
        "blocks.0.mlp.b_in": (F,),
        "blocks.0.mlp.W_out": (F, D),
        "blocks.0.mlp.b_out": (D,),
        "unembed.W_U": (D, classes),
    }
    state = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    for name in ("b_Q", "b_K", "b_V"):
        state[f"blocks.0.attn.{name}"] = np.zeros((HEADS, K), np.float32)
    state["blocks.0.attn.b_O"] = np.zeros(D, np.float32)
    state["blocks.0.attn.mask"] = np.tril(np.ones((positions, positions), bool))
    state["blocks.0.attn.IGNORE"] = np.float32(-np.inf)
    return state | {"unembed.b_U": np.zeros(classes, np.float32)}


def older(state):
    """A state dict in the layout of the published codes, under the names of their npz files."""
    moved = {
        "embed.W_E": lambda x: x.T,
        **dict.fromkeys([f"blocks.0.attn.W_{n}" for n in "QKV"], lambda x: x.swapaxes(1, 2)),
        "blocks.0.attn.W_O": lambda x: x.reshape(-1, D).T,
        "blocks.0.mlp.W_in": lambda x: x.T,
        "blocks.0.mlp.W_out": lambda x: x.T,
    }
    names = [n for n in state if ".b_" not in n or ".mlp." in n]
    return {
        n.replace(".", "/"): moved.get(n, lambda x: x)(state[n])
        for n in names
        if state[n].dtype != bool and state[n].ndim
    }


EQUALS, PAIR = state_dict(P + 1, 3, P + 1), state_dict(P, 2, P)
PAIRS = np.array([(a, b) for a in range(P) for b in range(P)])
TRIPLES = np.concatenate([PAIRS, np.full((P**2, 1), P)], axis=1)


def logits(config, params, tokens):
    traced = type("Traced", (), config.network.traced)
    return np.asarray(built_network(config.network).apply(params, tokens, traced))


@pytest.mark.parametrize(
    ("given", "literal", "tokens", "expected"),
    [
        (EQUALS, hooked_transformer, TRIPLES, NANDA),
        (PAIR, hooked_transformer, PAIRS, ZHONG.replace(attention_rate=1.0)),
        (older(EQUALS), older_transformer, TRIPLES, NANDA),
        (older(PAIR) | {"attention_rate": np.array(0.3)}, older_transformer, PAIRS, ZHONG),
    ],
    ids=["equals", "pair", "older, equals", "older, pair with attention rate"],
)
def test_the_network_computes_what_the_other_librarys_does(given, literal, tokens, expected):
    config, params = from_transformer_lens(given)
    assert config.network.values == expected.network.values
    assert config.network.traced == expected.network.traced
    ours = logits(config, params, tokens.astype(np.int32))
    theirs = literal(given, tokens, config.attention_rate)
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("state", "config"), [(EQUALS, NANDA), (PAIR, ZHONG)])
def test_both_ways_every_bit_is_kept(state, config):
    _, params = from_transformer_lens(state)
    back = to_transformer_lens(params, config)
    rate = {} if config.attention_rate == 1 else {"attention_rate": np.array(0.3)}
    assert back.keys() == state.keys() | rate.keys()
    for name, array in (state | rate).items():
        assert (back[name].dtype, back[name].shape) == (array.dtype, array.shape), name
        np.testing.assert_array_equal(back[name], array, err_msg=name)
    again, same = from_transformer_lens(back)
    assert again.attention_rate == config.attention_rate
    for name, array in flat_params(params).items():
        np.testing.assert_array_equal(flat_params(same)[name], array, err_msg=name)


def test_where_all_widths_are_equal_the_axes_of_W_O_tell_the_layout():
    rng = np.random.default_rng(1)
    square = {n: rng.normal(size=(5, 5)).astype(np.float32) for n in EQUALS if ".W_" in n}
    square |= {n: np.stack([x]) for n, x in square.items() if ".attn.W_" in n}
    square |= {"pos_embed.W_pos": np.ones((2, 5)), "blocks.0.mlp.b_in": np.ones(5)}
    square |= {"blocks.0.mlp.b_out": np.ones(5)}
    turned = {n: x.swapaxes(-1, -2) for n, x in square.items() if "W_U" not in n and x.ndim > 1}
    turned |= {"pos_embed.W_pos": square["pos_embed.W_pos"]}
    turned["blocks.0.attn.W_O"] = square["blocks.0.attn.W_O"][0].T
    new, old = (flat_params(from_transformer_lens(x)[1]) for x in (square, square | turned))
    for name, array in new.items():
        np.testing.assert_array_equal(old[name], array, err_msg=name)


def test_several_blocks_and_settings_that_shapes_do_not_tell():
    second = {n.replace("blocks.0", "blocks.1"): x for n, x in EQUALS.items() if "blocks" in n}
    config, params = from_transformer_lens(EQUALS | second, operation="subtract", activation="gelu")
    assert (config.blocks, config.operation, config.activation) == (2, "subtract", "gelu")
    np.testing.assert_array_equal(params["mlp_2"]["in"]["bias"], EQUALS["blocks.0.mlp.b_in"])
    assert to_transformer_lens(params, config).keys() == (EQUALS | second).keys()
    assert transformer_lens_config(config) == {
        "n_layers": 2,
        "d_model": D,
        "n_heads": HEADS,
        "d_head": K,
        "d_mlp": F,
        "n_ctx": 3,
        "d_vocab": P + 1,
        "d_vocab_out": P + 1,
        "act_fn": "gelu",
        "normalization_type": None,
        "attention_dir": "causal",
    }


def test_a_network_without_biases_gets_zeros_and_gives_them_back():
    zeros = {n: np.zeros_like(x) for n, x in EQUALS.items() if ".mlp.b_" in n}
    config, params = from_transformer_lens(EQUALS | zeros, mlp_biases=False)
    assert set(params["mlp"]["in"]) == {"kernel"}
    back = to_transformer_lens(params, config)
    assert back.keys() == EQUALS.keys()
    assert not back["blocks.0.mlp.b_in"].any()
    said = refusal(from_transformer_lens, EQUALS, mlp_biases=False)
    assert said == "mlp_biases must be True, as mlp/in/bias is not zero, got False"


BIASED = np.ones((HEADS, K), np.float32)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pos_embed.W_pos": None}, "pos_embed.W_pos is missing"),
        ({"ln_final.w": BIASED}, "ln_final.w has no place in model transformer"),
        (
            {"blocks.0.attn.b_Q": BIASED},
            "blocks.0.attn.b_Q must be zero, as model transformer does not have it",
        ),
        (
            {"pos_embed.W_pos": np.ones((4, D), np.float32)},
            "pos_embed.W_pos must have 2 (pair), 3 (equals), 5 (equation) rows, got 4",
        ),
        (
            {"blocks.0.mlp.W_out": EQUALS["blocks.0.mlp.W_out"].T},
            "mlp/out/kernel is [8, 12], and [12, 8] in the network of these settings",
        ),
        ({"embed.W_E": np.ones(3)}, "shapes do not fit together (not enough values to unpack"),
    ],
)
def test_what_is_no_such_network_is_refused_in_one_line(changes, message):
    state = {n: x for n, x in (EQUALS | changes).items() if x is not None}
    said = refusal(from_transformer_lens, state)
    assert said.startswith(f"from_transformer_lens: {message}")
    assert "\n" not in said


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"model": "mlp"}, "model must be transformer for TransformerLens, got 'mlp'"),
        (
            {"positions": "none"},
            "positions must be learned for TransformerLens, got 'none'",
        ),
        (
            {"normalization": "post"},
            "normalization must be none for TransformerLens, got 'post'",
        ),
    ],
)
def test_a_network_that_transformer_lens_does_not_have_is_refused(settings, message):
    _, params = from_transformer_lens(PAIR)
    with pytest.raises(ConfigError) as error:
        to_transformer_lens(params, ZHONG.replace(**settings))
    assert str(error.value) == message


def test_parameters_of_another_network_are_refused():
    _, params = from_transformer_lens(PAIR)
    said = refusal(to_transformer_lens, params, NANDA)
    assert said.startswith("to_transformer_lens: embed/embedding is [7, 8], and [8, 8] in the")
