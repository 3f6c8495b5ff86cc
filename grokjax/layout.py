"""Names and shapes of a network's parameters. No JAX here, so that a run is read without it.

Kernels are `[inputs, outputs]`. Of the first layer's, rows 0..D-1 act on the
first token where both are concatenated.
"""

from __future__ import annotations

import math
from typing import Any

from grokjax.config import Config

Shapes = dict[str, tuple[int, ...]]

NETWORK = (
    "modulus",
    "classes",
    "embed_dim",
    "embeddings",
    "combine",
    "hidden_dim",
    "hidden_layers",
    "activation",
    "biases",
    "layer_normalization",
    "tied",
)
"""The settings that say what function the parameters are of."""


def network(config: Config) -> Config:
    """These settings of a config, all others at their defaults."""
    return Config(**{name: getattr(config, name) for name in NETWORK})


def first_inputs(config: Config) -> int:
    """Inputs of the first hidden layer: one token or both, embedded or one-hot."""
    width = config.embed_dim or config.modulus
    return width if config.combine == "sum" else 2 * width


def hidden_names(config: Config) -> list[str]:
    """The hidden layers, first to last."""
    return ["hidden", "hidden_2", "hidden_3"][: config.hidden_layers]


def norm_names(config: Config) -> list[str]:
    """The layer norms that follow them, if there are any."""
    count = config.hidden_layers if config.layer_normalization else 0
    return ["norm", "norm_2", "norm_3"][:count]


def shapes(config: Config) -> Shapes:
    """Shapes of the parameters by name, `layer/array`."""
    found: Shapes = {}
    tables = ["embed", "embed_second"][: 1 + (config.embeddings == "separate")]
    for name in tables if config.embed_dim else []:
        found[f"{name}/embedding"] = (config.modulus, config.embed_dim)
    inputs = first_inputs(config)
    for name in hidden_names(config):
        found[f"{name}/kernel"] = (inputs, config.hidden_dim)
        inputs = config.hidden_dim
        if config.biases:
            found[f"{name}/bias"] = (config.hidden_dim,)
    for name in norm_names(config):
        found |= {f"{name}/{array}": (config.hidden_dim,) for array in ("scale", "bias")}
    if not config.tied:
        found["output/kernel"] = (config.hidden_dim, config.num_classes)
    if config.biases:
        found["output/bias"] = (config.num_classes,)
    return found


def layers(config: Config) -> list[str]:
    """Names of the layers that have parameters, in alphabetical order."""
    return sorted({name.split("/")[0] for name in shapes(config)})


def table_shape(config: Config) -> tuple[int, int]:
    """Shape of `table`."""
    return config.modulus, config.embed_dim or config.hidden_dim


def table(params: dict[str, Any], network: Config) -> Any:
    """The token table of the first operand, `[..., P, D]`.

    The embedding; with one-hot inputs the weights of the first hidden layer from the first
    token, and D is H.
    """
    if network.embed_dim:
        return params["embed"]["embedding"]
    return params["hidden"]["kernel"][..., : network.modulus, :]


def table_name(network: Config) -> str:
    """What `table` holds, in words."""
    if not network.embed_dim:
        return "first-layer weights"
    return "embedding" if network.embeddings == "shared" else "first operand's embedding"


def output_table(params: dict[str, Any], network: Config) -> Any:
    """Output weights over the answers, `[C, H]`: a row each."""
    return params["embed"]["embedding"] if network.tied else params["output"]["kernel"].T


def numbers_per_parameter(config: Config) -> int:
    """Numbers that training keeps for each parameter, itself included."""
    moments = 1 if config.optimizer == "sgd" else 2
    filtered = {"none": 0, "ema": 1, "ma": config.grokfast_window + 3}[config.grokfast]
    return 1 + moments + filtered


def state_bytes(config: Config) -> int:
    """Bytes of a member's state: its parameters and what training keeps for them."""
    params = sum(math.prod(shape) for shape in shapes(config).values())
    return 4 * numbers_per_parameter(config) * params
