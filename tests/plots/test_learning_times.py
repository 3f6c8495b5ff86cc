"""Times against a setting: members, medians and quartiles."""

import numpy as np

from grokjax import plots
from grokjax.analysis import times
from grokjax.analysis.incidence import incidence
from grokjax.analysis.times import Events, Times
from tests.plots.helpers import swept, times_of


def test_times_against_marks_every_member_by_its_end():
    """Four got there; one reached max_epochs, one runs, one diverged, one is pending."""
    values = np.array([0.5, 1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0])
    epochs = [100, 200, 210, np.nan, 300, np.nan, np.nan, np.nan]
    seen = [100, 200, 210, 1000, 300, 440, 60, np.nan]
    ends = [*["stopped"] * 3, "max_epochs", "stopped", "running", "diverged", "pending"]
    ax = plots.times_against(
        "decay", values, {"grokked": Times.from_arrays(epochs, seen, ends)}, 1000
    )
    dots, late, running, diverged, stopped = ax.lines[:5]
    assert sorted(dots.get_ydata()) == [100, 200, 210, 300]
    assert len(late.get_ydata()) == 1
    assert late.get_ydata()[0] > 1000
    assert running.get_ydata().tolist() == [440]
    assert diverged.get_ydata().tolist() == [60]
    assert not len(stopped.get_ydata())
    assert len({line.get_marker() for line in (dots, late, running, diverged)}) == 4
    assert [t.get_text() for t in ax.get_xticklabels()] == ["0.5", "1", "2"]
    texts = [text.get_text() for text in ax.get_figure().legends[0].texts]
    assert texts == [
        "grokked",
        "each member",
        "not within max_epochs",
        "running, not yet",
        "diverged",
    ]


def test_an_unknown_upper_quartile_is_an_arrow():
    """Two of three got there: the upper quartile is later than the last epoch."""
    times = Times.from_arrays([100, 200, np.nan, 300, 310, 320], [1000] * 6)
    ax = plots.times_against("decay", np.array([1, 1, 1, 2, 2, 2]), {"grokked": times}, 1000)
    (arrow,) = (text for text in ax.texts if text.arrow_patch)
    assert arrow.xyann == (0, 200)
    assert arrow.xy == (0, 1000)
    (bars,) = (c for c in ax.containers)
    ends = [bar[:, 1].tolist() for bar in bars.lines[2][0].get_segments()]
    assert ends == [[100, 200], [300, 320]]
    curves = {0.3: incidence(times[:3]), 0.5: incidence(times[3:])}
    arrows = [text for text in plots.medians("x", {"a": curves}).texts if text.arrow_patch]
    assert [arrow.xyann for arrow in arrows] == [(0.3, 200)]


def test_members_outside_a_panel_are_not_line_values():
    history = swept(weight_decay=[0.0, 1.0], learning_rate=[0.1, 0.2])
    times, rates = times_of(history), history.learning_rate.values
    named = {f"learning rate {rate}": times.where(rates == rate) for rate in (0.1, 0.2)}
    ax = plots.times_against("weight decay", history.weight_decay.values, named, 1000)
    for bars, rate in zip(ax.containers, (0.1, 0.2), strict=True):
        at = [(history.weight_decay.values == d) & (rates == rate) for d in (0.0, 1.0)]
        expected = [incidence(times[chosen]).quantile(0.5) for chosen in at]
        np.testing.assert_array_equal(bars.lines[0].get_ydata(), expected)
    dots = sum(len(line.get_ydata()) for line in ax.lines if line.get_marker() == ".")
    assert dots == 8
    assert ax.get_ylim()[1] < 1000, "nobody was trained so long"


def test_ticks_are_the_values_of_the_setting_in_order():
    values = np.array([64, -1, 512, 128])
    found = times.Times(np.full(4, 20.0), np.full(4, 20.0), np.full(4, "stopped"))
    ax = plots.times_against("batch size", values, {"grokked": found}, 100, "", "epoch")
    assert [t.get_text() for t in ax.get_xticklabels()] == ["full batch", "64", "128", "512"]


def test_learning_times_show_both_events():
    train, test = Times.from_arrays([20, 40, 20, 20], 0), Times.from_arrays([40, 60, 40, 40], 0)
    found = Events(train, test, train)
    ax = plots.learning_times("decay", np.array([0, 0, 1, 1]), found, limit=60)
    memorised, grokked = (bars.lines[0].get_ydata() for bars in ax.containers)
    np.testing.assert_array_equal(memorised, [30, 20])
    np.testing.assert_array_equal(grokked, [50, 40])
    assert ax.get_ylabel() == "epoch"


def test_unknown_medians_are_marked_above_the_last_evaluation():
    curves = {
        0.3: incidence(Times.from_arrays([np.nan, np.nan, 80.0], 100)),
        0.5: incidence(Times.from_arrays([10.0, 20, 30], 100)),
        0.8: incidence(Times.from_arrays([5.0, 6, np.nan, np.nan, np.nan], 200, "diverged")),
    }
    ax = plots.medians("fraction", {"add": curves}, "title", "steps")
    middle, later, never = ax.lines
    np.testing.assert_array_equal(middle.get_ydata(), [np.nan, 20, np.nan])
    assert (later.get_xdata()[0], later.get_marker()) == (0.3, "^")
    assert (never.get_xdata()[0], never.get_marker()) == (0.8, "x")
    assert later.get_ydata()[0] > 100
    assert [text.get_text() for text in ax.texts] == ["1/3", "2/5"]
    assert (ax.get_yscale(), ax.get_ylabel()) == ("log", "steps")
    assert not ax.get_figure().legends
    assert plots.medians("fraction", {"a": curves, "b": curves}).get_figure().legends
