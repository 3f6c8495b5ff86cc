"""A run directory, read: members, history, parameters. NumPy throughout, no device needed.

`load` works while training goes on and after a kill at any moment.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from grokjax import (
    description,
    door,
    files,
    journal,
    layout,
    memory,
    parameters,
    parts,
    paths,
    prediction,
    selection,
    table,
)
from grokjax.analysis.timing import held
from grokjax.config import Config
from grokjax.settings import near, refuse
from grokjax.sweep import Sweep

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from grokjax.dataset import Examples

HISTORY = "history.nc"


class Run:
    """What a launch left on disk.

    directory: where. config: the settings all members share (swept fields at
    their base value). sweep: all members' settings. info: the whole config.json.
    """

    def __init__(
        self, directory: Path, info: dict[str, Any], sweep: Sweep, chosen: Sequence[int]
    ) -> None:
        self.directory, self.info, self.sweep = directory, info, sweep
        self.config: Config = sweep.config
        self._chosen = list(chosen)

    def __repr__(self) -> str:
        counts = self.members["status"].value_counts().to_dict()
        return f"Run({str(self.directory)!r}, {len(self)} members, {counts})"

    def __len__(self) -> int:
        return len(self._chosen)

    @functools.cached_property
    def members(self) -> pd.DataFrame:
        """One row a member, by number: `status`, `epochs` run, swept fields, then traced ones.

        status: grokked, memorised, not memorised, diverged, running or pending.
        """
        return table.members(self.directory, self.sweep, self._chosen)

    @functools.cached_property
    def history(self) -> xr.Dataset:
        """Metrics, dims `member, eval`; NaN after a member stopped (to average, see `grid`).

        Coordinates: `epoch [eval]`, `step [member, eval]`, and on `member` its
        number, status and every swept field. Variables, float32: `train_loss,
        test_loss, train_accuracy, test_accuracy, weight_norm, embedding_gini`,
        `neuron_ipr` (mean over the hidden neurons of their inverse participation ratios, see
        `analysis.periodicity`; absent from runs of earlier versions),
        `layer_norm [member, eval, layer]` and `embedding_power [member, eval, frequency]`.
        Attributes: `task` and `loss` in words, for titles and axes.

        Always from the journal, whose parts have digests that are verified; `history.nc`
        has the same for other programs. While members train it is some seconds behind them, and
        stays as it was first asked for: `load` the run again to see more.
        """
        from grokjax import history

        statuses = self.members["status"].tolist()
        return history.merged(self.directory, self.sweep, self._chosen, statuses)

    @functools.cached_property
    def rounds(self) -> pd.DataFrame:
        """One row a round, of every process that trained: when, how long, how many lanes busy.

        `session`: its start, Unix time; `seconds` since then; `training`: of the
        round itself; `steps`: member-steps; `lanes`, `busy`, `pending` members.
        """
        import pandas as pd

        none = {name: np.empty(0, parts.DTYPES[name]) for name in parts.KINDS["rounds"]}
        found = [pd.DataFrame(part) for part in journal.parts(self.directory, "rounds")]
        rounds = pd.concat(found, ignore_index=True) if found else pd.DataFrame(none)
        return rounds.rename(columns={"waiting": "pending"})

    def grid(self, variable: str, hold: bool = True) -> xr.DataArray:
        """One variable with the swept fields as dimensions instead of `member`.

        A member that has stopped keeps its last value, so that a median over members is
        always over the same ones; `hold=False` gives NaN there. Combinations that the
        sweep does not have, and members that have not begun, are NaN. Raises ValueError
        if nothing is swept, ConfigError if the history has no such variable.
        """
        if not self.sweep.swept:
            raise ValueError("grid: nothing is swept in this run")
        if not len(self):
            raise ValueError("grid: no member is selected; select at least one")
        if not isinstance(variable, str) or variable not in self.history.data_vars:
            raise refuse("variable", variable, near(variable, map(str, self.history.data_vars)))
        array = self.history[variable].drop_vars(["status", "step", "member"])
        if door.flag("hold", hold):
            array = array.copy(data=held(array.values))
        first, *others = self.sweep.swept
        if not others:  # one level is no multi-index to unstack
            return array.swap_dims(member=first)
        return array.set_index(member=[first, *others]).unstack("member")

    def select(self, **settings: Any) -> Run:
        """The members with these settings, as a Run of their own.

        Args:
          **settings: by name a value, or a list of values of which a member has any.

        Raises:
          ConfigError: no such setting, or a value that no member has.

        Example:
          `run.select(weight_decay=1.0, seed=[0, 1])`
        """
        return self._with(selection.matching(self.sweep, self._chosen, settings))

    def of(self, members: Iterable[int] | Iterable[bool]) -> Run:
        """Some of the members, as a Run of their own.

        Args:
          members: their numbers, in the order that the new Run has them; or a mask of the
            members of this Run, such as `run.members["status"] == "grokked"`.

        Raises:
          ConfigError: a number that this Run does not have or that is repeated, or a
            mask of other members.
        """
        return self._with(selection.members(members, self._chosen))

    def _with(self, members: Sequence[int]) -> Run:
        return Run(self.directory, self.info, self.sweep, members)

    @functools.cached_property
    def params(self) -> dict[str, Any]:
        """Nested dict of float32 arrays with leading axis M, in the order of `members`.

        Members in training are as of the last checkpoint; NaN for one that
        has none yet. Raises ValueError if shapes differ between members, or there is none.
        """
        shapes = [layout.shapes(self.sweep[m]) for m in self._chosen]
        if not shapes:
            raise ValueError("params: no member is selected; select at least one")
        if any(other != shapes[0] for other in shapes):
            raise ValueError("params: shapes differ between programs; use select or params_of")
        size = 4 * len(self) * sum(math.prod(shape) for shape in shapes[0].values())
        memory.want(f"{self.directory}: parameters", 2 * size)
        found = self._flat_params(self._chosen)
        stacked = {n: np.full((len(self), *s), np.nan, np.float32) for n, s in shapes[0].items()}
        for i, member in enumerate(self._chosen):
            for name, value in found.get(member, {}).items():
                stacked[name][i] = value
        return parameters.nested(stacked)

    def params_of(self, member: int) -> dict[str, Any]:
        """One member's parameters, as `params` without the leading axis.

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
        return parameters.nested(found[number])

    def _flat_params(self, wanted: Sequence[int]) -> dict[int, dict[str, np.ndarray]]:
        return parameters.latest(self.directory, self.sweep, wanted, self._all_finished)

    @property
    def _all_finished(self) -> bool:
        return not {"running", "pending"} & set(self.members["status"])

    @property
    def embeddings(self) -> np.ndarray:
        """Embeddings, float32 `[M, P, D]`: the token table of the first operand (`layout.table`).

        With one-hot inputs the first layer's weights, D = H. Raises ValueError if members
        have different numbers of tokens, or parameters of different shapes.
        """
        params, moduli = self.params, {self.sweep[m].modulus for m in self._chosen}
        if len(moduli) > 1:  # one-hot inputs may hide it: 14 rows are 2 x 7 tokens, or 14 summed
            raise ValueError("embeddings: members differ in modulus; use select")
        return layout.table(params, self.sweep[self._chosen[0]])

    @property
    def network(self) -> Config:
        """The settings of the members' network. Raises ValueError if they have several."""
        return prediction.only(dict.fromkeys(layout.network(self.sweep[m]) for m in self._chosen))

    @functools.cached_property
    def snapshots(self) -> xr.DataArray:
        """Kept embeddings, dims `member, epoch, token, dimension`. Raises ValueError if none."""
        from grokjax import history

        return history.snapshots(self.directory, self.sweep, self._chosen)

    def apply(self, params: dict[str, Any], pairs: np.ndarray) -> np.ndarray:
        """Logits `[N, C]` of one member's parameters on pairs, int `[N, 2]`.

        Computed in the precision that the members share, else in float32.

        Args:
          params: as `params_of` gives them.
          pairs: tokens, each from 0 to P - 1.

        Raises:
          ConfigError: parameters of no member's network, or what is no pair of tokens.
          ValueError: members have several kinds of network with such parameters.
        """
        return prediction.logits(params, pairs, [self.sweep[m] for m in self._chosen])

    def data_of(self, member: int) -> Examples:
        """The pairs that one member learns from and is tested on, with their labels.

        Raises ConfigError if this Run does not have the member.
        """
        from grokjax import dataset

        return dataset.of(self.sweep[selection.member(member, self._chosen)])

    def write_history(self) -> None:
        """Writes `history.nc` from the journal, as a whole."""
        version = self.info["environment"]["versions"].get("grokjax", "")
        dataset = self.history.assign_attrs(grokjax=version)
        # HDF5 on a full disk fails again when Python ends, and takes it down; so not by itself.
        content = dataset.to_netcdf(engine="h5netcdf")
        with files.listing(self.directory, HISTORY) as temporary:
            temporary.write_bytes(content)


def load(directory: str | Path) -> Run:
    """Opens a run directory.

    Args:
      directory: where the run is; `~` is the home directory.

    Raises:
      FileNotFoundError: there is no run in it.
      DamagedRun: it cannot be read, or leads to files outside of it.
      ConfigError: another grokjax wrote it.
    """
    path = paths.given("directory", directory)
    info, sweep = description.read(path)
    return Run(path, info, sweep, range(len(sweep)))
