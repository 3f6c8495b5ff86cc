"""The transformer's parameters under the names and in the shapes of TransformerLens.

TransformerLens's `HookedTransformer` has these (n_layers blocks, one shown), which are ours under
other names:

| TransformerLens | ours | shape |
|---|---|---|
| embed.W_E, pos_embed.W_pos | embed/embedding, embed/position | [T, D], [S, D] |
| blocks.0.attn.W_Q, W_K, W_V | attention/query, key, value | [heads, D, head_dim] |
| blocks.0.attn.W_O | attention/output | [heads, head_dim, D] |
| blocks.0.mlp.W_in, b_in, W_out, b_out | mlp/in, mlp/out: kernel, bias | [D, F], [F], [F, D], [D] |
| unembed.W_U | unembed/kernel | [D, C] |

The published codes of Nanda et al. 2023 and Zhong et al. 2023 have the same names in an older
layout: W_E [D, T], W_Q, W_K and W_V [heads, head_dim, D], W_O [D, heads * head_dim], W_in [F, D],
W_out [D, F]. W_O has three axes in one layout and two in the other, and so tells them apart even
where all widths are equal. Letters: T tokens, S positions, C classes, D, F widths.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

from grokjax.config.config import Config
from grokjax.errors import ConfigError, invalid, printable
from grokjax.interop.shapes import check_fit, check_setting
from grokjax.models.model import flat_params
from grokjax.results.params import nested
from grokjax.tasks.binary_operation import SEQUENCES

Arrays = dict[str, np.ndarray]

OUTER = {
    "embed.W_E": "embed/embedding",
    "pos_embed.W_pos": "embed/position",
    "unembed.W_U": "unembed/kernel",
}

IN_BLOCK = {
    "attn.W_Q": "attention{}/query",
    "attn.W_K": "attention{}/key",
    "attn.W_V": "attention{}/value",
    "attn.W_O": "attention{}/output",
    "mlp.W_in": "mlp{}/in/kernel",
    "mlp.b_in": "mlp{}/in/bias",
    "mlp.W_out": "mlp{}/out/kernel",
    "mlp.b_out": "mlp{}/out/bias",
}

ZERO = ("attn.b_Q", "attn.b_K", "attn.b_V", "attn.b_O")
"""Biases of a block that our networks do not have."""

BUFFERS = ("attn.mask", "attn.IGNORE")
"""Constants of a block in a state dict."""

RATE = "attention_rate"
"""Entry of the models of Zhong et al. 2023; TransformerLens has no such thing."""


def from_transformer_lens(arrays: Mapping[str, Any], **settings: Any) -> tuple[Config, Any]:
    """Convert a state dict of TransformerLens, or of an older code with its names.

    Args:
      arrays: by name, `blocks.0.attn.W_Q` or `blocks/0/attn/W_Q`. Arrays without axes are ignored,
        except `attention_rate`.
      **settings: further settings of the config, such as `operation` or `activation`. Sizes, the
        number of blocks, the modulus and the sequence (by the number of positions) are found.

    Returns:
      A config whose network these weights fit, and parameters as `Run.params_of` gives them.

    Raises ConfigError for arrays that are missing, unknown or of shapes that do not fit together,
    or biases that are not zero and that our network does not have.
    """
    given = {name.replace("/", "."): np.asarray(value) for name, value in arrays.items()}
    rate = given.get(RATE)
    given = {name: value for name, value in given.items() if value.ndim}
    numbers = (re.match(r"blocks\.(\d+)\.", name) for name in given)
    blocks = 1 + max((int(match[1]) for match in numbers if match), default=0)
    names = names_of(blocks)
    _check_names(given, names, blocks)
    older = given["blocks.0.attn.W_O"].ndim == 2
    try:
        found = {
            ours: (_from_older(name, given) if older else given[name])
            for name, ours in names.items()
        }
        config = Config(**(_settings(found, blocks, rate) | settings))
    except ConfigError:
        raise
    except ValueError as error:  # too few or too many axes
        raise ConfigError(f"from_transformer_lens: shapes do not fit together ({error})") from error
    if not config.values.get("mlp_biases", True):
        found = _without_zeros(found, [n for n in found if n.startswith("mlp") and "bias" in n])
    params = nested(found)
    check_fit("from_transformer_lens", params, config)
    return config, params


def to_transformer_lens(params: Mapping[str, Any], config: Config) -> Arrays:
    """Convert the parameters of one member to a state dict of TransformerLens.

    It loads into `HookedTransformer(HookedTransformerConfig(**transformer_lens_config(config)))`.
    Biases that our network does not have are zero. Where `attention_rate` is not 1 the state dict
    has it as an entry of its own, which TransformerLens refuses, as it could not compute with it.

    Args:
      params: as `Run.params_of` gives them.
      config: the member's, `run.sweep[member]`.

    Raises ConfigError if TransformerLens has no such network, or they do not fit the config.
    """
    _check_expressible(config)
    check_fit("to_transformer_lens", params, config)
    ours = flat_params(params)
    blocks, length = config.blocks, config.spec.input_shape[0]
    heads, head_dim, width = ours["attention/output"].shape
    hidden = ours["mlp/in/kernel"].shape[1]
    blank = {"mlp.b_in": (hidden,), "mlp.b_out": (width,), "attn.b_O": (width,)}
    blank |= dict.fromkeys(ZERO[:3], (heads, head_dim))
    state = {name: np.asarray(ours[own]) for name, own in names_of(blocks).items() if own in ours}
    for block in range(blocks):
        prefix = f"blocks.{block}."
        zeros = {prefix + n: np.zeros(shape, np.float32) for n, shape in blank.items()}
        state = zeros | state
        state[f"{prefix}attn.mask"] = np.tri(length, dtype=bool)
        state[f"{prefix}attn.IGNORE"] = np.array(-np.inf, np.float32)
    state["unembed.b_U"] = np.zeros(config.num_classes, np.float32)
    if config.attention_rate != 1:
        state[RATE] = np.array(config.attention_rate)
    return state


def transformer_lens_config(config: Config) -> dict[str, Any]:
    """Return the arguments of `HookedTransformerConfig` for a member's network.

    Raises ConfigError if TransformerLens has no such network.
    """
    _check_expressible(config)
    model, spec = config.model_settings, config.spec
    return {
        "n_layers": model.blocks,
        "d_model": model.embed_dim,
        "n_heads": model.heads,
        "d_head": model.head_width,
        "d_mlp": model.mlp_width,
        "n_ctx": spec.input_shape[0],
        "d_vocab": spec.num_tokens,
        "d_vocab_out": spec.num_classes,
        "act_fn": model.activation,
        "normalization_type": None,
        "attention_dir": "causal" if model.causal else "bidirectional",
    }


def names_of(blocks: int) -> dict[str, str]:
    """Return our name for each of theirs."""
    found = dict(OUTER)
    for block in range(blocks):
        end = f"_{block + 1}" if block else ""
        found |= {f"blocks.{block}.{n}": own.format(end) for n, own in IN_BLOCK.items()}
    return found


def _check_names(given: Arrays, names: Mapping[str, str], blocks: int) -> None:
    """Raise ConfigError for names that are missing or unknown, and for biases that are not zero."""
    for name in names:
        if name not in given:
            raise ConfigError(f"from_transformer_lens: {name} is missing")
    zero = ["unembed.b_U", *(f"blocks.{i}.{name}" for i in range(blocks) for name in ZERO)]
    ignored = {f"blocks.{i}.{name}" for i in range(blocks) for name in BUFFERS}
    for name in given.keys() - names.keys() - ignored:
        if name not in zero:
            raise ConfigError(
                f"from_transformer_lens: {printable(name)} has no place in model transformer"
            )
        if given[name].any():
            raise ConfigError(
                f"from_transformer_lens: {name} must be zero, as model transformer does not have it"
            )


def _from_older(name: str, given: Arrays) -> np.ndarray:
    """Return an array of the older layout in ours."""
    array, kind = given[name], name.rpartition(".")[2]
    if kind in ("W_Q", "W_K", "W_V"):
        return np.ascontiguousarray(array.swapaxes(1, 2))
    if kind == "W_O":
        heads, inner, _ = given[name.replace("W_O", "W_Q")].shape
        return np.ascontiguousarray(array.T).reshape(heads, inner, -1)
    return np.ascontiguousarray(array.T) if kind in ("W_E", "W_in", "W_out") else array


def _settings(found: Arrays, blocks: int, rate: np.ndarray | None) -> dict[str, Any]:
    """Return the settings that shapes tell."""
    tokens, width = found["embed/embedding"].shape
    heads, _, head_dim = found["attention/query"].shape
    _, hidden = found["mlp/in/kernel"].shape
    _, classes = found["unembed/kernel"].shape
    positions = len(found["embed/position"])
    lengths = {len(template): name for name, template in SEQUENCES.items()}
    if positions not in lengths:
        listed = ", ".join(f"{n} ({name})" for n, name in lengths.items())
        raise ConfigError(
            f"from_transformer_lens: pos_embed.W_pos must have {listed} rows, got {positions}"
        )
    sequence = lengths[positions]
    further = sum(token is not None for token in SEQUENCES[sequence])
    return {
        "model": "transformer",
        "modulus": tokens - further,
        "sequence": sequence,
        "classes": None if classes == tokens else classes,
        "embed_dim": width,
        "heads": heads,
        "head_dim": None if heads * head_dim == width else head_dim,
        "mlp_dim": None if hidden == 4 * width else hidden,
        "blocks": blocks,
        **({} if rate is None else {RATE: float(rate)}),
    }


def _without_zeros(found: Arrays, names: list[str]) -> Arrays:
    """Return arrays without these. Raises ConfigError if one is not zero."""
    for name in names:
        if found[name].any():
            raise invalid("mlp_biases", False, f"must be True, as {name} is not zero")
    return {name: array for name, array in found.items() if name not in names}


def _check_expressible(config: Config) -> None:
    """Raise ConfigError if TransformerLens has no such network."""
    only = {"model": "transformer", "positions": "learned", "normalization": "none"}
    for name, value in only.items():
        check_setting("TransformerLens", config, name, value)
