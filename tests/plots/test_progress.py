"""Curves of progress measures: what is drawn is what was recorded, and phases are shaded."""

import numpy as np
import pytest
import xarray as xr
from matplotlib.colors import same_color

from grokjax import plots
from grokjax.plots.style import GREEN, PURPLE
from tests.analysis.test_learning_phases import EPOCHS, EXCLUDED, TEST


def history(decays=(1.0, 1.0, 1.0), test=TEST):
    """Members whose curves differ by a factor; one value of weight decay each."""
    factors = np.array([1.0, 1.1, 0.9])[:, None]
    curve = {"test_loss": test, "train_loss": np.array(test) / 2}
    data = {name: (("member", "eval"), factors * np.array(y)) for name, y in curve.items()}
    by_subset = {"restricted_loss": np.array(test) / 3, "excluded_loss": np.array(EXCLUDED)}
    for name, values in by_subset.items():
        stacked = np.repeat((factors * values)[..., None], 3, axis=2)
        data[name] = (("member", "eval", "subset"), stacked)
    data["logit_fve"] = (("member", "eval"), np.ones((3, 11)))
    data["component_gini"] = (("member", "eval", "table"), np.full((3, 11, 2), 0.5))
    data["parameter_squares"] = (("member", "eval", "parameter"), np.full((3, 11, 4), 2.0))
    coordinates = {
        "member": [0, 1, 2],
        "epoch": ("eval", EPOCHS),
        "step": (("member", "eval"), np.tile(EPOCHS, (3, 1))),
        "subset": ["all", "test", "train"],
        "table": ["embedding", "output"],
        "seed": ("member", [0, 1, 2]),
        "weight_decay": ("member", list(decays)),
        "status": ("member", ["grokked"] * 3),
    }
    return xr.Dataset(data, coordinates, {"task": "a + b mod 7", "loss": "cross-entropy"})


def shaded(ax):
    """Epochs between which each phase is shaded."""
    return [(p.get_x(), p.get_x() + p.get_width()) for p in ax.patches]


def line(ax, color):
    return next(each for each in ax.lines if same_color(each.get_color(), color))


def test_medians_of_the_losses_and_the_phases():
    (ax,) = plots.progress_losses(history()).axes
    np.testing.assert_allclose(line(ax, GREEN).get_ydata(), np.array(TEST) / 3)
    np.testing.assert_allclose(line(ax, PURPLE).get_ydata(), EXCLUDED)
    assert shaded(ax) == [(0, 400), (400, 500), (500, 900)]


def test_no_phase_is_shaded_before_half_of_the_seeds_have_it():
    recorded = history()
    recorded.test_loss[1] = [4.0, 8, *TEST[1:-1]]  # an evaluation later
    recorded.test_loss[2] = 4.0  # counts as later still
    (ax,) = plots.progress_losses(recorded).axes
    assert shaded(ax) == [(0, 400), (400, 600), (600, 1000)]
    recorded.test_loss[1] = 4.0
    (ax,) = plots.progress_losses(recorded).axes
    assert shaded(ax) == []


def test_each_combination_has_a_panel():
    fig = plots.progress_losses(history(decays=(1.0, 1.0, 0.5)))
    titles = [ax.get_title() for ax in fig.axes if ax.get_visible()]
    assert titles == ["weight decay 0.5", "weight decay 1"]


def test_structure_has_a_panel_each():
    fig = plots.progress_structure(history())
    assert [ax.lines[0].get_ydata()[-1] for ax in fig.axes] == [1, 0.5, 8]
    assert all(len(shaded(ax)) == 3 for ax in fig.axes)
    with pytest.raises(ValueError, match=r"^progress_structure: members differ in more than seeds"):
        plots.progress_structure(history(decays=(1.0, 1.0, 0.5)))
