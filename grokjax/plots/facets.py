"""How a sweep is laid out in a figure: one axis in colours, the others in panels.

Nothing is pooled but seeds: every line is one `grokjax.cells.Cell`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.cm import ScalarMappable
from matplotlib.colors import BoundaryNorm, ListedColormap
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from grokjax import labels
from grokjax.cells import Cell, axes, cells
from grokjax.plots.style import CATEGORIES, legend_below

LISTED = 8
"""Values up to which a legend lists each; more of them have a colour bar."""

PANELS = 6
"""Panels that a figure has at most; of more combinations it shows some, evenly spaced."""


@dataclass(frozen=True)
class Panel:
    """The cells that share one axes. title: the settings that only this panel has."""

    title: str
    cells: list[Cell]


@dataclass(frozen=True)
class Facets:
    """The layout of a sweep.

    axis: the swept setting whose values are colours; None if there is none.
    tied: other axes that have one value for each of its values, as in `Sweep.zip`.
    values: of the axis, ascending. panels: those shown, of so many `combinations`
    of the other axes.
    """

    axis: str | None
    tied: tuple[str, ...]
    values: list[Any]
    panels: list[Panel]
    combinations: int

    @classmethod
    def of(cls, history: Any, most: int = PANELS) -> Facets:
        """The layout of a history's sweep, with at most so many panels."""
        found, names = cells(history), axes(history)
        values = {name: sorted({cell.settings[name] for cell in found}) for name in names}
        # Text has no order to colour: many names are panels.
        can = [n for n in names if len(values[n]) <= LISTED or not isinstance(values[n][0], str)]
        axis = max(can, key=lambda name: len(values[name]), default=None)  # the first of equals
        others = [name for name in names if name != axis]
        tied = tuple(n for n in others if axis and _tied(found, axis, n))
        groups: dict[str, list[Cell]] = {}
        for cell in found:
            apart = [n for n in others if n not in tied]
            title = ", ".join(labels.setting_and_value(n, cell.settings[n]) for n in apart)
            groups.setdefault(title, []).append(cell)
        titles, count = list(groups), min(len(groups), most)
        kept = np.linspace(0, len(titles) - 1, count).round().astype(int).tolist()
        panels = [Panel(titles[i], groups[titles[i]]) for i in kept]
        return cls(axis, tied, values[axis] if axis else [], panels, len(titles))

    @property
    def note(self) -> str:
        """Which combinations are not shown, as a sentence; empty if all are."""
        if len(self.panels) == self.combinations:
            return ""
        return f"{len(self.panels)} of {self.combinations} combinations are shown, evenly spaced."

    def color(self, cell: Cell) -> Any:
        """The colour of a cell's value."""
        if self.axis is None:
            return CATEGORIES[0]
        return palette(self.values)[self.values.index(cell.settings[self.axis])]

    def name(self, cell: Cell) -> str:
        """The value of a cell on the axis, and on those tied to it."""
        if self.axis is None:
            return ""
        tied = [labels.setting_and_value(name, cell.settings[name]) for name in self.tied]
        return ", ".join([labels.value(self.axis, cell.settings[self.axis]), *tied])

    def key(self, fig: Figure) -> None:
        """Says what the colours of a figure are: a legend below, or a bar for many values."""
        if self.axis is None:
            return
        if len(self.values) > LISTED:
            self._bar(fig)
            return
        names = {self.name(cell): self.color(cell) for panel in self.panels for cell in panel.cells}
        lines = [Line2D([], [], color=color, label=name) for name, color in names.items()]
        legend_below(fig, lines, labels.setting(self.axis))

    def _bar(self, fig: Figure) -> None:
        count, colors = len(self.values), ListedColormap(palette(self.values))
        image = ScalarMappable(BoundaryNorm(np.arange(count + 1) - 0.5, count), colors)
        marks = np.unique(np.linspace(0, count - 1, min(count, 9)).round().astype(int))
        bar = fig.colorbar(image, ax=fig.axes, label=labels.setting(str(self.axis)), ticks=marks)
        bar.ax.set_yticklabels([labels.value(str(self.axis), self.values[i]) for i in marks])
        bar.ax.minorticks_off()


def _tied(found: list[Cell], axis: str, other: str) -> bool:
    """Whether every value of an axis comes with one value of the other."""
    pairs = {(cell.settings[axis], cell.settings[other]) for cell in found}
    return len(pairs) == len({value for value, _ in pairs})


def palette(values: list[Any]) -> list[Any]:
    """A colour for each value: from dark to light for numbers, apart for text."""
    if values and isinstance(values[0], str | bool):
        return [CATEGORIES[i % len(CATEGORIES)] for i in range(len(values))]
    return [tuple(c) for c in colormaps["viridis"](np.linspace(0, 0.88, len(values)))]
