"""Shares of members that had memorised or grokked."""

import numpy as np

from grokjax import plots
from grokjax.analysis.incidence import incidence
from grokjax.analysis.times import Times
from grokjax.results.seed_groups import seed_groups
from tests.plots.helpers import swept, times_of


def test_incidence_rises_from_0_and_ends_at_the_last_evaluation():
    found = incidence(
        Times.from_arrays([20, 40, np.nan, np.nan], [0, 0, 100, 30], [*"ab", "running", "diverged"])
    )
    ax = plots.incidence(
        {"grokked": found, "none": incidence(Times.from_arrays([np.nan], 50))}, unit="step"
    )
    x, y = ax.lines[0].get_data()
    points = [(0, 0), (20, 1 / 4), (40, 1 / 4 + 3 / 4 * 2 / 3 / 2), (100, 1 / 2)]
    np.testing.assert_allclose(np.transpose([x, y]), points)
    assert ax.lines[1].get_ydata().tolist() == [0, 0]
    assert ax.lines[1].get_xdata().tolist() == [0, 50], "it may get there later"
    over = incidence(Times.from_arrays([20, np.nan], 30, "diverged"))
    assert plots.incidence({"a": found, "b": over}).lines[1].get_xdata().tolist() == [0, 20, 100]
    texts = [text.get_text() for text in ax.get_figure().legends[0].texts]
    assert texts == [
        "grokked: 2 of 4 members, 1 running, 1 diverged",
        "none: 0 of 1 members, 1 reached max_epochs",
    ]
    assert ax.get_xlabel() == "step"
    assert not plots.incidence({}).get_figure().legends


def test_incidences_pool_seeds_and_stay_level_after_the_last_event():
    history = swept(weight_decay=[0.0, 1.0, 5.0])
    times = times_of(history)
    fig = plots.incidences(history, {"memorised": times, "grokked": times})
    assert [ax.get_ylabel() for ax in fig.axes] == [
        "share that had memorised",
        "share that had grokked",
    ]
    assert fig.axes[0].get_xlabel() == "epoch (7 steps)"
    for ax in fig.axes:
        for line, group in zip(ax.lines, seed_groups(history), strict=True):
            expected = incidence(times[group.rows])
            np.testing.assert_allclose(line.get_ydata(), [*expected.share, 2 / 3])
            np.testing.assert_array_equal(line.get_xdata(), [*expected.epochs, 400])
    assert [text.get_text() for text in fig.legends[0].texts] == ["0", "1", "5"]
    assert len(fig.axes[0].collections) == 3, "bands"


def test_each_combination_of_further_settings_has_a_row():
    history = swept(weight_decay=[0.0, 1.0, 5.0], learning_rate=[0.1, 0.2])
    times = times_of(history)
    fig = plots.incidences(history, {"grokked": times}, "title")
    assert [ax.get_title() for ax in fig.axes] == ["learning rate 0.1", "learning rate 0.2"]
    assert [len(ax.lines) for ax in fig.axes] == [3, 3]
