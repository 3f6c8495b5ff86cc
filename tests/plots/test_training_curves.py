"""Curves and norms against epochs: medians, quartiles, and where lines end."""

import numpy as np
import pytest

from grokjax import plots
from tests.plots.helpers import line_values, medians, swept


@pytest.mark.parametrize("log_epochs", [False, True])
def test_curves_are_medians_within_quartiles(history, log_epochs):
    fig = plots.curves(history, log_epochs=log_epochs)
    shown = slice(1, None) if log_epochs else slice(None)
    for ax, name in zip(fig.axes, ("accuracy", "loss"), strict=True):
        for line, split in zip(ax.lines, ("train", "test"), strict=True):
            expected = np.median(history[f"{split}_{name}"].values, axis=0)[shown]
            np.testing.assert_allclose(line.get_ydata(), expected)
            np.testing.assert_array_equal(line.get_xdata(), history.epoch.values[shown])
        assert ax.get_xscale() == ("log" if log_epochs else "linear")
    assert fig.axes[1].get_yscale() == "log"


@pytest.mark.parametrize("log_epochs", [False, True])
@pytest.mark.parametrize("evaluations", [0, 1, 5])
def test_members_without_values_leave_the_axes_empty(history, evaluations, log_epochs, tmp_path):
    """Diverged at once, or not begun: a log axis with nothing on it could not be laid out."""
    blank = (history * np.nan).isel(eval=slice(evaluations))
    for n, draw in enumerate((plots.accuracy, plots.loss, plots.norms)):
        assert plots.save(draw(blank, log_epochs=log_epochs), tmp_path / f"{n}.png").exists()
    assert plots.save(plots.curves(blank, "", log_epochs), tmp_path / "curves.png").exists()


def test_a_line_ends_with_its_last_member():
    history = swept(2, weight_decay=[0.0, 1.0])
    for name in ("test_accuracy", "train_accuracy"):
        history[name][:2, 3:] = np.nan
    lines = plots.accuracy(history).lines
    assert [len(line.get_xdata()) for line in lines] == [3, 3, 6, 6]


def test_norms_have_a_line_for_each_layer(history):
    ax = plots.norms(history).axes[0]
    assert [line.get_label() for line in ax.lines] == ["embed", "output"]
    expected = np.median(history.layer_norm.sel(layer="output").values, axis=0)
    np.testing.assert_allclose(ax.lines[1].get_ydata(), expected)


def test_norms_of_a_sweep_have_a_panel_for_each_layer():
    history = swept(weight_decay=[0.0, 1.0])
    fig = plots.norms(history)
    assert [ax.get_title() for ax in fig.axes] == ["embed", "output"]
    expected = medians(history.isel(layer=1), "layer_norm", weight_decay=1.0)
    np.testing.assert_allclose(line_values(fig.axes[1])[1], expected)
    both = swept(weight_decay=[0.0, 1.0], learning_rate=[0.1, 0.2])
    fig = plots.norms(both)
    assert [ax.get_title() for ax in fig.axes] == ["learning rate 0.1", "learning rate 0.2"]
    expected = medians(both, "weight_norm", weight_decay=1.0, learning_rate=0.2)
    np.testing.assert_allclose(line_values(fig.axes[1])[1], expected)


def test_every_layer_of_a_deep_network_is_line_values():
    layers = [f"layer_{i}" for i in range(9)]
    history = swept()
    values = np.random.default_rng(1).uniform(1, 2, (3, 6, 9))
    history = history.drop_vars(["layer_norm", "layer"]).assign(
        layer_norm=(("member", "eval", "layer"), values)
    )
    (ax,) = plots.norms(history.assign_coords(layer=layers)).axes
    assert [line.get_label() for line in ax.lines] == layers
    styles = {(line.get_color(), line.get_linestyle()) for line in ax.lines}
    assert len(styles) == len(layers), "each can be told from the others"
