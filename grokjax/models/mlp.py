"""Settings of the MLP on a pair of tokens. The module is in `grokjax.models.mlp_network`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from grokjax.errors import ConfigError, invalid
from grokjax.models.model import Model, Shapes, TokenTable
from grokjax.settings.data_spec import DataSpec
from grokjax.settings.field import between, setting, whole

Activation = Literal["relu", "gelu", "tanh", "square"]
Initializer = Literal[
    "glorot-normal",
    "glorot-uniform",
    "he-normal",
    "lecun-normal",
    "fan-in-normal",
    "torch",
    "gromov",
    "zhong",
    "liu",
]


@dataclass(frozen=True, kw_only=True)
class MLP(Model):
    """An MLP on two tokens, embedded or one-hot, with one to three hidden layers."""

    network = "grokjax.models.mlp_network:MLPNetwork"

    embed_dim: int = setting(128, "Width D of the embedding; 0: one-hot inputs", whole(0))
    embeddings: Literal["shared", "separate"] = setting(
        "shared", "Tables of the two tokens, shared or separate"
    )
    combine: Literal["concatenate", "sum", "sum-of-layers"] = setting(
        "concatenate",
        "How tokens enter the first layer: concatenate or sum, or sum-of-layers, where each passes "
        "it by itself, with its bias",
    )
    hidden_dim: int = setting(256, "Width H of the hidden layers", whole(1))
    hidden_layers: int = setting(1, "Number of hidden layers", between(1, 3))
    activation: Activation = setting("relu", "Activation of the hidden layers")
    biases: bool = setting(True, "Whether layers have biases")
    output_bias: bool = setting(True, "Whether the output layer has one, where layers do")
    layer_normalization: bool = setting(False, "Normalise after each activation")
    tied: bool = setting(False, "Use the embedding's weights for the output, too")
    initializer: Initializer = setting("glorot-normal", "Distribution of initial weights")

    def check(self, spec: DataSpec) -> None:
        if spec.num_tokens is None or spec.input_shape != (2,):
            raise ConfigError(
                f"model mlp needs inputs that are pairs of tokens, got {spec.input_dtype} "
                f"of shape {list(spec.input_shape)}; choose another model, or sequence pair"
            )
        if self.embed_dim == 0 and (self.embeddings == "separate" or self.tied):
            name = "tied" if self.tied else "embeddings"
            raise invalid(
                name, getattr(self, name), "needs an embedding", "embed_dim 0 is one-hot inputs"
            )
        if self.tied and self.embed_dim != self.hidden_dim:
            raise invalid("tied", True, "needs hidden_dim equal to embed_dim")
        if self.tied and spec.num_classes != spec.num_tokens:
            raise invalid("tied", True, "needs as many classes as tokens")

    def token_table(self, spec: DataSpec, shapes: Shapes) -> TokenTable:
        assert spec.num_tokens is not None
        if not self.embed_dim:
            return TokenTable("hidden/kernel", spec.num_tokens, "first-layer weights")
        if self.embeddings == "shared":
            return TokenTable("embed/embedding", spec.num_tokens, "embedding")
        title = "first operand's embedding"
        return TokenTable(
            "embed/embedding", spec.num_tokens, title, second="embed_second/embedding"
        )

    def first_inputs(self, num_tokens: int) -> int:
        """Return the number of inputs of the first hidden layer."""
        width = self.embed_dim or num_tokens
        return 2 * width if self.combine == "concatenate" else width

    def hidden_names(self) -> list[str]:
        """Return the names of the hidden layers, first to last."""
        return ["hidden", "hidden_2", "hidden_3"][: self.hidden_layers]

    def norm_names(self) -> list[str]:
        """Return the names of the layer norms that follow the hidden layers."""
        return ["norm", "norm_2", "norm_3"][: self.hidden_layers if self.layer_normalization else 0]
