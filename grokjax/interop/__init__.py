"""Other libraries: weights, tables and trees of arrays in files, and logs while members train."""

from grokjax.interop.checkpoints import export_member, open_weights, read_params
from grokjax.interop.csv_log import CsvLog
from grokjax.interop.tables import write_history, write_zarr
from grokjax.interop.tensorboard_log import TensorBoardLog
from grokjax.interop.torch_state_dict import from_torch, to_torch
from grokjax.interop.transformer_lens import (
    from_transformer_lens,
    to_transformer_lens,
    transformer_lens_config,
)
from grokjax.interop.wandb_log import WandbLog
from grokjax.interop.weights import read_weights, write_weights

__all__ = [
    "CsvLog",
    "TensorBoardLog",
    "WandbLog",
    "export_member",
    "from_torch",
    "from_transformer_lens",
    "open_weights",
    "read_params",
    "read_weights",
    "to_torch",
    "to_transformer_lens",
    "transformer_lens_config",
    "write_history",
    "write_weights",
    "write_zarr",
]
