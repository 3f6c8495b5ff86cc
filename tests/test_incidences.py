"""Figures of times to learn: medians and curves pool seeds, and no other setting."""

import numpy as np
import pytest

from grokjax import plots
from grokjax.analysis.incidence import incidence
from grokjax.analysis.timing import Times
from grokjax.cells import cells
from grokjax.report.pictures import _medians
from tests.test_facets import swept


def times_of(history):
    """Two of three members of every cell get there, at epochs of their own; one diverges."""
    epochs = np.arange(10.0, 10 * history.sizes["member"] + 10, 10)
    epochs[::3] = np.nan
    return Times.of(epochs, 400, np.where(np.isnan(epochs), "diverged", "stopped"))


def test_curves_are_of_seeds_and_level_once_nobody_is_left():
    history = swept(weight_decay=[0.0, 1.0, 5.0])
    times = times_of(history)
    fig = plots.incidences(history, {"memorised": times, "grokked": times})
    assert [ax.get_ylabel() for ax in fig.axes] == [
        "share that had memorised",
        "share that had grokked",
    ]
    assert fig.axes[0].get_xlabel() == "epoch (7 steps)"
    for ax in fig.axes:
        for line, cell in zip(ax.lines, cells(history), strict=True):
            expected = incidence(times[cell.rows])
            np.testing.assert_allclose(line.get_ydata(), [*expected.share, 2 / 3])
            np.testing.assert_array_equal(line.get_xdata(), [*expected.epochs, 400])
    assert [text.get_text() for text in fig.legends[0].texts] == ["0", "1", "5"]
    assert len(fig.axes[0].collections) == 3, "bands"


def test_a_row_for_each_combination_of_further_settings():
    history = swept(weight_decay=[0.0, 1.0, 5.0], learning_rate=[0.1, 0.2])
    times = times_of(history)
    fig = plots.incidences(history, {"grokked": times}, "title")
    assert [ax.get_title() for ax in fig.axes] == ["learning rate 0.1", "learning rate 0.2"]
    assert [len(ax.lines) for ax in fig.axes] == [3, 3]


def test_the_table_of_medians_is_over_seeds():
    history = swept(weight_decay=[0.0, 1.0], learning_rate=[0.1, 0.2])
    times = times_of(history)
    table = _medians(history, times)
    assert table.dims == ("weight_decay", "learning_rate")
    for cell in cells(history):
        median = incidence(times[cell.rows]).quantile(0.5)
        assert float(table.sel(cell.settings)) == median
    assert table.sel(weight_decay=0.0, learning_rate=0.1) == pytest.approx(30)


def test_members_outside_a_panel_are_not_drawn():
    history = swept(weight_decay=[0.0, 1.0], learning_rate=[0.1, 0.2])
    times, rates = times_of(history), history.learning_rate.values
    named = {f"learning rate {rate}": times.only(rates == rate) for rate in (0.1, 0.2)}
    ax = plots.times_against("weight decay", history.weight_decay.values, named, 1000)
    for bars, rate in zip(ax.containers, (0.1, 0.2), strict=True):
        at = [(history.weight_decay.values == d) & (rates == rate) for d in (0.0, 1.0)]
        expected = [incidence(times[chosen]).quantile(0.5) for chosen in at]
        np.testing.assert_array_equal(bars.lines[0].get_ydata(), expected)
    dots = sum(len(line.get_ydata()) for line in ax.lines if line.get_marker() == ".")
    assert dots == 8
    assert ax.get_ylim()[1] < 1000, "nobody was trained so long"
