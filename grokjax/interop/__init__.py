"""Weights in and out: files, and the names and shapes of other libraries."""

from grokjax.interop.checkpoints import export_member, open_weights, read_params
from grokjax.interop.torch_state_dict import from_torch, to_torch
from grokjax.interop.transformer_lens import (
    from_transformer_lens,
    to_transformer_lens,
    transformer_lens_config,
)
from grokjax.interop.weights import read_weights, write_weights

__all__ = [
    "export_member",
    "from_torch",
    "from_transformer_lens",
    "open_weights",
    "read_params",
    "read_weights",
    "to_torch",
    "to_transformer_lens",
    "transformer_lens_config",
    "write_weights",
]
