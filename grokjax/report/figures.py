"""Sections of the page, and their figures: for a screen, for a phone, and as files."""

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
"""Of files in which figures can be saved."""

DPI = 125

COLORS = 128
"""Of a picture: figures have few, and a third of the bytes without the others."""


@dataclass(frozen=True)
class Picture:
    """A figure of the page.

    draw: makes it, at the width in force (see `plots.narrow`). name: of its file. alt: what
    it shows. caption: what must be known to read it.
    """

    draw: Callable[[], Figure | Axes]
    name: str
    alt: str
    caption: str

    def rendered(self) -> dict[str, Any]:
        """The figure as data URIs for wide and for narrow screens, with sizes in pixels."""
        wide = _png(self.draw)
        with narrow():
            phone = _png(self.draw)
        texts = {"name": self.name, "alt": self.alt, "caption": self.caption}
        return texts | wide | {f"narrow_{key}": value for key, value in phone.items()}


@dataclass
class Section:
    """A heading, some words and figures."""

    id: str
    title: str
    text: str
    pictures: list[Picture] = field(default_factory=list)

    def add(self, draw: Callable[[], Figure | Axes], alt: str, caption: str = "") -> None:
        """Adds a figure; its file is named after the section and its place in it."""
        name = f"{self.id}-{len(self.pictures) + 1}"
        self.pictures.append(Picture(draw, name, alt, caption))

    def rendered(self) -> dict[str, Any]:
        """The section as the template takes it."""
        figures = [picture.rendered() for picture in self.pictures]
        return {"id": self.id, "title": self.title, "text": self.text, "figures": figures}


def save_all(sections: list[Section], folder: Path, suffix: str) -> list[Path]:
    """Saves every figure of these sections in a folder, in one of `FORMATS`."""
    pictures = [picture for section in sections for picture in section.pictures]
    return [save(each.draw(), folder / f"{each.name}.{suffix}") for each in pictures]


@styled
def _png(draw: Callable[[], Figure | Axes]) -> dict[str, Any]:
    fig, buffer, small = figure_of(draw()), io.BytesIO(), io.BytesIO()
    fig.savefig(buffer, format="png", dpi=DPI)
    image = Image.open(buffer).convert("RGB")
    # The usual method would take the colour of a short line, as in a legend, for another.
    method, dither = Image.Quantize.MAXCOVERAGE, Image.Dither.NONE
    image = image.quantize(COLORS, method=method, dither=dither)
    image.save(small, format="png", optimize=True)
    width, height = (round(float(size * 100)) for size in fig.get_size_inches())
    data = base64.b64encode(small.getvalue()).decode()
    return {"src": f"data:image/png;base64,{data}", "width": width, "height": height}
