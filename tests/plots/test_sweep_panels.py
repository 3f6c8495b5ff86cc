"""Sweeps in figures: only seeds are pooled; settings are colours and panels."""

import numpy as np
import pytest

from grokjax import plots
from grokjax.plots.sweep_panels import MAX_LISTED, arrange_sweep
from grokjax.tasks.operations import OPERATIONS
from tests.plots.helpers import line_values, medians, swept


def test_curves_pool_seeds_only():
    history = swept(weight_decay=[0.0, 1.0, 5.0])
    fig = plots.curves(history)
    accuracy, loss = fig.axes
    for ax, what in ((accuracy, "accuracy"), (loss, "loss")):
        lines = iter(ax.lines)
        for value in (0.0, 1.0, 5.0):
            train, test = next(lines), next(lines)
            for line, split in ((train, "train"), (test, "test")):
                expected = medians(history, f"{split}_{what}", weight_decay=value)
                np.testing.assert_allclose(line.get_ydata(), expected)
            assert train.get_color() == test.get_color()
            assert train.get_linestyle() != test.get_linestyle()
        assert next(lines, None) is None
    (legend,) = fig.legends
    assert legend.get_title().get_text() == "weight decay"
    assert [text.get_text() for text in legend.texts] == ["0", "1", "5"]
    assert len({line.get_color() for line in accuracy.lines}) == 3
    assert "a + b mod 7: 3 values of weight decay, 3 seeds each" in fig.get_suptitle()


def test_further_settings_become_panels_and_the_title_counts_those_shown():
    history = swept(weight_decay=[0.0, 1.0], learning_rate=[0.1, 0.2, 0.3])
    fig = plots.curves(history)
    assert len(fig.axes) == 4
    assert [ax.get_title() for ax in fig.axes[::2]] == ["weight decay 0", "weight decay 1"]
    expected = medians(history, "test_accuracy", weight_decay=1.0, learning_rate=0.3)
    np.testing.assert_allclose(line_values(fig.axes[2])[5], expected)
    assert fig.axes[1].get_ylim() == fig.axes[3].get_ylim()
    many = swept(2, weight_decay=np.arange(9.0), learning_rate=np.arange(1.0, 9))
    fig = plots.curves(many)
    assert "6 of 8 combinations are shown" in fig.get_suptitle().replace("\n", " ")
    bar = fig.axes[-1]
    assert bar.get_ylabel() == "weight decay"
    assert len(arrange_sweep(many).values) > MAX_LISTED
    for draw in (plots.accuracy, plots.loss):
        with pytest.raises(ValueError, match="weight_decay, learning_rate are swept; select"):
            draw(history)


def test_settings_that_vary_together_share_the_colours():
    """As made by Sweep.zip: each rate has its own decay, so a panel for each would be empty."""
    history = swept(weight_decay=[0.0, 1.0])
    history = history.assign_coords(
        learning_rate=("member", np.where(history.weight_decay > 0, 0.1, 0.2))
    )
    sweep = arrange_sweep(history)
    assert (sweep.color_setting, sweep.tied_settings, sweep.combinations) == (
        "weight_decay",
        ("learning_rate",),
        1,
    )
    texts = [text.get_text() for text in plots.curves(history).legends[0].texts]
    assert texts == ["0, learning rate 0.2", "1, learning rate 0.1"]


def test_text_settings_of_many_values_become_panels():
    history = swept(1, operation=list(OPERATIONS)[:10])
    sweep = arrange_sweep(history)
    assert (sweep.color_setting, sweep.combinations, len(sweep.panels)) == (None, 10, 6)
    assert "Each line is one member" in plots.curves(history).get_suptitle()
    one = plots.curves(swept(4))
    assert "a + b mod 7: 4 seeds" in one.get_suptitle()
    assert not one.legends


def test_axes_are_named_after_the_settings():
    fig = plots.curves(swept(weight_decay=[0.0, 1.0]))
    assert [ax.get_ylabel() for ax in fig.axes] == ["accuracy", "mean squared error"]
    assert fig.axes[0].get_xlabel() == "epoch (7 steps)"
    both = plots.curves(swept(loss=["mse", "stablemax"], weight_decay=[0.0, 1.0, 2.0]))
    names = [ax.get_ylabel() for ax in both.axes[1::2]]
    assert names == ["mean squared error", "stablemax cross-entropy"]
    mixed = swept(loss=["mse", "stablemax"])
    assert plots.loss(mixed).get_ylabel() == "loss"
    full = swept(weight_decay=[1.0])
    full = full.assign_coords(step=full.step // 7)
    assert plots.accuracy(full).get_xlabel() == "epoch (1 step: full batch)"
