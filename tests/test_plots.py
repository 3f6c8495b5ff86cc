"""Pictures hold what they were given; how they look was seen by eye."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
import xarray as xr
from matplotlib import colors
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from grokjax import plots
from grokjax.analysis.circles import Reading
from grokjax.analysis.incidence import incidence
from grokjax.analysis.timing import Events, Times
from grokjax.plots.style import legend_below, log_scale

NAN = float("nan")


@pytest.fixture
def history():
    rng = np.random.default_rng(0)
    shape = ("member", "eval")
    names = ("train_accuracy", "test_accuracy", "train_loss", "test_loss")
    data = {name: (shape, rng.uniform(0.1, 1, (3, 5))) for name in names}
    data["layer_norm"] = (("member", "eval", "layer"), rng.uniform(1, 2, (3, 5, 2)))
    return xr.Dataset(data, {"epoch": ("eval", np.arange(5) * 20), "layer": ["embed", "output"]})


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
def test_members_without_numbers_leave_the_axes_empty(history, evaluations, log_epochs, tmp_path):
    """Diverged at once, or not begun: a log axis with nothing on it could not be laid out."""
    blank = (history * NAN).isel(eval=slice(evaluations))
    for n, draw in enumerate((plots.accuracy, plots.loss, plots.norms)):
        assert plots.save(draw(blank, log_epochs=log_epochs), tmp_path / f"{n}.png").exists()
    assert plots.save(plots.curves(blank, "", log_epochs), tmp_path / "curves.png").exists()


def test_norms_have_a_line_a_layer(history):
    ax = plots.norms(history).axes[0]
    assert [line.get_label() for line in ax.lines] == ["embed", "output"]
    expected = np.median(history.layer_norm.sel(layer="output").values, axis=0)
    np.testing.assert_allclose(ax.lines[1].get_ydata(), expected)


def test_the_style_is_ours_whatever_the_callers(history):
    with mpl.rc_context({"legend.frameon": True, "axes.grid": False}):
        ax = plots.accuracy(history)
        assert not ax.get_legend().get_frame_on()
        assert mpl.rcParams["legend.frameon"]


def test_colours_are_apart_for_the_colour_blind():
    """Lightness differs, so not even grey confuses train with test."""
    assert len({plots.TRAIN, plots.TEST, plots.OTHER}) == 3
    grey = [np.dot(colors.to_rgb(c), [0.2126, 0.7152, 0.0722]) for c in (plots.TRAIN, plots.TEST)]
    assert abs(grey[0] - grey[1]) > 0.05


def test_incidence_rises_from_0_and_ends_where_members_were_last_seen():
    found = incidence(Times.of([20, 40, NAN, NAN], [0, 0, 100, 30], [*"ab", "running", "diverged"]))
    ax = plots.incidence({"grokked": found, "none": incidence(Times.of([NAN], 50))}, unit="step")
    x, y = ax.lines[0].get_data()
    points = [(0, 0), (20, 1 / 4), (40, 1 / 4 + 3 / 4 * 2 / 3 / 2), (100, 1 / 2)]
    np.testing.assert_allclose(np.transpose([x, y]), points)
    assert ax.lines[1].get_ydata().tolist() == [0, 0]
    assert ax.lines[1].get_xdata().tolist() == [0, 50], "it may get there later"
    over = incidence(Times.of([20, NAN], 30, "diverged"))
    assert plots.incidence({"a": found, "b": over}).lines[1].get_xdata().tolist() == [0, 20, 100]
    texts = [text.get_text() for text in ax.get_figure().legends[0].texts]
    assert texts == [
        "grokked: 2 of 4 members, 1 running, 1 diverged",
        "none: 0 of 1 members, 1 reached max_epochs",
    ]
    assert ax.get_xlabel() == "step"
    assert not plots.incidence({}).get_figure().legends


def test_times_against_shows_every_member_and_why_it_has_no_time():
    """Four got there; one reached max_epochs, one runs, one diverged, one is pending."""
    values = np.array([0.5, 1.0, 1.0, 1.0, 2.0, 2.0, 2.0, 2.0])
    epochs = [100, 200, 210, NAN, 300, NAN, NAN, NAN]
    seen = [100, 200, 210, 1000, 300, 440, 60, NAN]
    ends = [*["stopped"] * 3, "max_epochs", "stopped", "running", "diverged", "pending"]
    ax = plots.times_against("decay", values, {"grokked": Times.of(epochs, seen, ends)}, 1000)
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


def test_a_bar_whose_end_is_not_known_is_an_arrow():
    """Two of three got there: the upper quartile is later than the last epoch."""
    times = Times.of([100, 200, NAN, 300, 310, 320], [1000] * 6)
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


def test_a_heat_map_hatches_what_is_not_known():
    table = xr.DataArray([[1.0, NAN], [3.0, 4.0]], {"seed": [7, 8], "decay": [0.5, 1.0]})
    ax = plots.heat_map(table, "epochs", "title")
    cells = ax.collections[0].get_array()
    assert np.ma.getmaskarray(cells).ravel().tolist() == [False, True, False, False]
    written = {text.get_text(): text.get_position() for text in ax.texts}
    assert written == {"1": (0.5, 0.5), "3": (0.5, 1.5), "4": (1.5, 1.5)}
    assert ax.patch.get_hatch()
    unknown = plots.heat_map(table * NAN, "epochs")
    assert [text.get_text() for text in unknown.texts] == ["not known in any cell"]
    assert len(unknown.get_figure().axes) == 1  # no bar of colours that mean nothing
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("decay", "seed")


def test_occupancy_puts_sessions_one_after_the_other():
    rounds = pd.DataFrame(
        {
            "session": [5.0, 5.0, 900.0],
            "seconds": [60.0, 120.0, 60.0],
            "lanes": 4,
            "busy": [4, 3, 1],
            "pending": [2, 0, 0],
        }
    )
    ax = plots.occupancy(rounds)
    right = ax.get_figure().axes[-1]
    np.testing.assert_allclose(right.lines[0].get_xdata(), [1, 2, 3])
    np.testing.assert_array_equal(right.lines[0].get_ydata(), [2, 0, 0])
    assert not plots.occupancy(pd.DataFrame()).lines


READINGS = [Reading("step 2, frequency 3 (99%)", 2, 3), Reading("mixed: 1 (50%), 2 (40%)", 0, 0)]


def test_components_are_named_and_mixed_ones_marked():
    scores = np.random.default_rng(0).normal(size=(5, 4))
    fig = plots.components(scores, np.full(4, 0.25), READINGS, "member 0")
    pure, mixed = fig.axes[:2]
    assert [ax.get_title() for ax in (pure, mixed)] == [reading.text for reading in READINGS]
    assert [text.get_text() for text in pure.texts] == list("01234")
    path, dots = pure.lines
    np.testing.assert_array_equal(path.get_xdata(), scores[[0, 2, 4, 1, 3, 0], 0])
    assert len(mixed.lines) == 1
    assert dots.get_color() != mixed.lines[0].get_color()
    np.testing.assert_array_equal(mixed.lines[0].get_ydata(), scores[:, 3])
    assert not fig.axes[2].get_visible()


def test_planes_are_named():
    fig = plots.planes(np.ones((1, 7, 2)), [3], [0.987], [2], "member 0")
    assert fig.axes[0].get_title() == "frequency 3, step 2, circularity 0.987"


def test_spectra(tmp_path):
    key = np.array([False, True, False])
    ax = plots.spectrum({"embedding": np.array([0.1, 0.7, 0.2]), "output": np.ones(3) / 3}, key)
    assert [bar.get_height() for bar in ax.patches] == [0.1, 0.2, 0.7]  # key ones on top
    assert [text.get_text() for text in ax.texts] == ["2"]
    power = np.array([[1.0, 2, 3], [4, 5, 6], [NAN] * 3])
    for log_epochs, shown in ((False, 6), (True, 3)):
        drawn = plots.spectrum_over_training(power, np.array([0, 20, 40]), "", None, log_epochs)
        cells = [c.get_array().size for c in drawn.collections]
        assert cells == ([shown] if shown > 3 else [])  # of a single epoch there is no map
        assert plots.save(drawn, tmp_path / "drawn.png").exists()
    image = plots.spectrum_of_members(np.eye(3), [4, 5, 6]).images[0]
    np.testing.assert_array_equal(image.get_array(), np.eye(3))
    planted = np.zeros((4, 4))
    planted[1, 3] = 5
    drawn = plots.spectrum_2d(planted).images[0].get_array()
    assert drawn[3, 1] == 1  # upwards is the frequency in b
    counts = plots.key_counts(np.array([6, 6, 7]))
    assert [(bar.get_center()[0], bar.get_height()) for bar in counts.patches] == [(6, 2), (7, 1)]
    neurons = plots.neurons(np.array([2, 2, 0]), np.array([0.9, 0.5, NAN]), key)
    assert len(neurons.lines[0].get_ydata()) == 3


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (4.7, 5.2, {"4.8", "5"}),
        (3e-4, 0.02, {r"$\mathdefault{5{\times}10^{-4}}$", "0.001", "0.02"}),
        (1e-7, 20_000, {"1", "10,000"}),
    ],
)
def test_labels_of_log_axes_are_numbers_and_differ(low, high, expected):
    ax = plots.figure()[1]
    ax.plot([0, 1], [low, high])
    log_scale(ax, "y")
    ax.get_figure().draw_without_rendering()
    texts = [text.get_text() for text in ax.get_yticklabels() if text.get_text()]
    assert len(set(texts)) == len(texts)
    assert expected <= set(texts)


@pytest.mark.parametrize("labels", [["0.001", "0.003", "0.01", "1e+30"], ["a" * 30] * 2, ["1"] * 9])
def test_a_legend_on_a_phone_is_within_the_figure(labels):
    with plots.narrow():
        fig, ax = plots.figure(7.5, 4.6)
        for label in labels:
            ax.plot([0, 1], label=label)
        legend_below(ax)
    canvas = FigureCanvasAgg(fig)
    canvas.draw()
    box = fig.legends[0].get_window_extent(canvas.get_renderer())
    assert box.x0 >= 0
    assert box.x1 <= fig.bbox.x1
    assert ax.get_position().height * fig.get_figheight() > 1.5


def boxes(ax):
    """Extents of the texts that are seen."""
    canvas = FigureCanvasAgg(ax.get_figure())
    canvas.draw()
    renderer = canvas.get_renderer()
    return [text.get_window_extent(renderer) for text in ax.texts if text.get_visible()]


@pytest.mark.parametrize("tokens", [7, 53, 113, 300])
def test_numbers_of_tokens_do_not_overlap(tokens):
    """On a circle, and where all tokens are in a few places, as they are early in training."""
    angle = 2 * np.pi * np.arange(tokens) * 5 / tokens
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    axes = plots.figure(9, 4.5, 2)[1]
    plots.panel(axes[0], circle, "circle", step=1)
    plots.panel(axes[1], np.round(circle), "nine places")
    for ax in axes:
        found = boxes(ax)
        assert len(found) >= 7 if ax is axes[0] else len(found) >= 4
        for i, box in enumerate(found):
            assert not any(box.overlaps(other) for other in found[:i])


def test_neighbouring_key_frequencies_have_one_number():
    key = np.ones(400, bool)
    ax = plots.spectrum({"embedding": np.linspace(1, 2, 400)}, key)
    found = boxes(ax)
    assert 10 < len(found) < 100
    assert not any(box.overlaps(other) for i, box in enumerate(found) for other in found[:i])


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


def test_rows_of_members_are_named_by_their_setting():
    groups = ["decay 0"] * 2 + ["decay 1"] * 4
    ax = plots.spectrum_of_members(np.eye(6), range(6), groups=groups, name="decay")
    assert ax.get_ylabel() == "decay"
    assert [text.get_text() for text in ax.get_yticklabels()] == ["decay 0", "decay 1"]
    assert ax.get_yticks().tolist() == [0.5, 3.5]
    assert [line.get_ydata()[0] for line in ax.lines] == [1.5]


def test_colours_of_pairs_are_explained_and_components_numbered_from_one():
    scores = np.random.default_rng(0).normal(size=(5, 4))
    fig = plots.components(scores, np.full(4, 0.25), READINGS)
    texts = [text.get_text() for text in fig.legends[0].texts]
    assert len(texts) == 2
    assert fig.axes[0].get_xlabel() == "component 1 (25.0%)"
    assert fig.axes[1].get_ylabel() == "component 4 (25.0%)"


@pytest.mark.parametrize("suffix", [".png", ".pdf", ".svg"])
def test_figures_are_saved_in_every_format(suffix, history, tmp_path):
    begins = {".png": b"\x89PNG", ".pdf": b"%PDF", ".svg": b"<?xml"}
    path = plots.save(plots.curves(history), tmp_path / f"curves{suffix}")
    assert path.read_bytes().startswith(begins[suffix])


def test_figures_for_a_phone_have_one_panel_below_the_other(history):
    with plots.narrow():
        fig = plots.curves(history)
        axes = plots.figure(9, 6, 3, 2)[1]
    assert fig.get_figwidth() < 4
    fig.draw_without_rendering()
    above, below = (ax.get_position() for ax in fig.axes)
    assert above.y0 > below.y1
    assert axes.shape == (2, 3)
    assert plots.figure()[0].get_figwidth() == 7


@pytest.mark.parametrize("suffix", [".gif", ".mp4"])
def test_a_film_has_a_frame_an_epoch(tmp_path, suffix):
    from matplotlib.animation import FFMpegWriter

    scores = np.random.default_rng(0).normal(size=(3, 5, 4))
    path = tmp_path / f"film{suffix}"
    if suffix == ".mp4" and not FFMpegWriter.isAvailable():
        with pytest.raises(RuntimeError, match=r"ffmpeg is not installed; a \.gif needs none"):
            plots.animation(scores, [0, 20, 40], READINGS, path)
        return
    assert plots.animation(scores, [0, 20, 40], READINGS, path) == path
    assert path.stat().st_size > 1000
    if suffix == ".gif":
        with Image.open(path) as film:
            assert film.n_frames == 3


def test_a_film_of_another_kind_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"path: '.*film.avi' is not allowed; it must end in"):
        plots.animation(np.ones((1, 5, 2)), [0], READINGS[:1], tmp_path / "film.avi")


def test_learning_times_are_both_against_the_setting():
    train, test = Times.of([20, 40, 20, 20], 0), Times.of([40, 60, 40, 40], 0)
    found = Events(train, test, train)
    ax = plots.learning_times("decay", np.array([0, 0, 1, 1]), found, limit=60)
    memorised, grokked = (bars.lines[0].get_ydata() for bars in ax.containers)
    np.testing.assert_array_equal(memorised, [30, 20])
    np.testing.assert_array_equal(grokked, [50, 40])
    assert ax.get_ylabel() == "epoch"


def test_medians_and_what_is_beyond_the_last_look():
    curves = {
        0.3: incidence(Times.of([NAN, NAN, 80.0], 100)),
        0.5: incidence(Times.of([10.0, 20, 30], 100)),
        0.8: incidence(Times.of([5.0, 6, NAN, NAN, NAN], 200, "diverged")),
    }
    ax = plots.medians("fraction", {"add": curves}, "title", "steps")
    middle, later, never = ax.lines
    np.testing.assert_array_equal(middle.get_ydata(), [NAN, 20, NAN])
    assert (later.get_xdata()[0], later.get_marker()) == (0.3, "^")
    assert (never.get_xdata()[0], never.get_marker()) == (0.8, "x")
    assert later.get_ydata()[0] > 100
    assert [text.get_text() for text in ax.texts] == ["1/3", "2/5"]
    assert (ax.get_yscale(), ax.get_ylabel()) == ("log", "steps")
    assert not ax.get_figure().legends
    assert plots.medians("fraction", {"a": curves, "b": curves}).get_figure().legends


def test_a_phase_diagram_has_a_stripe_a_seed():
    codes = np.array([[[0, 1], [2, 2]], [[1, 1], [0, -1]], [[2, 0], [1, 2]]])  # [Y, X, S]
    axis = ("fraction", np.array([0.1, 0.9])), ("noise", np.array([0.1, 0.5, 0.9]))
    ax = plots.phase_diagram(codes, ("a", "b", "c"), *axis)
    image = ax.collections[0]
    shown = image.get_array()
    np.testing.assert_array_equal(shown.filled(-1), codes.reshape(3, 4))
    assert shown.mask[1, 3]
    faces = image.cmap(image.norm(np.arange(3)))
    assert len({tuple(face) for face in faces}) == 3
    assert ax.get_xlabel() == "fraction"
    assert [label.get_text() for label in ax.get_yticklabels()] == ["0.1", "0.5", "0.9"]
