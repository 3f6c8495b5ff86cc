"""Sections of the page and their figures, drawn for screens, for phones and as files."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from grokjax.plots.style import figure_of, narrow, save, styled

FORMATS = ("pdf", "svg", "png")
"""Formats in which figures can be saved as files."""

DPI = 125

COLORS = 128
"""Colours of a PNG: figures have few, and the limit makes the file a third as large."""


@dataclass(frozen=True)
class PageFigure:
    """A figure of the page.

    draw: makes the figure, at the width in force (see `plots.narrow`).
    name: of its file. alt: says what it shows. caption: says how to read it.
    """

    draw: Callable[[], Figure | Axes]
    name: str
    alt: str
    caption: str

    def render(self) -> dict[str, Any]:
        """Draw the figure for wide and for narrow screens: data URIs, and sizes in pixels."""
        wide = _png(self.draw)
        with narrow():
            phone = _png(self.draw)
        texts = {"name": self.name, "alt": self.alt, "caption": self.caption}
        return texts | wide | {f"narrow_{key}": value for key, value in phone.items()}


@dataclass(frozen=True)
class PageTable:
    """A table of the page: what it shows, the columns' names, and texts by row."""

    caption: str
    columns: list[str]
    rows: list[list[str]]


@dataclass
class Section:
    """A heading, a text, figures, tables; `omitted` names figures that the run has no data for."""

    id: str
    title: str
    text: str
    figures: list[PageFigure] = field(default_factory=list)
    tables: list[PageTable] = field(default_factory=list)
    omitted: list[str] = field(default_factory=list)

    def add(self, draw: Callable[[], Figure | Axes], alt: str, caption: str = "") -> None:
        """Add a figure; its file is named after the section and its position in it."""
        name = f"{self.id}-{len(self.figures) + 1}"
        self.figures.append(PageFigure(draw, name, alt, caption))

    def render(self) -> dict[str, Any]:
        """Draw the section's figures, for the template."""
        text, figures = self.text, [figure.render() for figure in self.figures]
        if self.omitted:
            text += f" Left out, as the run has no data for it: {', '.join(self.omitted)}."
        found = {"id": self.id, "title": self.title, "text": text.strip()}
        return found | {"figures": figures, "tables": self.tables}


def save_figures(sections: list[Section], folder: Path, suffix: str) -> list[Path]:
    """Save every figure of these sections in a folder, in one of `FORMATS`."""
    figures = [figure for section in sections for figure in section.figures]
    return [save(each.draw(), folder / f"{each.name}.{suffix}") for each in figures]


@styled
def _png(draw: Callable[[], Figure | Axes]) -> dict[str, Any]:
    fig, large, small = figure_of(draw()), io.BytesIO(), io.BytesIO()
    fig.savefig(large, format="png", dpi=DPI)
    image = Image.open(large).convert("RGB")
    # The default method would replace the colour of a short line, as in a legend, by another.
    method, dither = Image.Quantize.MAXCOVERAGE, Image.Dither.NONE
    image = image.quantize(COLORS, method=method, dither=dither)
    image.save(small, format="png", optimize=True)
    width, height = (round(float(size * 100)) for size in fig.get_size_inches())
    data = base64.b64encode(small.getvalue()).decode()
    return {"src": f"data:image/png;base64,{data}", "width": width, "height": height}
