"""Sections of the report on training."""

from types import SimpleNamespace

import pytest

from grokjax.analysis.incidence import incidence
from grokjax.report.training_sections import median_times, progress_section
from grokjax.results.seed_groups import seed_groups
from tests.plots import test_progress
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


def test_progress_measures_have_a_section_where_they_are_recorded():
    recorded = test_progress.history()
    section = progress_section(SimpleNamespace(history=recorded))
    assert [figure.name for figure in section.figures] == ["progress-1", "progress-2"]
    for figure in section.figures:
        assert figure.draw()
    partly = recorded.drop_vars("component_gini")
    assert len(progress_section(SimpleNamespace(history=partly)).figures) == 1
    several = test_progress.history(decays=(1.0, 1.0, 0.5))
    assert len(progress_section(SimpleNamespace(history=several)).figures) == 1
    assert progress_section(SimpleNamespace(history=recorded.drop_vars("excluded_loss"))) is None
