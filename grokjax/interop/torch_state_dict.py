"""The MLP's parameters as the state dict of the notebook's PyTorch module.

The module of scienceetonnante/grokking embeds two tokens by `embed` and concatenates them; the
logits are `linear2(relu(linear1(.)))`. PyTorch's kernels are `[outputs, inputs]`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from grokjax.config.config import Config
from grokjax.errors import ConfigError, printable
from grokjax.interop.shapes import check_fit, check_setting
from grokjax.models.model import flat_params
from grokjax.results.params import nested

LAYERS = {
    "embed": ("embed", "embedding"),
    "hidden": ("linear1", "l1", "fc1", "hidden"),
    "output": ("linear2", "l2", "fc2", "output"),
}
"""Names of each of our layers in a state dict: the notebook's, then others that are understood."""

ARRAYS = {
    "embed/embedding": ("embed", "weight"),
    "hidden/kernel": ("hidden", "weight"),
    "hidden/bias": ("hidden", "bias"),
    "output/kernel": ("output", "weight"),
    "output/bias": ("output", "bias"),
}

ONLY = {
    "model": "mlp",
    "embeddings": "shared",
    "combine": "concatenate",
    "hidden_layers": 1,
    "activation": "relu",
    "biases": True,
    "layer_normalization": False,
    "tied": False,
}
"""Settings of the networks that the notebook's module computes."""


def from_torch(arrays: Mapping[str, Any], **settings: Any) -> tuple[Config, Any]:
    """Convert the state dict of a PyTorch module such as the notebook's.

    Args:
      arrays: NumPy arrays by name, `linear1.weight`; a layer may have any of the names in `LAYERS`.
      **settings: further settings of the config, such as `operation` or `activation`. Sizes,
        biases and whether embeddings are concatenated or summed are found.

    Returns:
      A config whose network these weights fit, and parameters as `Run.params_of` gives them.

    Raises ConfigError for arrays that are missing, unknown or of shapes that do not fit together.
    """
    given = {name: np.asarray(value) for name, value in arrays.items()}
    layers = {ours: _name_in(given, names) for ours, names in LAYERS.items()}
    found = {
        ours: given.pop(f"{layers[layer]}.{leaf}")
        for ours, (layer, leaf) in ARRAYS.items()
        if f"{layers[layer]}.{leaf}" in given
    }
    if given:
        raise ConfigError(f"from_torch: {printable(next(iter(given)))} has no place in model mlp")
    found |= {n: np.ascontiguousarray(x.T) for n, x in found.items() if n.endswith("kernel")}
    if any(found[n].ndim != 2 for n in ("embed/embedding", "hidden/kernel", "output/kernel")):
        raise ConfigError("from_torch: weights must have two axes")
    tokens, width = found["embed/embedding"].shape
    inputs, hidden = found["hidden/kernel"].shape
    classes = found["output/kernel"].shape[1]
    shapes = {
        "model": "mlp",
        "modulus": tokens,
        "classes": None if classes == tokens else classes,
        "embed_dim": width,
        "hidden_dim": hidden,
        "combine": "sum" if inputs == width else "concatenate",
        "biases": "hidden/bias" in found,
    }
    config = Config(**(shapes | settings))
    params = nested(found)
    check_fit("from_torch", params, config)
    return config, params


def to_torch(params: Mapping[str, Any], config: Config) -> dict[str, np.ndarray]:
    """Convert the parameters of one member to a state dict of the notebook's module.

    Args:
      params: as `Run.params_of` gives them.
      config: the member's, `run.sweep[member]`.

    Raises ConfigError if that module computes no such network, or they do not fit the config.
    """
    for name, only in ONLY.items():
        check_setting("the notebook's PyTorch module", config, name, only)
    if config.embed_dim == 0:
        raise ConfigError("embed_dim must be at least 1 for the notebook's PyTorch module, got 0")
    check_fit("to_torch", params, config)
    ours = flat_params(params)
    arrays = {
        f"{LAYERS[layer][0]}.{leaf}": np.asarray(ours[name])
        for name, (layer, leaf) in ARRAYS.items()
    }
    linear = ("linear1.weight", "linear2.weight")
    return arrays | {name: np.ascontiguousarray(arrays[name].T) for name in linear}


def _name_in(given: Mapping[str, Any], names: tuple[str, ...]) -> str:
    """Return the name by which a layer is in a state dict."""
    for name in names:
        if f"{name}.weight" in given:
            return name
    raise ConfigError(f"from_torch: {names[0]}.weight is missing")
