"""Style, sizes, legends, ticks and files."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from matplotlib import colors
from matplotlib.backends.backend_agg import FigureCanvasAgg

from grokjax import plots
from grokjax.plots.decorations import add_legend_below, use_log_scale


def test_the_style_does_not_depend_on_the_callers_style(history):
    with mpl.rc_context({"legend.frameon": True, "axes.grid": False}):
        ax = plots.accuracy(history)
        assert not ax.get_legend().get_frame_on()
        assert mpl.rcParams["legend.frameon"]


def test_colours_differ_for_the_colour_blind():
    """Lightness differs, so not even grey confuses train with test."""
    assert len({plots.TRAIN, plots.TEST, plots.KEY}) == 3
    grey = [np.dot(colors.to_rgb(c), [0.2126, 0.7152, 0.0722]) for c in (plots.TRAIN, plots.TEST)]
    assert abs(grey[0] - grey[1]) > 0.05


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (4.7, 5.2, {"4.8", "5"}),
        (3e-4, 0.02, {r"$\mathdefault{5{\times}10^{-4}}$", "0.001", "0.02"}),
        (1e-7, 20_000, {"1", "10,000"}),
    ],
)
def test_labels_of_log_axes_are_distinct_numbers(low, high, expected):
    ax = plots.figure()[1]
    ax.plot([0, 1], [low, high])
    use_log_scale(ax, "y")
    ax.get_figure().draw_without_rendering()
    texts = [text.get_text() for text in ax.get_yticklabels() if text.get_text()]
    assert len(set(texts)) == len(texts)
    assert expected <= set(texts)


@pytest.mark.parametrize("labels", [["0.001", "0.003", "0.01", "1e+30"], ["a" * 30] * 2, ["1"] * 9])
def test_a_legend_for_a_phone_fits_the_figure(labels):
    with plots.narrow():
        fig, ax = plots.figure(7.5, 4.6)
        for label in labels:
            ax.plot([0, 1], label=label)
        add_legend_below(ax)
    canvas = FigureCanvasAgg(fig)
    canvas.draw()
    box = fig.legends[0].get_window_extent(canvas.get_renderer())
    assert box.x0 >= 0
    assert box.x1 <= fig.bbox.x1
    assert ax.get_position().height * fig.get_figheight() > 1.5


def test_axes_of_whole_numbers_have_whole_ticks():
    power = np.ones((3, 3))
    rounds = pd.DataFrame(
        {"session": 5.0, "seconds": [1.0, 2.0], "lanes": 2, "busy": 1, "pending": [1, 0]}
    )
    found = [
        plots.spectrum_over_training(power, np.arange(3)),
        plots.spectrum_of_members(np.eye(3), [0, 1, 2]),
        plots.spectrum_2d(power),
        plots.spectrum({"a": np.ones(3)}, np.ones(3, bool)),
        plots.key_counts(np.array([2, 3])),
        *plots.occupancy(rounds).get_figure().axes,
    ]
    whole = {"epoch", "frequency", "frequency in a", "frequency in b", "lanes", "members"}
    whole |= {"key frequencies", "pending members"}
    for ax in found:
        for axis in (ax.xaxis, ax.yaxis):
            if axis.get_label_text() not in whole:
                continue
            ticks = axis.get_major_locator()()
            np.testing.assert_array_equal(ticks, np.round(ticks), axis.get_label_text())


@pytest.mark.parametrize("suffix", [".png", ".pdf", ".svg"])
def test_figures_are_saved_in_every_format(suffix, history, tmp_path):
    begins = {".png": b"\x89PNG", ".pdf": b"%PDF", ".svg": b"<?xml"}
    path = plots.save(plots.curves(history), tmp_path / f"curves{suffix}")
    assert path.read_bytes().startswith(begins[suffix])


def test_figures_for_a_phone_stack_their_panels(history):
    with plots.narrow():
        fig = plots.curves(history)
        axes = plots.figure(9, 6, 3, 2)[1]
    assert fig.get_figwidth() < 4
    fig.draw_without_rendering()
    above, below = (ax.get_position() for ax in fig.axes)
    assert above.y0 > below.y1
    assert axes.shape == (2, 3)
    assert plots.figure()[0].get_figwidth() == 7
