"""Read the parameters in a run directory, of members that ended and of those in training."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from grokjax.config.sweep import Sweep
from grokjax.errors import DamagedRun
from grokjax.models.model import Shapes
from grokjax.results.networks import Networks
from grokjax.runtime import memory
from grokjax.storage import journal

if TYPE_CHECKING:
    from grokjax.storage.checkpoint import Checkpoints

PREFIX = "params/"
"""Prefix of the names of parameters in the journal and in checkpoints."""


def open_checkpoints(
    directory: Path, sweep: Sweep, networks: Networks, read_only: bool = True
) -> Checkpoints:
    """Open the checkpoints of a run; larger ones than its members need are refused as damaged."""
    from grokjax.storage.checkpoint import Checkpoints  # imports orbax, which is slow

    state_bytes = max(info.state_bytes for info in networks.all)
    return Checkpoints(directory, read_only, len(sweep), state_bytes)


def latest(
    directory: Path, sweep: Sweep, networks: Networks, wanted: Iterable[int], all_ended: bool
) -> dict[int, dict[str, np.ndarray]]:
    """Return the parameters by name, `layer/array`, of the wanted members that have any.

    Each array has the shape of one member's.

    Members in training have those of the last checkpoint; if no checkpoint can be read, they are
    left out with a warning. Raises DamagedRun if parameters belong to another network.
    """
    wanted = set(wanted)
    found: dict[int, dict[str, np.ndarray]] = {}
    reached: dict[int, int] = {}
    if not all_ended:
        in_training = {}
        with open_checkpoints(directory, sweep, networks) as checkpoints:
            try:
                in_training = checkpoints.restore_latest()
            except DamagedRun as error:
                warnings.warn(f"{error}; members in training are left out", stacklevel=4)
        for member, saved in in_training.items():
            reached[member] = int(saved.state["epoch"])
            found[member] = _of_params(saved.state)
    for part in journal.read_parts(directory, "params"):
        ends = zip(part["member"].tolist(), part["epochs"].tolist(), strict=True)
        for i, (member, epochs) in enumerate(ends):
            if epochs >= reached.get(member, 0):  # else an extended run trains it further
                reached[member] = epochs
                found[member] = {n: array[i] for n, array in _of_params(part).items()}
    for member in wanted & found.keys():
        if {n: x.shape for n, x in found[member].items()} != networks.of(sweep[member]).shapes:
            raise DamagedRun(
                f"{directory}: the parameters of member {member} belong to another network"
            )
    return {member: found[member] for member in wanted if member in found}


def stacked(
    directory: Path,
    members: Sequence[int],
    read: Callable[[Sequence[int]], dict[int, dict[str, np.ndarray]]],
    shapes: Shapes,
    dtype: np.dtype,
) -> dict[str, Any]:
    """Return the nested parameters of members of one network, `[M, ...]`; NaN where there are none.

    read: parameters by name of the members that have any, as `latest` gives them.
    """
    size = dtype.itemsize * len(members) * sum(map(math.prod, shapes.values()))
    memory.require(f"{directory}: parameters", 2 * size)
    found = read(members)
    arrays = {n: np.full((len(members), *s), np.nan, dtype) for n, s in shapes.items()}
    for i, member in enumerate(members):
        for name, value in found.get(member, {}).items():
            arrays[name][i] = value
    return nested(arrays)


def _of_params(arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Return the parameters among a member's arrays, by their own names."""
    return {n.removeprefix(PREFIX): x for n, x in arrays.items() if n.startswith(PREFIX)}


def nested(flat: dict[str, np.ndarray]) -> dict[str, Any]:
    """Return `{"embed/embedding": x}` as `{"embed": {"embedding": x}}`, x of any shape."""
    tree: dict[str, Any] = {}
    for name, value in flat.items():
        *folders, leaf = name.split("/")
        node = tree
        for folder in folders:
            node = node.setdefault(folder, {})
        node[leaf] = value
    return tree
