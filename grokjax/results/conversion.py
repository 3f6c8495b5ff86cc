"""A run as one pandas table, and as one xarray DataTree."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from grokjax.errors import invalid, suggest
from grokjax.models.model import Shapes
from grokjax.runtime import memory

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from grokjax.results.run import Run


def history_table(history: xr.Dataset, variables: Iterable[str] | None) -> pd.DataFrame:
    """Return a history as a table, as `grokjax.Run.to_pandas` describes it."""
    import pandas as pd

    names = [str(name) for name in history.data_vars]
    if variables is not None:
        wanted = [variables] if isinstance(variables, str) else list(variables)
        for name in wanted:
            if name not in names:
                requirement = "must be variables of run.history"
                raise invalid("variables", name, requirement, suggest(name, names))
        names = wanted
    values = {}
    for name in names:
        dims = history[name].dims[2:]
        array = history[name].transpose("member", "eval", *dims).values
        labels = [history[dim].values.tolist() for dim in dims]
        for place in np.ndindex(array.shape[2:]):
            along = (str(own[i]) for own, i in zip(labels, place, strict=True))
            values["_".join([name, *along])] = array[:, :, *place]
    shape = (history.sizes["member"], history.sizes["eval"])
    memory.require("history", 16 * math.prod(shape) * (len(values) + len(history.coords)))
    evaluated = np.zeros(shape, bool)
    for array in values.values():
        evaluated |= ~np.isnan(array)
    rows, columns = np.nonzero(evaluated)
    table: dict[str, Any] = {"member": history.member.values[rows]}
    table |= {"epoch": history.epoch.values[columns], "step": history.step.values[rows, columns]}
    for name, coordinate in history.coords.items():
        if coordinate.dims == ("member",) and name != "member":
            table[str(name)] = coordinate.values[rows]
    return pd.DataFrame(table | {name: array[rows, columns] for name, array in values.items()})


def run_tree(run: Run, history: xr.Dataset) -> xr.DataTree:
    """Return a run as a DataTree, as `grokjax.Run.to_datatree` describes it."""
    import xarray as xr

    members = run.members.rename_axis("member")
    columns = {str(n): ("member", _plain(members[n].to_list())) for n in members.columns}
    numbers = members.index.to_numpy(np.int64)
    nodes: dict[str, Any] = {
        "/": xr.Dataset(attrs=dict(history.attrs)),
        "/history": history,
        "/members": xr.Dataset(columns, {"member": numbers}),
    }
    by_shapes: dict[tuple, list[int]] = {}
    for member in numbers.tolist():
        shapes = run.networks.of(run.sweep[member]).shapes
        by_shapes.setdefault(tuple(shapes.items()), []).append(member)
    for i, (shapes, own) in enumerate(by_shapes.items()):
        node = "/params" if len(by_shapes) == 1 else f"/params_{i}"
        params = run._with(own).params
        nodes |= _params_nodes(node, params, dict(shapes), own)
    with contextlib.suppress(ValueError):  # none are kept, or members differ in their token table
        nodes["/snapshots"] = xr.Dataset({"embedding": run.snapshots})
    return xr.DataTree.from_dict(nodes)


def _plain(values: list[Any]) -> np.ndarray:
    """Return values of a setting as numbers or texts; None is -1, or an empty text."""
    texts = any(isinstance(value, str) for value in values)
    return np.array([("" if texts else -1) if value is None else value for value in values])


def _params_nodes(
    node: str, params: dict[str, Any], shapes: Shapes, members: list[int]
) -> dict[str, Any]:
    """Return a node for each layer, with its arrays `[member, ...]` by name."""
    import xarray as xr

    layers: dict[str, dict[str, Any]] = {}
    for name, shape in shapes.items():
        *folders, leaf = name.split("/")
        array: Any = params
        for part in (*folders, leaf):
            array = array[part]
        dims = ("member", *(f"{name.replace('/', '_')}_{axis}" for axis in range(len(shape))))
        layers.setdefault("/".join([node, *folders]), {})[leaf] = dims, array
    found = {path: xr.Dataset(arrays, {"member": members}) for path, arrays in layers.items()}
    return {node: xr.Dataset(coords={"member": members})} | found  # the layers inherit it
