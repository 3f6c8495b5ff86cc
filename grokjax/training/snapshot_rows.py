"""What a snapshot of a member consists of, as the journal stores it."""

from __future__ import annotations

import jax.numpy as jnp
import numpy as np

from grokjax.config.sweep import Program
from grokjax.models.network import build_network
from grokjax.storage.member_state import Arrays
from grokjax.training.lanes import Lanes


def snapshot_rows(lanes: Lanes, chosen: list[int], program: Program) -> Arrays:
    """Return the snapshots of the members in some lanes, arrays `[R, ...]` by name."""
    config = program.example
    if config.snapshot != "embedding":
        kinds = ("params/",)
        if config.snapshot == "states":
            kinds += ("opt_state/", "interventions/")
        rows = lanes.read(chosen, [name for name in lanes.names if name.startswith(kinds)])
    else:
        network = build_network(program.config.model_settings, program.config.spec)
        table = network.token_table
        assert table is not None, "embeddings of a network without tokens are refused"
        name = f"params/{table.parameter}"
        rows = [{"embedding": row[name][: table.rows]} for row in lanes.read(chosen, [name])]
    stacked = {name: np.stack([row[name] for row in rows]) for name in rows[0]}
    if config.snapshot_dtype == "bfloat16":
        stacked = {name: _bfloat16_bits(array) for name, array in stacked.items()}
    return stacked


def _bfloat16_bits(array: np.ndarray) -> np.ndarray:
    """Round floats to bfloat16, and return its bits as uint16."""
    with np.errstate(over="ignore"):  # the largest float32 round to infinity
        return array.astype(jnp.bfloat16).view(np.uint16)
