"""Times to memorise and to grok of every member as a table, to store and to read again."""

from __future__ import annotations

import numpy as np
import pandas as pd

from grokjax.analysis.times import Events, Times, delay_between, events
from grokjax.errors import invalid
from grokjax.results.run import Run
from grokjax.runtime.arguments import run_like, takes


@takes(run=run_like)
def times_table(
    run: Run, train_threshold: float | None = None, test_threshold: float | None = None
) -> pd.DataFrame:
    """Return the times of each member of a run, with how long it was followed.

    Args:
      run: a Run.
      train_threshold, test_threshold: as in `times.events`.

    Returns:
      A row for each member: the swept settings; `memorised` and `grokked`, an epoch or NaN;
      `memorised_until` and `grokked_until`, the last epoch at which it is known not to have
      happened; and `end`, why follow-up ended (`Times.end`).
    """
    found = events(run, train_threshold, test_threshold)
    table = run.members.filter(list(run.sweep.swept))
    for name in ("memorised", "grokked"):
        times = getattr(found, name)
        table[name], table[f"{name}_until"] = times.epochs, times.follow_up
    return table.assign(end=found.grokked.end)


@takes(table=pd.DataFrame)
def times_of(table: pd.DataFrame, event: str) -> Times:
    """Return the times of one event from a table like `times_table`'s, such as one read from a csv.

    Raises ConfigError if it lacks a column of this name, `{event}_until` or `end`.
    """
    columns = (event, f"{event}_until", "end")
    missing = [name for name in columns if name not in table]
    if missing:
        raise invalid("event", event, f"must have the columns {', '.join(columns)} in the table")
    epochs, until = (table[name].to_numpy(np.float64) for name in columns[:2])
    return Times.from_arrays(epochs, until, table["end"].to_numpy(str))


def events_of(table: pd.DataFrame) -> Events:
    """Return the times of a table of `times_table`, as `times.events` gives them of a run."""
    memorised, grokked = times_of(table, "memorised"), times_of(table, "grokked")
    return Events(memorised, grokked, delay_between(memorised, grokked))
