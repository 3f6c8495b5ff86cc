"""Several runs as one: their members in one table, and one history with the run as a coordinate."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from grokjax.config.axes import columns_of
from grokjax.config.config import Config
from grokjax.config.sweep import Sweep
from grokjax.errors import ConfigError, invalid, printable
from grokjax.results import history, members_table, selection
from grokjax.results.joined_snapshots import JoinedSnapshots
from grokjax.results.networks import joined_networks
from grokjax.results.run import Run, load

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from grokjax.results.snapshots import Snapshots

RUN = "run"
"""Column of `members` and coordinate of `history` that has the run's label."""


class JoinedSweep(Sweep):
    """The members of several runs, numbered through; two runs may have equal ones.

    config: that of the first run, for what the runs share. columns: the run, every setting that any
    of them sweeps, and those in which they differ, except settings of kind run.
    """

    def __init__(self, runs: dict[str, Run]) -> None:
        found = [(label, run.sweep[m]) for label, run in runs.items() for m in run._chosen]
        self.config: Config = next(iter(runs.values())).config
        self.members = tuple(config for _, config in found)
        of_runs = self.config.names("run")
        swept = dict.fromkeys(name for run in runs.values() for name in run.sweep.swept)
        names = dict.fromkeys(name for config in self.members for name in config.values)
        if RUN in names:
            raise ConfigError(f"concat: {RUN} is a setting of these members; rename the setting")
        for name in names:
            values = {config.values.get(name) for config in self.members}
            if len(values) > 1 and name not in of_runs:
                swept[name] = None
        columns = {n: tuple(c) for n, c in columns_of(self.members, swept).items()}
        self.columns = {RUN: tuple(label for label, _ in found), **columns}


class Runs(Run):
    """Several runs as one, with all that a `Run` has; made by `grokjax.concat`.

    runs: each by its label. Members are numbered through, in the order of the runs. `members` and
    `history` have the label as `run`; `grid` has it as its first dimension, and `select` takes it.
    A setting that only one of the runs sweeps has the other members' own value. `config` is that of
    the first run; `sweep[m]` has the settings of member m.
    """

    def __init__(
        self,
        runs: dict[str, Run],
        sweep: JoinedSweep | None = None,
        chosen: Sequence[int] | None = None,
        snapshot_of: dict[int, int] | None = None,
    ) -> None:
        first, self.runs = next(iter(runs.values())), runs
        sweep = sweep or JoinedSweep(runs)
        networks = joined_networks({label: run.networks for label, run in runs.items()})
        every = range(len(sweep)) if chosen is None else chosen
        super().__init__(first.directory, first.info, sweep, networks, every, snapshot_of)
        self._places = [(label, m) for label, run in runs.items() for m in run._chosen]

    def __repr__(self) -> str:
        counts = self.members["status"].value_counts().to_dict()
        return f"Runs({', '.join(self.runs)}: {len(self)} members, {counts})"

    @functools.cached_property
    def members(self) -> pd.DataFrame:
        """Table with one row per member, as `Run.members`, after a column `run` with its label."""
        tables = {label: run.members for label, run in self.runs.items()}
        ends = {}
        for m in self._chosen:
            label, own = self._places[m]
            ends[m] = tuple(tables[label].loc[own, ["status", "epochs"]])
        table = members_table.table(self.sweep, self._chosen, ends)
        table.insert(0, RUN, table.pop(RUN))
        return table

    @functools.cached_property
    def history(self) -> xr.Dataset:
        """Recorded metrics of all runs, as `Run.history`, with the label as `run [member]`.

        `epoch` has the epochs of all runs; a member is NaN at those of the others, and in metrics
        that its own run does not record.
        """
        parts = [run.history for run in self.runs.values()]
        status = self.members["status"].tolist()
        return history.joined(parts, self.sweep, self._chosen, status)

    @functools.cached_property
    def rounds(self) -> pd.DataFrame:
        """The tables `Run.rounds` of all runs, with a column `run`."""
        import pandas as pd

        tables = [run.rounds.assign(**{RUN: label}) for label, run in self.runs.items()]
        return pd.concat(tables, ignore_index=True)

    def select(self, run: str | Iterable[str] | None = None, **settings: Any) -> Runs:
        """Return the members of these runs that have these settings; see `Run.select`.

        run: a label, or several; None: all runs.
        """
        chosen = self._chosen
        if run is not None:
            wanted = {run} if isinstance(run, str) else set(run)
            known = dict.fromkeys(self._places[m][0] for m in chosen)
            for label in wanted - known.keys():
                listed = ", ".join(map(repr, known))
                raise invalid(RUN, label, f"must be a run that members here have: {listed}")
            chosen = [m for m in chosen if self._places[m][0] in wanted]
        if settings:
            chosen = selection.matching(self.sweep, chosen, settings)
        return self._with(chosen)

    def _with(self, members: Sequence[int], snapshot_of: dict[int, int] | None = None) -> Runs:
        epochs = self._snapshot_of if snapshot_of is None else snapshot_of
        assert isinstance(self.sweep, JoinedSweep)
        return Runs(self.runs, self.sweep, members, epochs)

    def grid_dims(self) -> Sequence[str]:
        """Return the run, and the settings that differ within a run."""
        columns = [(n, column) for n, column in self.sweep.columns.items() if n != RUN]
        groups = [numbers for numbers, _ in self._numbers().values()]
        differ = [n for n, c in columns if any(len({c[m] for m in own}) > 1 for own in groups)]
        return [RUN, *differ]

    def parts(self) -> dict[str, Run]:
        """Return the members of each run as a Run of its own, by label, in the order of `runs`."""
        return {label: self.runs[label].of(own) for label, (_, own) in self._numbers().items()}

    def in_order(self, values: Sequence[np.ndarray]) -> np.ndarray:
        """Return values `[M]` in the order of `members`, given an array for each of `parts`."""
        numbers = [m for here, _ in self._numbers().values() for m in here]
        row_of = {m: row for row, m in enumerate(numbers)}
        return np.concatenate(values)[[row_of[m] for m in self._chosen]]

    def write_history(self) -> None:
        """Raise ConfigError: several runs have no directory of their own."""
        raise ConfigError("write_history: several runs have no directory; write to_pandas instead")

    def _numbers(self) -> dict[str, tuple[list[int], list[int]]]:
        """Return each run's members by label: their numbers here, and in the run."""
        found: dict[str, tuple[list[int], list[int]]] = {}
        for label in self.runs:
            numbers = [m for m in self._chosen if self._places[m][0] == label]
            if numbers:
                found[label] = numbers, [self._places[m][1] for m in numbers]
        return found

    def _last_params(self, wanted: Sequence[int]) -> dict[int, dict[str, np.ndarray]]:
        found: dict[int, dict[str, np.ndarray]] = {}
        for label, run in self.runs.items():
            own = {self._places[m][1]: m for m in wanted if self._places[m][0] == label}
            if own:
                params = run._flat_params(list(own))
                found |= {own[m]: arrays for m, arrays in params.items()}
        return found

    @functools.cached_property
    def _stored(self) -> Snapshots:
        parts = [
            (numbers, self.runs[label].of(own)) for label, (numbers, own) in self._numbers().items()
        ]
        return JoinedSnapshots(parts, self._chosen)


def concat(runs: Iterable[Run | str | Path], labels: Iterable[str] | None = None) -> Runs:
    """Return several runs as one, such as two experiments to compare.

    Args:
      runs: each a Run, also of some members, or a run directory.
      labels: a name for each; None: the names of their directories, with as many of their parents
        as make them distinct.

    Returns:
      A Run whose members are those of all runs, numbered through. The run is the column `run` of
      `members` and the coordinate `run` of `history`.

    Raises:
      ConfigError: no run, labels that are missing, equal or no text, or networks with the same
        settings that differ, as a task, model or metric of your own has changed between the runs.
      FileNotFoundError, DamagedRun: as `load`.

    Example:
      >>> concat([])
      Traceback (most recent call last):
      grokjax.errors.ConfigError: runs must have at least one run, got []
    """
    if isinstance(runs, str | Path | Run) or not isinstance(runs, Iterable):
        raise invalid("runs", runs, "must be a list of runs or of their directories")
    loaded = [run if isinstance(run, Run) else load(run) for run in runs]
    if not loaded:
        raise invalid("runs", loaded, "must have at least one run")
    named: dict[str, Run] = {}
    for label, run in zip(_labels(loaded, labels), loaded, strict=True):
        named |= run.parts() if isinstance(run, Runs) else {label: run}
    expected = sum(len(run.runs) if isinstance(run, Runs) else 1 for run in loaded)
    if len(named) < expected:
        raise ConfigError("labels: two runs have the same label; give each a name of its own")
    return Runs(named)


def _labels(runs: list[Run], given: Iterable[str] | None) -> list[str]:
    if given is not None:
        found = [given] if isinstance(given, str) else list(given)
        if len(found) != len(runs):
            raise invalid("labels", found, f"must be one for each of the {len(runs)} runs")
        for label in found:
            if not isinstance(label, str) or not label.strip() or not label.isprintable():
                raise invalid("labels", label, "must be texts of one line")
        if repeated := [label for label, times in Counter(found).items() if times > 1]:
            raise invalid("labels", repeated[0], "must differ from run to run")
        return found
    paths = [run.directory.resolve().parts for run in runs]
    for depth in range(1, max(map(len, paths)) + 1):
        found = ["/".join(path[-depth:]) for path in paths]
        if len(set(found)) == len(found):
            return [printable(label) for label in found]
    return [printable(path[-1]) for path in paths]
