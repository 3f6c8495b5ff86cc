"""Whether parameters are those of a config's network."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from grokjax.config.config import Config
from grokjax.errors import ConfigError, invalid
from grokjax.models.model import Shapes, flat_params
from grokjax.models.network import build_network
from grokjax.training.initial_weights import difference_of_shapes


def expected_shapes(config: Config) -> Shapes:
    """Return the shapes of a config's parameters by name."""
    return build_network(config.model_settings, config.spec).shapes


def check_fit(function: str, params: Mapping[str, Any], config: Config) -> None:
    """Raise ConfigError, which names the function, unless these are one member's parameters."""
    given = {name: np.shape(array) for name, array in flat_params(params).items()}
    if difference := difference_of_shapes(given, expected_shapes(config)):
        raise ConfigError(f"{function}: {difference} in the network of these settings")


def check_setting(library: str, config: Config, name: str, only: Any) -> None:
    """Raise ConfigError unless a setting has the one value that another library can express."""
    value = config.values.get(name, only)
    if value != only:
        raise invalid(name, value, f"must be {only} for {library}")
