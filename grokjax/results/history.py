"""Merge the records of the journal into labelled arrays."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from grokjax.config import labels as config_labels
from grokjax.config.config import Config
from grokjax.config.sweep import Sweep
from grokjax.errors import DamagedRun
from grokjax.results.networks import NetworkInfo, Networks
from grokjax.runtime import memory
from grokjax.storage import digests, journal, journal_parts

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


def merged(
    directory: Path,
    sweep: Sweep,
    networks: Networks,
    members: Sequence[int],
    statuses: Sequence[str],
) -> xr.Dataset:
    """Return the history of some members, as `grokjax.Run.history` describes it."""
    import xarray as xr

    live = journal.read_live(directory)  # first, as training turns it into a numbered part
    paths = journal.intact_parts(directory, "records")
    seen = [*(journal.read_part(path, "member", "epoch") for path in paths), *live]
    epochs = np.unique(np.concatenate([part["epoch"] for part in seen] or [np.zeros(0, np.int32)]))
    row_of = np.full(len(sweep), -1)  # -1: not wanted
    row_of[list(members)] = np.arange(len(members))
    infos = list({id(info): info for m in members if (info := networks.of(sweep[m]))}.values())
    dims, labels = _dimensions(infos)
    shapes = {name: tuple(len(labels[dim]) for dim in each) for name, each in dims.items()}
    blank = (len(members), len(epochs))
    values = math.prod(blank) * sum(map(math.prod, shapes.values()))
    dtype = sweep[0].float_dtype
    memory.require(f"{directory}: history", 2 * dtype.itemsize * values)
    variables = {n: np.full(blank + shape, np.nan, dtype) for n, shape in shapes.items()}
    written, missing = set[str](), set[str]()
    # One part after the other: all of them at once would take twice the memory.
    for part in itertools.chain(map(journal.read_part, paths), live):
        numbers = part.pop("member")
        known = numbers < len(sweep)  # the run may have been extended meanwhile
        rows = np.where(known, row_of[np.where(known, numbers, 0)], -1)
        columns = np.searchsorted(epochs, part.pop("epoch"))
        wanted = rows >= 0
        if not wanted.any():
            continue
        info = networks.of(sweep[int(numbers[wanted][0])])  # a part belongs to one program
        # Another version may have written fewer metrics than `info` describes, or more.
        part = {name: part[name] for name in info.metrics if name in part}
        if any(x.shape[1:] != info.metrics[name].shape for name, x in part.items()):
            raise DamagedRun(f"{directory}: holds the records of another network")
        written |= part.keys()
        missing |= info.metrics.keys() - part.keys()
        for name, array in part.items():
            own = [np.searchsorted(labels[dim], info.metrics[name].dims[dim]) for dim in dims[name]]
            _fill(variables[name], rows[wanted], columns[wanted], own, array[wanted])
    for name in missing - written:
        del variables[name]
    data = {n: (("member", "eval", *dims[n]), array) for n, array in variables.items()}
    coordinates = _coordinates(sweep, members, epochs, statuses)
    used = {dim for name in variables for dim in dims[name]}
    coordinates |= {dim: (dim, np.array(each)) for dim, each in labels.items() if dim in used}
    return xr.Dataset(data, coordinates, _titles([sweep[m] for m in members]))


def joined(
    parts: Sequence[xr.Dataset], sweep: Sweep, members: Sequence[int], statuses: Sequence[str]
) -> xr.Dataset:
    """Return the history of some members of several runs, as `grokjax.Runs.history` describes it.

    parts: the histories of the runs. sweep: all their members, numbered through.
    """
    import xarray as xr

    bare = []
    for each in parts:
        labels = [name for name in each.coords if each[name].dims == (name,) and name != "member"]
        kept = each.drop_vars([n for n in each.coords if n not in ("epoch", *labels)])
        bare.append(kept.swap_dims(eval="epoch"))
    found = xr.concat(bare, "member", data_vars="all", join="outer").isel(member=list(members))
    found = found.transpose("member", "epoch", ...).rename_dims(epoch="eval")
    epochs = found["epoch"].values
    found = found.drop_vars("epoch").assign_coords(_coordinates(sweep, members, epochs, statuses))
    return found.assign_attrs(_titles([sweep[m] for m in members]))


def _fill(
    variable: np.ndarray,
    rows: np.ndarray,
    columns: np.ndarray,
    positions: Sequence[np.ndarray],
    values: np.ndarray,
) -> None:
    """Write values `[K, ...]` to K rows and columns, at these positions along further axes."""
    block = variable[rows, columns]
    block[np.ix_(np.arange(len(block)), *positions)] = values
    variable[rows, columns] = block


def _titles(configs: list[Config]) -> dict[str, str]:
    """Return the task and the loss in words, for titles and axes."""
    return {
        "task": config_labels.tasks(configs),
        "loss": config_labels.losses(config.loss for config in configs),
    }


def _dimensions(
    infos: Sequence[NetworkInfo],
) -> tuple[dict[str, tuple[str, ...]], dict[str, list[Any]]]:
    """Return the dimensions of each metric, and the labels of each in all networks."""
    dims: dict[str, tuple[str, ...]] = {}
    labels: dict[str, set[Any]] = {}
    for info in infos:
        for name, each in info.metrics.items():
            dims[name] = tuple(each.dims)
            for dim, own in each.dims.items():
                labels.setdefault(dim, set()).update(own)
    return dims, {dim: sorted(each) for dim, each in labels.items()}


def recorded_epochs(directory: Path) -> dict[int, set[int]]:
    """Return the epochs at which the journal has evaluations, by member."""
    found: dict[int, set[int]] = {}
    for part in journal.read_parts(directory, "records", "member", "epoch"):
        for member, epoch in zip(part["member"].tolist(), part["epoch"].tolist(), strict=True):
            found.setdefault(member, set()).add(epoch)
    return found


def _coordinates(
    sweep: Sweep, members: Sequence[int], epochs: np.ndarray, statuses: Sequence[str]
) -> dict[str, Any]:
    steps = np.array([sweep[m].steps_per_epoch for m in members], np.int64)
    coordinates: dict[str, Any] = {
        "member": np.array(members, np.int64),
        "epoch": ("eval", epochs),
        "step": (("member", "eval"), steps[:, None] * epochs[None, :]),
    }
    for name in sweep.swept:
        values = [sweep.columns[name][m] for m in members]
        if any(isinstance(value, str) for value in values):
            values = ["" if value is None else value for value in values]
        # None means full batch, or the split of the seed; netCDF cannot store it.
        values = [-1 if value is None else value for value in values]
        coordinates[name] = ("member", np.array(values))
    coordinates["status"] = ("member", np.array(statuses, dtype=str))
    return coordinates


def rounds(directory: Path) -> pd.DataFrame:
    """Return the table of rounds that `grokjax.Run.rounds` describes."""
    import pandas as pd

    columns = journal_parts.KINDS["rounds"]
    empty = pd.DataFrame({name: np.empty(0, journal_parts.DTYPES[name]) for name in columns})
    found = [pd.DataFrame(part) for part in journal.read_parts(directory, "rounds")]
    table = pd.concat(found, ignore_index=True) if found else empty
    return table.rename(columns={"waiting": "pending"})


def unstacked(variable: xr.DataArray, swept: Sequence[str], hold: bool) -> xr.DataArray:
    """Return a variable `[M, T, ...]` with swept settings as dimensions, see `grokjax.Run.grid`."""
    further = [n for n in variable.coords if variable[n].dims == ("member",) and n not in swept]
    array = variable.drop_vars(["step", *further])
    if hold:
        array = array.copy(data=forward_fill(array.values))
    first, *others = swept
    if not others:  # a multi-index needs two levels
        return array.swap_dims(member=first)
    return array.set_index(member=[first, *others]).unstack("member")


def write(path: Path, dataset: xr.Dataset) -> None:
    """Write a history as netCDF, atomically."""
    # HDF5 does not write the file itself: on a full disk it would crash Python at exit.
    content = dataset.to_netcdf(engine="h5netcdf")
    with digests.write_listed(path.parent, path.name) as temporary:
        temporary.write_bytes(content)


def forward_fill(values: np.ndarray) -> np.ndarray:
    """Replace NaN by the member's last value before it, `[M, T, ...]` along T."""
    places = np.arange(values.shape[1]).reshape(1, -1, *[1] * (values.ndim - 2))
    last = np.maximum.accumulate(np.where(np.isnan(values), 0, places), axis=1)
    return np.take_along_axis(values, last, axis=1)


def is_defined(history: Any, name: str) -> bool:
    """Return whether a variable is there, and not NaN wherever there is a loss."""
    if name not in history:
        return False
    recorded = [np.isfinite(history[each].values).any() for each in (name, "test_loss")]
    return bool(recorded[0] or not recorded[1])
