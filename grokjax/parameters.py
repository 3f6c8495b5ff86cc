"""The parameters that a run directory holds: of finished members, and of those in training."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from grokjax import journal, layout
from grokjax.files import DamagedRun
from grokjax.sweep import Sweep


def latest(
    directory: Path, sweep: Sweep, wanted: Iterable[int], all_finished: bool
) -> dict[int, dict[str, np.ndarray]]:
    """Parameters by name, `layer/array`, of those wanted members of a run that have any.

    Of a member in training, as of the last checkpoint; without them, and a warning, if
    no checkpoint can be read. Raises DamagedRun if they are another network's.
    """
    wanted = set(wanted)
    found: dict[int, dict[str, np.ndarray]] = {}
    reached: dict[int, int] = {}
    if not all_finished:
        from grokjax.checkpoint import Checkpoints  # imports orbax: only if it must

        under_way = {}
        with Checkpoints(directory, True, sweep.members) as checkpoints:
            try:
                under_way = checkpoints.restore_latest()
            except DamagedRun as error:
                warnings.warn(f"{error}; members in training are left out here", stacklevel=4)
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
    for member in wanted & found.keys():
        if {n: x.shape for n, x in found[member].items()} != layout.shapes(sweep[member]):
            raise DamagedRun(f"{directory}: parameters of member {member} are another network's")
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
