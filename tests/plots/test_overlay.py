"""Several runs on the same axes: labels, colours, and limits that fit all of them."""

import numpy as np
import pytest
from matplotlib.colors import to_hex

from grokjax import plots
from grokjax.analysis.incidence import incidence
from grokjax.analysis.times import Events, Times
from tests.results.test_selection import refusal


@pytest.fixture
def pair(history):
    """Two histories, the second of which is longer, higher and evaluated at other epochs."""
    other = (3 * history).assign_coords(epoch=("eval", np.arange(5) * 30))
    return history, other.assign({n: history[n] for n in ("train_accuracy", "test_accuracy")})


def legend_of(ax):
    legend = ax.get_legend()
    return {t.get_text(): h for t, h in zip(legend.get_texts(), legend.legend_handles, strict=True)}


def colors_of(ax):
    return {to_hex(line.get_color()) for line in ax.lines}


def test_two_runs_share_axes_each_in_its_colour(pair):
    first, second = pair
    ax = plots.accuracy(first, label="a")
    assert plots.accuracy(second, ax, label="b") is ax
    legend = legend_of(ax)
    assert list(legend) == ["a", "b", "train", "test"]
    assert [legend[n].get_color() for n in "ab"] == list(plots.CATEGORIES[:2])
    assert colors_of(ax) == {color.lower() for color in plots.CATEGORIES[:2]}
    assert ax.get_xlim()[1] >= 120
    own = plots.loss(first, label="a", color="C5")
    assert colors_of(own) == {to_hex("C5")}


@pytest.mark.parametrize("name", ["curves", "norms"])
def test_two_runs_share_a_figure_which_fits_both(pair, name):
    draw = getattr(plots, name)
    first, second = pair
    fig = draw(first, label="a", color="C1")
    before = [ax.get_ylim()[1] for ax in fig.axes]
    assert draw(second, label="b", color="C2", fig=fig) is fig
    for ax in fig.axes:
        assert colors_of(ax) == {to_hex("C1"), to_hex("C2")}
        assert ax.get_xlim()[1] >= 120
    assert fig.axes[-1].get_ylim()[1] > 2 * before[-1]
    assert list(legend_of(fig.axes[0]))[:2] == ["a", "b"]


def test_a_metric_of_two_runs(pair):
    fig = plots.metric(pair[0], "test_loss", label="a")
    fig = plots.metric(pair[1], "test_loss", label="b", fig=fig)
    assert list(legend_of(fig.axes[0])) == ["a", "b"]
    said = refusal(plots.curves, pair[1], label="b", fig=fig)
    assert said.startswith("fig must be a figure that plots.curves made with a label, of 2 panels")
    assert refusal(plots.accuracy, pair[0], color="no such").startswith("color must be a colour of")
    assert refusal(plots.accuracy, pair[0], label=3) == "label must be text, got 3"


def times(epochs, limit):
    return Times.from_arrays(epochs, limit)


def test_incidences_of_two_runs_reach_to_the_end_of_both(history):
    found = [times([10, 20, np.nan], 100), times([40, 90, 200], 300)]
    ax = plots.incidence({"grokked": incidence(found[0])}, label="a")
    plots.incidence({"grokked": incidence(found[1])}, label="b", ax=ax)
    texts = list(legend_of(ax))
    assert texts == [
        "a: grokked: 2 of 3 members, 1 reached max_epochs",
        "b: grokked: 3 of 3 members",
    ]
    assert len(colors_of(ax)) == 2
    assert ax.get_xlim()[1] >= 200
    fig = plots.incidences(history, {"grokked": found[0]}, label="a")
    fig = plots.incidences(history, {"grokked": found[1]}, label="b", fig=fig)
    assert list(legend_of(fig.axes[0])) == ["a", "b"]
    assert fig.axes[0].get_xlim()[1] >= 200


def test_learning_times_of_two_runs_stand_side_by_side():
    values = np.array([0.1, 0.1, 1.0])
    found = [times([10.0, 20.0, 30.0], 40.0), times([50.0, 60.0, 90.0], 100.0)]
    drawn = [Events(each, each, each) for each in found]
    ax = plots.learning_times("weight decay", values, drawn[0], 40, label="a", color="C1")
    plots.learning_times("weight decay", values, drawn[1], 100, label="b", color="C2", ax=ax)
    assert "b: grokked: median and quartiles" in legend_of(ax)
    assert ax.get_ylim()[1] > 90
    said = refusal(
        plots.learning_times, "weight decay", values * 2, drawn[1], 100, label="c", ax=ax
    )
    assert said.startswith(
        "values must be those on the axes, 0.1, 1, for several runs, got '0.2, 2'"
    )


def test_spectra_and_key_counts_of_two_runs():
    shares, key = np.array([0.2, 0.5, 0.3]), np.array([False, True, False])
    ax = plots.spectrum({"embedding": shares}, key, label="a")
    plots.spectrum({"embedding": shares[::-1]}, key, label="b", ax=ax)
    assert list(legend_of(ax)) == ["a: embedding", "b: embedding"]
    assert len(colors_of(ax)) == 2
    ax = plots.key_counts(np.array([1, 2, 2]), label="a")
    plots.key_counts(np.array([7, 8]), label="b", ax=ax)
    assert list(legend_of(ax)) == ["a", "b"]
    assert ax.get_xlim() == (0, 9)
    assert len({to_hex(bar.get_facecolor()) for bar in ax.patches}) == 2


def test_progress_measures_of_two_runs(history):
    names = ("train_loss", "restricted_loss", "excluded_loss")
    rng = np.random.default_rng(1)
    added = {n: (("member", "eval", "subset"), rng.uniform(1, 2, (3, 5, 2))) for n in names[1:]}
    added["logit_fve"] = (("member", "eval"), rng.uniform(0, 1, (3, 5)))
    added["component_gini"] = (("member", "eval", "table"), rng.uniform(0, 1, (3, 5, 2)))
    added["parameter_squares"] = (("member", "eval", "parameter"), rng.uniform(0, 9, (3, 5, 2)))
    labels = {"subset": ["all", "train"], "table": ["embedding", "output"]}
    full = history.assign(added).assign_coords(labels)
    for draw in (plots.progress_losses, plots.progress_structure):
        fig = draw(full, label="a")
        draw(full, label="b", fig=fig)
        assert list(legend_of(fig.axes[0]))[:2] == ["a", "b"]
        assert all(len(colors_of(ax)) == 2 for ax in fig.axes)
