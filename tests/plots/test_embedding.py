"""The embedding in planes, and its animation."""

import numpy as np
import pytest
from PIL import Image

from grokjax import plots
from grokjax.analysis.circles import Reading
from tests.plots.helpers import visible_boxes

READINGS = [Reading("step 2, frequency 3 (99%)", 2, 3), Reading("mixed: 1 (50%), 2 (40%)", 0, 0)]


def test_components_are_titled_and_mixed_ones_coloured():
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


def test_a_legend_explains_the_colours_of_pairs():
    scores = np.random.default_rng(0).normal(size=(5, 4))
    fig = plots.components(scores, np.full(4, 0.25), READINGS)
    texts = [text.get_text() for text in fig.legends[0].texts]
    assert len(texts) == 2
    assert fig.axes[0].get_xlabel() == "component 1 (25.0%)"
    assert fig.axes[1].get_ylabel() == "component 4 (25.0%)"


def test_planes_are_titled():
    fig = plots.planes(np.ones((1, 7, 2)), [3], [0.987], [2], "member 0")
    assert fig.axes[0].get_title() == "frequency 3, step 2, circularity 0.987"


@pytest.mark.parametrize("tokens", [7, 53, 113, 300])
def test_numbers_of_tokens_do_not_overlap(tokens):
    """On a circle, and where all tokens are in a few places, as they are early in training."""
    angle = 2 * np.pi * np.arange(tokens) * 5 / tokens
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    axes = plots.figure(9, 4.5, 2)[1]
    plots.panel(axes[0], circle, "circle", step=1)
    plots.panel(axes[1], np.round(circle), "nine places")
    for ax in axes:
        found = visible_boxes(ax)
        assert len(found) >= 7 if ax is axes[0] else len(found) >= 4
        for i, box in enumerate(found):
            assert not any(box.overlaps(other) for other in found[:i])


@pytest.mark.parametrize("suffix", [".gif", ".mp4"])
def test_an_animation_has_a_frame_for_each_epoch(tmp_path, suffix):
    from matplotlib.animation import FFMpegWriter

    scores = np.random.default_rng(0).normal(size=(3, 5, 4))
    path = tmp_path / f"animation{suffix}"
    if suffix == ".mp4" and not FFMpegWriter.isAvailable():
        with pytest.raises(RuntimeError, match="needs ffmpeg, which is not installed"):
            plots.animation(scores, [0, 20, 40], READINGS, path)
        return
    assert plots.animation(scores, [0, 20, 40], READINGS, path) == path
    assert path.stat().st_size > 1000
    if suffix == ".gif":
        with Image.open(path) as animation:
            assert animation.n_frames == 3


def test_an_animation_of_another_format_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"path must end in .gif or .mp4, got '.*animation.avi'"):
        plots.animation(np.ones((1, 5, 2)), [0], READINGS[:1], tmp_path / "animation.avi")


def test_tokens_in_the_order_of_their_group():
    """Row j is the j-th power of 2 mod 5; frequency 2 of 4 has no circle, but two signs."""
    points = np.array([[[1, 0], [0, 1], [-1, 0], [0, -1]], [[1, 0], [-1, 0], [1, 0], [-1, 0]]])
    rates, tokens = [1.0, np.nan], [1, 2, 4, 3]
    fig = plots.planes(points, np.array([1, 2]), np.array(rates), np.array([1, 0]), "", tokens)
    circle, line = fig.axes[:2]
    assert [text.get_text() for text in circle.texts] == ["1", "2", "4", "3"]
    assert circle.get_title() == "frequency 1, step 1, circularity 1.000"
    assert line.get_title() == "frequency 2, a line"
