"""Times survive being written to a csv file and read again."""

import io

import numpy as np
import pandas as pd
import pytest

from grokjax import ConfigError
from grokjax.analysis.times import events
from grokjax.analysis.times_table import events_of, times_of, times_table
from tests.analysis.test_comparison import run_of
from tests.plots.helpers import swept


def test_a_stored_table_has_the_runs_times():
    run = run_of(swept(seeds=6, weight_decay=[0.5, 1.0]))
    run.sweep.swept = ("weight_decay", "seed")
    run.members["weight_decay"] = run.history.weight_decay.values
    run.members.loc[3:5, "status"] = "diverged"
    table = times_table(run)
    assert list(table)[:3] == ["weight_decay", "seed", "memorised"]
    read = pd.read_csv(io.StringIO(table.to_csv()))
    for ours, theirs in zip(events_of(read), events(run), strict=True):
        for name in ("epochs", "follow_up", "end"):
            np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name))
    with pytest.raises(ConfigError, match="event must have the columns half_way, half_way_until"):
        times_of(read, "half_way")
