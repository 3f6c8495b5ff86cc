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
from grokjax.results import conversion, history, prediction, run_config, selection
from grokjax.results.networks import Networks
from grokjax.results.run_params import RunParams
from grokjax.runtime import arguments, paths

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from grokjax.tasks.member_data import Examples

HISTORY = "history.nc"


class Run(RunParams):
    """A run directory.

    directory: its path. config: the settings that all members share, with base values for swept
    ones. sweep: the settings of all members. info: the content of config.json. networks: what the
    run stores of its networks: shapes of parameters, metrics, data.

    Example:
      >>> run = load("runs/small")
      >>> run
      Run('runs/small', 4 members, {'not memorised': 4})
      >>> run.history.test_accuracy.dims, run.grid("test_accuracy").dims
      (('member', 'eval'), ('eval', 'weight_decay', 'seed'))
      >>> run.params["hidden"]["kernel"].shape  # of all members; `params_of(3)` of one
      (4, 8, 8)
      >>> len(run.select(weight_decay=1.0)), run.at(10).embeddings.shape
      (2, (4, 5, 4))
    """

    def __init__(
        self,
        directory: Path,
        info: dict[str, Any],
        sweep: Sweep,
        networks: Networks,
        chosen: Sequence[int],
        snapshot_of: dict[int, int] | None = None,
    ) -> None:
        self.directory, self.info, self.sweep, self.networks = directory, info, sweep, networks
        self.config: Config = sweep.config
        self._chosen, self._snapshot_of = list(chosen), snapshot_of

    def __repr__(self) -> str:
        counts = self.members["status"].value_counts().to_dict()
        return f"Run({str(self.directory)!r}, {len(self)} members, {counts})"

    def __len__(self) -> int:
        return len(self._chosen)

    @functools.cached_property
    def history(self) -> xr.Dataset:
        """Recorded metrics, dims `member, eval`; NaN after a member stopped; for means see `grid`.

        Coordinates: `epoch [eval]`, `step [member, eval]`, and for each member its number, status
        and swept settings. Variables, float32: `train_loss, test_loss, train_accuracy,
        test_accuracy, weight_norm`, `layer_norm [member, eval, layer]` and the metrics of your own.
        On pairs of Z_P there are also, for networks with a token table, `embedding_gini` and
        `embedding_power [member, eval, frequency]`, and for MLPs `neuron_ipr`, the mean inverse
        participation ratio of the hidden neurons; of products mod a prime they are over the powers
        of a primitive root, else over 0..P-1. With `metrics=["progress"]` there are also those of
        `grokjax.metrics.progress_metrics`, with `["matrices"]` and `["logits"]` those of the
        modules of these names.
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
        return history.unstacked(self.history[variable], self.grid_dims(), hold)

    def grid_dims(self) -> Sequence[str]:
        """Return the settings that `grid` has as dimensions."""
        return self.sweep.swept

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

    def at(self, epoch: Any, hold: bool = False) -> Run:
        """Return a Run of the members with a snapshot at an epoch, with their parameters then.

        Its `params`, `params_of` and `embeddings`, and so every analysis of it, are those of that
        epoch, as in `survey(run.at(500))`; `members` and `history` stay those of the whole run. For
        all epochs at once see `analysis.through_training`.

        Args:
          epoch: one of `snapshot_epochs`.
          hold: a member without a snapshot at this epoch has its last one before it, so that the
            members that have stopped are there, too.

        Raises:
          ConfigError: no member has a snapshot at this epoch.
          ValueError: the run keeps no parameters, or their shapes differ between members.
        """
        found = self._snapshot_epochs_at(epoch, arguments.check_bool("hold", hold))
        return self._with(list(found), found)

    def _with(self, members: Sequence[int], snapshot_of: dict[int, int] | None = None) -> Run:
        epochs = self._snapshot_of if snapshot_of is None else snapshot_of
        return Run(self.directory, self.info, self.sweep, self.networks, members, epochs)

    @property
    def network(self) -> NetworkSettings:
        """Settings of the members' network. Raises ValueError if members have different ones."""
        return prediction.only_network(self.sweep[m].network for m in self._chosen)

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

    def to_pandas(self, variables: Iterable[str] | None = None) -> pd.DataFrame:
        """Return the history as a table with a row for each evaluation of each member.

        Its columns are `member, epoch, step`, the swept settings, `status` and the variables; a
        variable with further dimensions has a column for each of their labels, such as
        `layer_norm_embed`.

        variables: those of `history` to have; None: all. Raises ConfigError for an unknown one.
        """
        return conversion.history_table(self.history, variables)

    def to_datatree(self) -> xr.DataTree:
        """Return the run as a tree of labelled arrays: all that `grokjax export --to run.zarr` has.

        `history` is `Run.history`; `members` has the columns of `Run.members`; `params` has a node
        for each layer, with arrays whose first dimension is `member`, or where shapes differ there
        are `params_0`, `params_1` and so on, with the members of each; `snapshots` has the token
        tables kept during training, where they are alike. Dimensions of parameters are numbered:
        `hidden_kernel_0`.
        """
        return conversion.run_tree(self, self.history)

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

    Example:
      >>> run = load("runs/small")
      >>> run.members.weight_decay.tolist(), run.members.epochs.tolist()
      ([0.0, 0.0, 1.0, 1.0], [20, 20, 20, 20])
    """
    path = paths.parse_path("directory", directory)
    info, sweep, networks = run_config.read(path)
    return Run(path, info, sweep, networks, range(len(sweep)))
