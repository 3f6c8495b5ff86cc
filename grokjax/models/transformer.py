"""The transformer on a sequence of tokens: its settings. The modules are in its sibling files."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from grokjax.errors import ConfigError, invalid
from grokjax.models.model import Model, Shapes, TokenTable
from grokjax.settings.data_spec import DataSpec
from grokjax.settings.field import between, setting, whole

MAX_BLOCKS = 8


@dataclass(frozen=True, kw_only=True)
class Transformer(Model):
    """Attention and MLP over the tokens, read at the last position (Nanda et al. 2023)."""

    embed_dim: int = setting(128, "Width D of the residual stream", whole(1))
    heads: int = setting(4, "Attention heads", whole(1))
    head_dim: int | None = setting(None, "Width of a head; default: embed_dim / heads", whole(1))
    mlp_dim: int | None = setting(None, "Width F of the MLP; default: 4 embed_dim", whole(1))
    blocks: int = setting(1, "Number of blocks: attention, then MLP", between(1, MAX_BLOCKS))
    activation: Literal["relu", "gelu"] = setting("relu", "Activation of the MLP")
    causal: bool = setting(True, "Whether positions attend to earlier ones and themselves alone")
    attention_rate: float = setting(
        1.0,
        "Rate r of the attention r softmax + (1 - r) (Zhong et al. 2023); 0: 1 everywhere",
        kind="traced",
    )
    positions: Literal["learned", "sinusoidal", "none"] = setting(
        "learned", "What is added to embeddings: learned, sinusoidal or none"
    )
    normalization: Literal["none", "post"] = setting(
        "none", "Layer normalisation: none, or post, after each residual sum"
    )
    mlp_biases: bool = setting(True, "Whether the layers of the MLP have biases")
    initializer: Literal["nanda", "zhong", "torch"] = setting(
        "nanda", "Distribution of initial weights: nanda, zhong or torch"
    )

    @property
    def head_width(self) -> int:
        """Width of each head."""
        return self.head_dim or self.embed_dim // self.heads

    @property
    def mlp_width(self) -> int:
        """Width F of the MLP."""
        return self.mlp_dim or 4 * self.embed_dim

    @property
    def factored(self) -> bool:
        """Whether keys, values and scores are functions of one token alone."""
        return self.blocks == 1 and self.normalization == "none"

    def check(self, spec: DataSpec) -> None:
        if spec.num_tokens is None or len(spec.input_shape) != 1:
            raise ConfigError(
                f"model transformer needs inputs that are sequences of tokens, got "
                f"{spec.input_dtype} of shape {list(spec.input_shape)}; choose another model"
            )
        if self.head_dim is None and self.embed_dim % self.heads:
            raise invalid("heads", self.heads, "must divide embed_dim unless head_dim is given")

    def module(self, spec: DataSpec, rngs: Any) -> Any:
        from grokjax.models.transformer_network import FactoredTransformer, PlainTransformer

        return (FactoredTransformer if self.factored else PlainTransformer)(self, spec, rngs=rngs)

    def token_table(self, spec: DataSpec, shapes: Shapes) -> TokenTable:
        assert spec.num_tokens is not None
        return TokenTable("embed/embedding", spec.modulus or spec.num_tokens, "embedding")
