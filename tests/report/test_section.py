"""Figures for screens, for phones and as files."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

import grokjax
from grokjax import plots, report
from grokjax.cli.main import main
from grokjax.report.section import Section
from tests.report.pages import Page


def test_every_figure_has_a_version_for_phones(finished_page):
    sources, images = finished_page.all("source"), finished_page.all("img")
    assert len(sources) == len(images) > 10
    for source, image in zip(sources, images, strict=True):
        assert source["srcset"].startswith("data:image/png")
        assert "max-width" in source["media"]
        assert int(source["width"]) < 400 < int(image["width"])


def test_small_figures_keep_the_colour_of_a_short_line():
    """A gradient beside it must not take up the whole palette."""

    def draw():
        fig, ax = plots.figure()
        ax.imshow(np.arange(10_000.0).reshape(100, 100))
        ax.plot([5, 8], [50, 50], color="#ff0000", linewidth=4)
        return fig

    section = Section("colours", "", "")
    section.add(draw, "a line")
    source = section.render()["figures"][0]["src"]
    image = Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))).convert("RGB")
    away = np.abs(np.asarray(image).astype(int) - [255, 0, 0]).max(axis=-1)
    assert np.sum(away < 12) > 20


def test_every_figure_can_be_saved(finished, finished_page, tmp_path, capsys):
    assert "report " in finished_page.text
    assert "--figures pdf" in finished_page.text
    out = tmp_path / "page.html"
    assert main(["report", str(finished.directory), "--out", str(out), "--figures", "svg"]) == 0
    found = sorted((tmp_path / "figures").glob("*.svg"))
    assert len(found) == len(Page(out.read_text()).all("img"))
    assert all(path.read_text().startswith("<?xml") for path in found)
    with pytest.raises(grokjax.ConfigError, match="must be one of pdf, svg, png, got 'gif'"):
        report.write(finished.directory, tmp_path / "other.html", figures="gif")
    assert not (tmp_path / "other.html").exists()
    assert "figures" in capsys.readouterr().out
