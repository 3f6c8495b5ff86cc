"""Sections of the report on training."""

import pytest

from grokjax.analysis.incidence import incidence
from grokjax.report.training_sections import median_times
from grokjax.results.seed_groups import seed_groups
from tests.plots.helpers import swept, times_of


def test_the_table_of_medians_pools_seeds_only():
    history = swept(weight_decay=[0.0, 1.0], learning_rate=[0.1, 0.2])
    times = times_of(history)
    table = median_times(history, times)
    assert table.dims == ("weight_decay", "learning_rate")
    for group in seed_groups(history):
        median = incidence(times[group.rows]).quantile(0.5)
        assert float(table.sel(group.settings)) == median
    assert table.sel(weight_decay=0.0, learning_rate=0.1) == pytest.approx(30)
