"""Comparisons between runs: when their members grok or memorise, with log-rank tests."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd

from grokjax.analysis.bootstrap import RESAMPLES
from grokjax.analysis.comparison import compare_times
from grokjax.analysis.log_rank import holm
from grokjax.analysis.times import events
from grokjax.errors import invalid
from grokjax.results.runs import RUN, Runs
from grokjax.results.seed_groups import SEEDS, seed_groups
from grokjax.runtime.arguments import takes


@takes(runs=Runs)
def compare_runs(
    runs: Runs,
    event: Literal["grokked", "memorised"] = "grokked",
    resamples: int = RESAMPLES,
) -> pd.DataFrame:
    """Compare when the members of several runs grok, or memorise.

    Args:
      runs: such as `grokjax.concat([a, b])`.
      event: `grokked` or `memorised`, by each run's own rule.
      resamples: draws of the bootstrap.

    Returns:
      The table of `compare_times`, indexed by the label of the run; the first run is the reference.
      If runs sweep settings other than seeds, the index has a level for each of them, and runs are
      compared where these agree; `p_holm` is adjusted for all rows. Runs whose settings agree
      nowhere, as those of a search, are compared as wholes.

    Raises ConfigError for another event.
    """
    if event not in ("grokked", "memorised"):
        raise invalid("event", event, "must be grokked or memorised")
    times, seeds = getattr(events(runs), event), runs.members[list(SEEDS)].to_numpy()
    levels = [name for name in runs.grid_dims() if name not in (RUN, *SEEDS)]
    blocks = _blocks(runs, levels)
    if max(map(len, blocks.values())) == 1:
        levels, blocks = [], _blocks(runs, [])
    tables = []
    for values, found in blocks.items():
        rows = {label: found[label] for label in runs.runs if label in found}
        named = {label: times[own] for label, own in rows.items()}
        drawn = {label: seeds[own] for label, own in rows.items()}
        table = compare_times(named, seeds=drawn, resamples=resamples)
        tables.append(table.set_axis([(*values, label) for label in named]))
    table = pd.concat(tables)
    index = pd.MultiIndex.from_tuples(table.index.tolist(), names=[*levels, RUN])
    table.index = index if levels else index.get_level_values(0)
    return table.assign(p_holm=holm(table.p))


def _blocks(runs: Runs, levels: list[str]) -> dict[tuple[Any, ...], dict[str, np.ndarray]]:
    """Rows of the members by run, for each combination of values of some settings."""
    blocks: dict[tuple[Any, ...], dict[str, np.ndarray]] = {}
    for group in seed_groups(runs.history):
        block = blocks.setdefault(tuple(group.settings.get(name) for name in levels), {})
        label = str(runs.history[RUN].values[group.rows[0]])
        block[label] = np.concatenate([block.get(label, np.empty(0, int)), group.rows])
    return blocks
