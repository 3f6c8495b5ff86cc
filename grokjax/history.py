"""The journal's records and snapshots, merged into labelled arrays."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from grokjax import journal, labels, layout, memory
from grokjax.files import DamagedRun
from grokjax.sweep import Sweep

if TYPE_CHECKING:
    import xarray as xr


SCALARS = (
    "train_loss",
    "test_loss",
    "train_accuracy",
    "test_accuracy",
    "weight_norm",
    "embedding_gini",
    "neuron_ipr",
)
NEWER = {"neuron_ipr"}
"""Variables that runs of earlier versions lack."""


def merged(
    directory: Path, sweep: Sweep, members: Sequence[int], statuses: Sequence[str]
) -> xr.Dataset:
    """History of some members, as `grokjax.Run.history` describes it."""
    import xarray as xr

    live = journal.live(directory)  # first: a trainer may make a numbered part of it
    paths = journal.intact(directory, "records")
    seen = [*(journal.read(path, "member", "epoch") for path in paths), *live]
    epochs = np.unique(np.concatenate([part["epoch"] for part in seen] or [np.zeros(0, np.int32)]))
    place, layers = np.full(len(sweep), -1), _layers(sweep)  # member -> its row, or -1
    place[list(members)] = np.arange(len(members))
    widest = max((sweep[m].modulus // 2 for m in members), default=0)
    size = 4 * len(members) * len(epochs) * (len(SCALARS) + len(layers) + widest)
    memory.want(f"{directory}: history", 2 * size)
    variables = {} if seen else _nothing(sweep, members)
    # One part after the other: with all of them at once memory would hold the records twice.
    for part in itertools.chain(map(journal.read, paths), live):
        numbers = part.pop("member")
        known = numbers < len(sweep)  # a run extended meanwhile has more
        rows = np.where(known, place[np.where(known, numbers, 0)], -1)
        columns = np.searchsorted(epochs, part.pop("epoch"))
        wanted = rows >= 0
        if not wanted.any():
            continue
        config = sweep[int(numbers[wanted][0])]  # a part is of one program
        own = layout.layers(config)
        lacking = NEWER - part.keys()
        expected = _widths(own, config.modulus // 2)
        expected = {n: shape for n, shape in expected.items() if n not in lacking}
        if {n: x.shape[1:] for n, x in part.items()} != expected:
            raise DamagedRun(f"{directory}: holds the records of another network")
        part["layer_norm"] = _spread(part["layer_norm"], own, layers)
        for name, values in part.items():
            whole = _wide_enough(variables.get(name), (len(members), len(epochs)), values)
            # A smaller modulus fills the lower frequencies only.
            tail = tuple(slice(size) for size in values.shape[1:])
            whole[(rows[wanted], columns[wanted], *tail)] = values[wanted]
            variables[name] = whole
    third = {"layer_norm": "layer", "embedding_power": "frequency"}
    data = {
        name: (("member", "eval", *([third[name]] if name in third else [])), values)
        for name, values in variables.items()
    }
    coordinates = _coordinates(sweep, members, epochs)
    coordinates["status"] = ("member", np.array(statuses, dtype=str))
    if "layer_norm" in variables:
        coordinates["layer"] = layers
    if "embedding_power" in variables:
        coordinates["frequency"] = np.arange(1, variables["embedding_power"].shape[2] + 1)
    configs = [sweep[m] for m in members]
    names = {"task": labels.tasks(configs), "loss": labels.losses(c.loss for c in configs)}
    return xr.Dataset(data, coordinates, names)


def _nothing(sweep: Sweep, members: Sequence[int]) -> dict[str, np.ndarray]:
    """The variables of a run that has logged nothing yet, `[M, 0]` or `[M, 0, F]`."""
    frequencies = max((sweep[m].modulus // 2 for m in members), default=0)
    shapes = _widths(_layers(sweep), frequencies)
    return {n: np.zeros((len(members), 0, *shape), np.float32) for n, shape in shapes.items()}


def _widths(layers: Sequence[str], frequencies: int) -> dict[str, tuple[int, ...]]:
    """The variables, and what each has in an evaluation."""
    third = {"layer_norm": (len(layers),), "embedding_power": (frequencies,)}
    return dict.fromkeys(SCALARS, ()) | third


def _layers(sweep: Sweep) -> list[str]:
    """Of any member's network, in alphabetical order."""
    networks = dict.fromkeys(layout.network(member) for member in sweep)
    return sorted({layer for config in networks for layer in layout.layers(config)})


def _spread(values: np.ndarray, own: list[str], layers: list[str]) -> np.ndarray:
    """Values of a network's own layers among all that there are: `[R, own]` -> `[R, layers]`."""
    whole = np.full((len(values), len(layers)), np.nan, np.float32)
    whole[:, [layers.index(name) for name in own]] = values
    return whole


def recorded(directory: Path) -> dict[int, set[int]]:
    """The epochs that the journal has evaluations of, by member."""
    found: dict[int, set[int]] = {}
    for part in journal.parts(directory, "records", "member", "epoch"):
        for member, epoch in zip(part["member"].tolist(), part["epoch"].tolist(), strict=True):
            found.setdefault(member, set()).add(epoch)
    return found


def snapshots(directory: Path, sweep: Sweep, members: Sequence[int]) -> xr.DataArray:
    """Kept embeddings of some members, as `grokjax.Run.snapshots` describes them."""
    import xarray as xr

    rows = {
        (m, e): embedding
        for part in journal.parts(directory, "snapshots")
        for m, e, embedding in zip(
            part["member"].tolist(), part["epoch"].tolist(), part["embedding"], strict=True
        )
        if m in members
    }
    if any(row.shape != layout.table_shape(sweep[m]) for (m, _), row in rows.items()):
        raise DamagedRun(f"{directory}: holds the snapshots of another network")
    if not rows:
        raise ValueError("snapshots: none kept of these members (snapshot_every)")
    if len({row.shape for row in rows.values()}) > 1:
        raise ValueError("snapshots: shapes differ between programs; use select")
    epochs = sorted({epoch for _, epoch in rows})
    blank = np.full(next(iter(rows.values())).shape, np.nan, np.float32)
    values = np.stack([np.stack([rows.get((m, e), blank) for e in epochs]) for m in members])
    dims = ("member", "epoch", "token", "dimension")
    return xr.DataArray(values, {"member": list(members), "epoch": epochs}, dims)


def _wide_enough(
    whole: np.ndarray | None, shape: tuple[int, int], values: np.ndarray
) -> np.ndarray:
    """`whole`, made or widened with NaN so that rows like `values` fit in."""
    if whole is not None and whole.shape[2:] >= values.shape[1:]:
        return whole
    wider = np.full(shape + values.shape[1:], np.nan, np.float32)
    if whole is not None:
        wider[..., : whole.shape[2]] = whole
    return wider


def _coordinates(sweep: Sweep, members: Sequence[int], epochs: np.ndarray) -> dict[str, Any]:
    steps = np.array([sweep[m].steps_per_epoch for m in members], np.int64)
    coordinates: dict[str, Any] = {
        "member": np.array(members, np.int64),
        "epoch": ("eval", epochs),
        "step": (("member", "eval"), steps[:, None] * epochs[None, :]),
    }
    for name in sweep.swept:
        values = [getattr(sweep[m], name) for m in members]
        # None is full batch, or the seed's own split; netCDF has no such value.
        labels = [-1 if value is None else value for value in values]
        coordinates[name] = ("member", np.array(labels))
    return coordinates
