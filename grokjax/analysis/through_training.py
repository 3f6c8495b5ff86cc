"""Apply an analysis to the parameters that a run keeps of its members through training."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from grokjax.results.run import Run
from grokjax.runtime.arguments import takes

if TYPE_CHECKING:
    import xarray as xr


@takes(run=Run)
def through_training(function: Callable[..., Any], run: Run, **settings: Any) -> xr.Dataset:
    """Apply an analysis to every member at every epoch with snapshots.

    Args:
      function: called once an epoch, as `function(run.at(epoch, hold=True), **settings)`: any
        analysis of a Run, such as `survey`, or `lambda run: pca(run.embeddings)`. It returns an
        xarray Dataset or DataArray with the dim `member`, or arrays with a leading axis of members:
        one, or a dict or NamedTuple of them. A member's results must depend on it alone.
      run: a run that keeps parameters (`snapshot="params"`).
      **settings: further keyword arguments of the function.

    Returns:
      A Dataset with dims `member, epoch` before those of the function. Results are NaN where a
      member has no snapshot; integers and booleans are floats then. A variable has the name of the
      field of a NamedTuple or the key of a dict, `outer_inner` where they are nested; a single
      array has the name of the function.

    Raises ValueError if the run keeps no parameters, or a result has no axis of members.

    Example:
      `through_training(survey, run).gini.median("member")` is the median Gini coefficient of the
      embedding's spectrum at every epoch with snapshots.
    """
    import xarray as xr

    has, name = run.has_snapshot, getattr(function, "__name__", "result")
    results = []
    for epoch in run.snapshot_epochs:
        # Members that have stopped are held: with fewer members, JAX would compile anew.
        then = run.at(epoch, hold=True)
        found = _as_dataset(function(then, **settings), name, len(then))
        found = found.assign_coords(member=then.members.index.tolist())
        if not has.values.all():
            found = found.map(_masked, keep_attrs=True, has=has.sel(epoch=epoch, drop=True))
        results.append(found.reindex(member=has.member))
    joined = xr.concat(
        results,
        has.epoch,
        data_vars="all",
        coords="minimal",
        compat="override",
        join="exact",
        combine_attrs="override",
    )
    return joined.transpose("member", "epoch", ...)


def _masked(variable: xr.DataArray, has: xr.DataArray) -> xr.DataArray:
    """Return the results of an epoch, with NaN for members without a snapshot."""
    if "member" not in variable.dims:
        return variable
    variable = variable.astype(np.float32) if variable.dtype == bool else variable
    return variable.where(has.sel(member=variable.member))


def _as_dataset(found: Any, name: str, members: int) -> xr.Dataset:
    """Return what an analysis function gave as a Dataset with the dim `member`."""
    import xarray as xr

    if isinstance(found, xr.DataArray):
        found = found.to_dataset(name=found.name or name)
    if not isinstance(found, xr.Dataset):
        data = {}
        for own, array in _named_arrays(found, ""):
            if array.shape[:1] != (members,):
                raise ValueError(
                    f"through_training: {name} must return arrays with a leading axis of {members} "
                    f"members, got shape {list(array.shape)}"
                )
            axes = [f"{own or name}_axis_{i}" for i in range(array.ndim - 1)]
            data[own or name] = (("member", *axes), array)
        found = xr.Dataset(data)
    if found.sizes.get("member") != members:
        raise ValueError(f"through_training: {name} must return {members} members along member")
    return found


def _named_arrays(found: Any, name: str) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the arrays in nested dicts and tuples, with their names joined by underscores."""
    if hasattr(found, "_asdict"):  # a NamedTuple
        found = found._asdict()
    elif isinstance(found, tuple):
        found = dict(enumerate(found))
    if isinstance(found, dict):
        for key, value in found.items():
            yield from _named_arrays(value, f"{name}_{key}" if name else str(key))
    elif found is not None:
        yield name, np.asarray(found)
