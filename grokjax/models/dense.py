"""Settings of the MLP on features, such as images. The module is in `models.dense_network`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from grokjax.errors import ConfigError
from grokjax.models.mlp import Activation
from grokjax.models.model import Model
from grokjax.settings.data_spec import DataSpec
from grokjax.settings.field import between, setting, whole


@dataclass(frozen=True, kw_only=True)
class Dense(Model):
    """An MLP on an input's features, whatever its shape: images are flattened."""

    network = "grokjax.models.dense_network:DenseNetwork"

    hidden_dim: int = setting(200, "Width H of the hidden layers", whole(1))
    hidden_layers: int = setting(2, "Number of hidden layers", between(1, 8))
    activation: Activation = setting("relu", "Activation of the hidden layers")
    biases: bool = setting(True, "Whether layers have biases")
    initializer: Literal[
        "glorot-normal", "glorot-uniform", "he-normal", "lecun-normal", "fan-in-normal", "torch"
    ] = setting("torch", "Distribution of initial weights")

    def check(self, spec: DataSpec) -> None:
        if spec.num_tokens is not None:
            raise ConfigError(
                "model dense needs inputs that are features, got tokens; choose mlp or transformer"
            )

    def hidden_names(self) -> list[str]:
        """Return the names of the hidden layers, first to last."""
        return ["hidden", *(f"hidden_{i}" for i in range(2, self.hidden_layers + 1))]
