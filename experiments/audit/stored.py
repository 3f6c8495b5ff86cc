"""The stored results of the experiments, `experiments/results/*.csv`."""

from __future__ import annotations

import functools
from pathlib import Path

import pandas as pd

from grokjax.analysis.times import Times

RESULTS = Path(__file__).parents[1] / "results"


@functools.cache
def results(name: str) -> pd.DataFrame:
    """Return the table of an experiment, a row for each member."""
    return pd.read_csv(RESULTS / f"{name}.csv", dtype={"phase": str}, keep_default_na=True)


def grokked(table: pd.DataFrame) -> Times:
    """Return the times to grok of members, with how long each was followed."""
    return Times.from_arrays(table.grokked, table.followed_until)
