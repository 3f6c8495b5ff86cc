"""Read a run directory: members, history, parameters, as NumPy arrays and without a device.

`load` works while the run trains, and after a kill at any moment.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from grokjax.config.config import Config
from grokjax.config.settings import NetworkSettings
from grokjax.config.sweep import Sweep
from grokjax.errors import invalid, suggest
from grokjax.results import history, members_table, params, prediction, run_config, selection
from grokjax.results.networks import Networks
from grokjax.runtime import arguments, paths

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from grokjax.tasks.member_data import Examples

HISTORY = "history.nc"


class Run:
    """A run directory.

    directory: its path. config: the settings that all members share, with base values for swept
    ones. sweep: the settings of all members. info: the content of config.json. networks: what the
    run stores of its networks: shapes of parameters, metrics, data.
    """

    def __init__(
        self,
        directory: Path,
        info: dict[str, Any],
        sweep: Sweep,
        networks: Networks,
        chosen: Sequence[int],
    ) -> None:
        self.directory, self.info, self.sweep, self.networks = directory, info, sweep, networks
        self.config: Config = sweep.config
        self._chosen = list(chosen)

    def __repr__(self) -> str:
        counts = self.members["status"].value_counts().to_dict()
        return f"Run({str(self.directory)!r}, {len(self)} members, {counts})"

    def __len__(self) -> int:
        return len(self._chosen)

    @functools.cached_property
    def members(self) -> pd.DataFrame:
        """Table with one row per member: `status`, `epochs`, swept settings, then traced ones.

        status: grokked, memorised, not memorised, diverged, running or pending. epochs: how many
        the member has trained.
        """
        return members_table.members(self.directory, self.sweep, self._chosen)

    @functools.cached_property
    def history(self) -> xr.Dataset:
        """Recorded metrics, dims `member, eval`; NaN after a member stopped; for means see `grid`.

        Coordinates: `epoch [eval]`, `step [member, eval]`, and for each member its number, status
        and swept settings. Variables, float32: `train_loss, test_loss, train_accuracy,
        test_accuracy, weight_norm`, `layer_norm [member, eval, layer]` and the metrics of your own.
        On pairs of Z_P there are also, for networks with a token table, `embedding_gini` and
        `embedding_power [member, eval, frequency]`, and for MLPs `neuron_ipr`, the mean inverse
        participation ratio of the hidden neurons.
        Attributes: `task` and `loss` in words, for titles and axes.

        It is read from the journal, whose digests are verified; `history.nc` has the same for other
        programs. While members train, it lags some seconds behind, and it is read once: `load` the
        run again for later evaluations.
        """
        status = self.members["status"].tolist()
        return history.merged(self.directory, self.sweep, self.networks, self._chosen, status)

    @functools.cached_property
    def rounds(self) -> pd.DataFrame:
        """Table with one row per round of each process: when, how long, how many lanes busy.

        session: start of the process, Unix time. seconds: time since then. training: seconds of the
        round itself. steps: member-steps. lanes, busy, pending: numbers of lanes and members.
        """
        return history.rounds(self.directory)

    def grid(self, variable: str, hold: bool = True) -> xr.DataArray:
        """Return one variable with the swept settings as dimensions instead of `member`.

        A member that has stopped keeps its last value, so that medians are always over the same
        members; `hold=False` gives NaN instead. Combinations that the sweep does not have and
        members that have not begun are NaN. Raises ValueError if nothing is swept, ConfigError if
        the history has no such variable.
        """
        if not self.sweep.swept:
            raise ValueError("grid: nothing is swept in this run")
        if not len(self):
            raise ValueError("grid: no member is selected; select at least one")
        if not isinstance(variable, str) or variable not in self.history.data_vars:
            names = map(str, self.history.data_vars)
            requirement = "must be a variable of run.history"
            raise invalid("variable", variable, requirement, suggest(variable, names))
        hold = arguments.check_bool("hold", hold)
        return history.unstacked(self.history[variable], self.sweep.swept, hold)

    def select(self, **settings: Any) -> Run:
        """Return a Run of the members with these settings: `run.select(seed=[0, 1])`.

        **settings: for each name a value, or a list of values of which a member must have one.
        Raises ConfigError for a setting that does not exist, or a value that no member has.
        """
        return self._with(selection.matching(self.sweep, self._chosen, settings))

    def of(self, members: Iterable[int] | Iterable[bool]) -> Run:
        """Return a Run of some of the members.

        Args:
          members: their numbers, in the order that the new Run has them; or a mask of the
            members of this Run, such as `run.members["status"] == "grokked"`.

        Raises ConfigError for a member that is missing or repeated, or a mask of other members.
        """
        return self._with(selection.members(members, self._chosen))

    def _with(self, members: Sequence[int]) -> Run:
        return Run(self.directory, self.info, self.sweep, self.networks, members)

    @functools.cached_property
    def params(self) -> dict[str, Any]:
        """Parameters as a nested dict of float32 arrays with leading axis M, ordered as `members`.

        Members in training have those of the last checkpoint, or NaN before the first one. Raises
        ValueError if shapes differ between members or no member is selected.
        """
        shapes = [self.networks.of(self.sweep[m]).shapes for m in self._chosen]
        if not shapes:
            raise ValueError("params: no member is selected; select at least one")
        if any(other != shapes[0] for other in shapes):
            raise ValueError("params: shapes differ between programs; use select or params_of")
        return params.stacked(self.directory, self._chosen, self._flat_params, shapes[0])

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
        return params.latest(self.directory, self.sweep, self.networks, wanted, self._all_ended)

    @property
    def _all_ended(self) -> bool:
        return not {"running", "pending"} & set(self.members["status"])

    @property
    def embeddings(self) -> np.ndarray:
        """Token tables of the first operand, float32 `[M, P, D]`.

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

    @property
    def network(self) -> NetworkSettings:
        """Settings of the members' network. Raises ValueError if members have different ones."""
        return prediction.only_network(self.sweep[m].network for m in self._chosen)

    @functools.cached_property
    def snapshots(self) -> xr.DataArray:
        """Embeddings kept during training, dims `member, epoch, token, dimension`.

        Raises ValueError if the run keeps none.
        """
        return history.snapshots(self.directory, self.sweep, self.networks, self._chosen)

    def apply(self, params: dict[str, Any], inputs: np.ndarray) -> np.ndarray:
        """Compute logits `[N, C]` of one member, in the members' common precision or float32.

        Args:
          params: one member's parameters, from `params_of`.
          inputs: inputs of the task, such as pairs of tokens, int `[N, 2]`.

        Raises:
          ConfigError: parameters of another network, inputs of another task, or a model of your own
            that has not been imported or has changed.
          ValueError: members have different networks with such parameters.
        """
        members = [self.sweep[m] for m in self._chosen]
        return prediction.logits(params, inputs, members, self.networks)

    def data_of(self, member: int) -> Examples:
        """Return the train and test examples of one member, with their labels.

        Raises ConfigError if this Run does not have the member, or if its task is of your own and
        has not been imported or has changed.
        """
        config = self.sweep[selection.member(member, self._chosen)]
        return prediction.examples(config, self.networks.of(config).digests.get(config.variant))

    def write_history(self) -> None:
        """Write `history.nc` atomically from the journal."""
        version = self.info["environment"]["versions"].get("grokjax", "")
        history.write(self.directory / HISTORY, self.history.assign_attrs(grokjax=version))


def load(directory: str | Path) -> Run:
    """Open a run directory, also while it trains.

    Args:
      directory: its path; `~` is the home directory.

    Raises:
      FileNotFoundError: the directory holds no run.
      DamagedRun: the run cannot be read, or contains links to files outside of it.
      ConfigError: a version of grokjax with another schema wrote it.
    """
    path = paths.parse_path("directory", directory)
    info, sweep, networks = run_config.read(path)
    return Run(path, info, sweep, networks, range(len(sweep)))
