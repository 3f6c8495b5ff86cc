"""The members of a Run and their parameters: the last ones, and those kept during training."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from grokjax.config.sweep import Sweep
from grokjax.errors import invalid, suggest
from grokjax.results import members_table, params, selection
from grokjax.results.networks import Networks
from grokjax.results.snapshots import Snapshots

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


class RunParams:
    """Base of `Run`: its members and their parameters."""

    directory: Path
    sweep: Sweep
    networks: Networks
    _chosen: list[int]
    _snapshot_of: dict[int, int] | None
    """The epoch of the snapshot whose parameters a member has; None: the last parameters."""

    @functools.cached_property
    def members(self) -> pd.DataFrame:
        """Table with one row per member: `status`, `epochs`, swept settings, then traced ones.

        status: grokked, memorised, not memorised, diverged, pruned (by `on_evaluation`), running or
        pending. epochs: how many the member has trained.
        """
        return members_table.members(self.directory, self.sweep, self._chosen)

    @functools.cached_property
    def params(self) -> dict[str, Any]:
        """Parameters as a nested dict of arrays with leading axis M, ordered as `members`.

        The arrays are float32, or float64 where that is the precision.

        Members in training have those of the last checkpoint, or NaN before the first one. Raises
        ValueError if shapes differ between members or no member is selected.
        """
        shapes = [self.networks.of(self.sweep[m]).shapes for m in self._chosen]
        if not shapes:
            raise ValueError("params: no member is selected; select at least one")
        if any(other != shapes[0] for other in shapes):
            raise ValueError("params: shapes differ between programs; use select or params_of")
        dtype = np.result_type(*(self.sweep[m].float_dtype for m in self._chosen))
        return params.stacked(self.directory, self._chosen, self._flat_params, shapes[0], dtype)

    def params_of(self, member: int) -> dict[str, Any]:
        """Return one member's parameters: as `params`, without the leading axis.

        Raises ConfigError if this Run does not have the member, ValueError if the member has
        no parameters yet.
        """
        number = selection.member(member, self._chosen)
        found = self._flat_params([number])
        if number not in found:
            status = self.members.loc[number, "status"]
            raise ValueError(
                f"params_of: member {number} is {status} and has no parameters saved yet; "
                "load the run again later"
            )
        return params.nested(found[number])

    def _flat_params(self, wanted: Sequence[int]) -> dict[int, dict[str, np.ndarray]]:
        if self._snapshot_of is not None:
            return self._stored.params({m: self._snapshot_of[m] for m in wanted})
        return self._last_params(wanted)

    def _last_params(self, wanted: Sequence[int]) -> dict[int, dict[str, np.ndarray]]:
        return params.latest(self.directory, self.sweep, self.networks, wanted, self._all_ended)

    @property
    def _all_ended(self) -> bool:
        return not {"running", "pending"} & set(self.members["status"])

    @property
    def embeddings(self) -> np.ndarray:
        """Token tables of the first operand, `[M, P, D]`.

        With one-hot inputs they are rows of the first layer, and D is H. Raises ValueError if
        members have different numbers of tokens, parameters of different shapes, or no such table.
        """
        stacked = self.params
        tables = {self.networks.of(self.sweep[m]).token_table for m in self._chosen}
        if len(tables) > 1:  # shapes can agree: 14 rows are 2 x 7 tokens, or 14 tokens summed
            raise ValueError("embeddings: members differ in their number of tokens; use select")
        table = tables.pop()
        if table is None:
            raise ValueError("embeddings: these networks have no table of tokens")
        return table.read(stacked)

    @functools.cached_property
    def snapshots(self) -> xr.DataArray:
        """Embeddings kept during training, dims `member, epoch, token, dimension`.

        They have the dtype of `params`, and are NaN where a member has no snapshot at an epoch.
        Where whole parameters are kept, they are the token tables among them, as in `embeddings`.
        Raises ValueError if the run keeps none.
        """
        return self._labelled(self._stored.embeddings(), ("token", "dimension"))

    @property
    def snapshot_epochs(self) -> list[int]:
        """Epochs at which any of the members has a snapshot. Raises ValueError if there are none.

        While members train, `load` the run again for later ones.
        """
        return list(self._stored.epochs)

    @property
    def has_snapshot(self) -> xr.DataArray:
        """Whether each member has a snapshot at each of `snapshot_epochs`, dims `member, epoch`."""
        return self._labelled(self._stored.kept, ())

    def param_snapshots(self, parameter: str) -> xr.DataArray:
        """Return one parameter through training, dims `member, epoch, axis_0, ...`.

        The values have the dtype of `params`, and are NaN where a member has no snapshot.

        Args:
          parameter: its name, such as `hidden/kernel`.

        Raises:
          ConfigError: the network has no such parameter.
          ValueError: the run keeps no parameters, or their shapes differ between members.
        """
        shapes = self._stored.network().shapes
        if not isinstance(parameter, str) or parameter not in shapes:
            fix = suggest(parameter, shapes)
            raise invalid("parameter", parameter, "must be a parameter of the network", fix)
        dims = [f"axis_{i}" for i in range(len(shapes[parameter]))]
        return self._labelled(self._stored.parameter(parameter), dims, parameter)

    def _snapshot_epochs_at(self, epoch: Any, hold: bool) -> dict[int, int]:
        """Return the epoch of each member's snapshot, as `Run.at` describes it."""
        self._stored.network()  # the refusal of embeddings and of several networks
        epochs = self._stored.epochs
        wanted = epoch.item() if getattr(epoch, "ndim", None) == 0 else epoch  # NumPy's, xarray's
        if type(wanted) is not int or wanted not in epochs:
            listed = ", ".join(map(str, epochs[:12])) + (", ..." if len(epochs) > 12 else "")
            raise invalid("epoch", wanted, f"must be one of snapshot_epochs: {listed}")
        return self._stored.epochs_at(wanted, hold)

    @functools.cached_property
    def _stored(self) -> Snapshots:
        return Snapshots(self.directory, self.sweep, self.networks, self._chosen)

    def _labelled(
        self, values: np.ndarray, dims: Sequence[str], name: str | None = None
    ) -> xr.DataArray:
        import xarray as xr

        coordinates = {"member": self._stored.members, "epoch": self._stored.epochs}
        return xr.DataArray(values, coordinates, ("member", "epoch", *dims), name)
