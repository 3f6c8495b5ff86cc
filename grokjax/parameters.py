"""The parameters that a run directory holds: of finished members, and of those in training."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from grokjax import journal


def latest(
    directory: Path, wanted: Iterable[int], all_finished: bool
) -> dict[int, dict[str, np.ndarray]]:
    """Parameters by name, `layer/array`, of those wanted members of a run that have any.

    Of a member in training, as of the last checkpoint.
    """
    found: dict[int, dict[str, np.ndarray]] = {}
    reached: dict[int, int] = {}
    if not all_finished:
        from grokjax.checkpoint import Checkpoints  # imports orbax: only if it must

        with Checkpoints(directory, read_only=True) as checkpoints:
            under_way = checkpoints.restore_latest()
        for member, saved in under_way.items():
            reached[member] = int(saved.state["epoch"])
            found[member] = {
                name.removeprefix("params/"): array
                for name, array in saved.state.items()
                if name.startswith("params/")
            }
    for part in journal.parts(directory, "params"):
        ends = zip(part["member"].tolist(), part["epochs"].tolist(), strict=True)
        for i, (member, epochs) in enumerate(ends):
            if epochs >= reached.get(member, 0):  # else it trains on, in an extended run
                reached[member] = epochs
                found[member] = {name: array[i] for name, array in part.items() if "/" in name}
    return {member: found[member] for member in wanted if member in found}


def nested(flat: dict[str, np.ndarray]) -> dict[str, Any]:
    """`{"embed/embedding": x}` as `{"embed": {"embedding": x}}`."""
    tree: dict[str, Any] = {}
    for name, value in flat.items():
        *folders, leaf = name.split("/")
        node = tree
        for folder in folders:
            node = node.setdefault(folder, {})
        node[leaf] = value
    return tree
