"""How a figure shows a sweep: one setting as colours, combinations of the others as panels.

Only seeds are pooled: every line is one `grokjax.results.seed_groups.SeedGroup`.
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

from grokjax.config import labels
from grokjax.plots.decorations import add_legend_below
from grokjax.plots.overlay import RunStyle
from grokjax.plots.style import CATEGORIES
from grokjax.results.seed_groups import SeedGroup, describe_sweep, seed_groups, swept_settings

MAX_LISTED = 8
"""Number of values up to which a legend lists each; more values have a colour bar."""

MAX_PANELS = 6
"""Largest number of panels; of more combinations the figure shows some, evenly spaced."""


@dataclass(frozen=True)
class Panel:
    """The seed groups on one axes, and the settings that they share as a title."""

    title: str
    groups: list[SeedGroup]


@dataclass(frozen=True)
class SweepPanels:
    """Colours and panels of a sweep.

    color_setting: the swept setting shown as colours; None if there is none.
    tied_settings: other settings that have one value for each of its values, as in `Sweep.zip`.
    values: of `color_setting`, ascending.
    panels: those that are shown, of `combinations` combinations of the remaining settings.
    run: how a run is drawn beside others; all its groups then have one colour, on one panel.
    """

    color_setting: str | None
    tied_settings: tuple[str, ...]
    values: list[Any]
    panels: list[Panel]
    combinations: int
    run: RunStyle | None = None

    @property
    def note(self) -> str:
        """A sentence that says how many combinations are shown; empty if all are."""
        if len(self.panels) == self.combinations:
            return ""
        return f"{len(self.panels)} of {self.combinations} combinations are shown, evenly spaced."

    @property
    def is_listed(self) -> bool:
        """Whether a legend lists every value, since there are few; many have a colour bar."""
        return len(self.values) <= MAX_LISTED

    @property
    def is_by_kind(self) -> bool:
        """Whether colours tell splits or layers apart, since they show no setting and no run."""
        return self.color_setting is None and self.run is None

    def run_label(self, group: SeedGroup, panel: Panel) -> str:
        """Label of the run, for the first group of a panel alone, so that a legend has it once."""
        first = self.run is not None and group is panel.groups[0]
        return (self.run.label if first and self.run else "") or "_nolegend_"

    def color(self, group: SeedGroup) -> Any:
        """Colour of a group."""
        if self.run is not None:
            return self.run.color
        if self.color_setting is None:
            return CATEGORIES[0]
        return _palette(self.values)[self.values.index(group.settings[self.color_setting])]

    def label(self, group: SeedGroup) -> str:
        """The group's value of the colour setting, with the values tied to it."""
        if self.color_setting is None:
            return ""
        tied = [labels.setting_and_value(n, group.settings[n]) for n in self.tied_settings]
        own = labels.value(self.color_setting, group.settings[self.color_setting])
        return ", ".join([own, *tied])

    def add_color_key(self, fig: Figure) -> None:
        """Explain the colours by a legend below the figure, or by a bar for many values."""
        if self.color_setting is None:
            return
        setting = labels.setting(self.color_setting)
        if not self.is_listed:
            self._add_color_bar(fig, self.color_setting, setting)
            return
        groups = [group for panel in self.panels for group in panel.groups]
        colors = {self.label(group): self.color(group) for group in groups}
        lines = [Line2D([], [], color=color, label=label) for label, color in colors.items()]
        add_legend_below(fig, lines, setting)

    def _add_color_bar(self, fig: Figure, name: str, label: str) -> None:
        count, colors = len(self.values), ListedColormap(_palette(self.values))
        image = ScalarMappable(BoundaryNorm(np.arange(count + 1) - 0.5, count), colors)
        ticks = np.unique(np.linspace(0, count - 1, min(count, 9)).round().astype(int))
        bar = fig.colorbar(image, ax=fig.axes, label=label, ticks=ticks)
        bar.ax.set_yticklabels([labels.value(name, self.values[i]) for i in ticks])
        bar.ax.minorticks_off()


def arrange_sweep(
    history: Any, max_panels: int = MAX_PANELS, run: RunStyle | None = None
) -> SweepPanels:
    """Choose the colour setting and the panels for a history such as `Run.history`.

    The setting with the most values becomes the colours, the first one if several have as many.
    """
    groups, names = seed_groups(history), swept_settings(history)
    if run is not None:
        return SweepPanels(None, (), [], [Panel("", groups)] if groups else [], 1, run)
    values = {name: sorted({group.settings[name] for group in groups}) for name in names}
    # Text has no order to colour: a text setting of many values becomes panels.
    colorable = [
        n for n in names if len(values[n]) <= MAX_LISTED or not isinstance(values[n][0], str)
    ]
    chosen = max(colorable, key=lambda name: len(values[name]), default=None)
    others = [name for name in names if name != chosen]
    tied = tuple(name for name in others if chosen and _is_tied(groups, chosen, name))
    by_title: dict[str, list[SeedGroup]] = {}
    for group in groups:
        own = [name for name in others if name not in tied]
        title = ", ".join(labels.setting_and_value(n, group.settings[n]) for n in own)
        by_title.setdefault(title, []).append(group)
    titles, count = list(by_title), min(len(by_title), max_panels)
    shown = np.linspace(0, len(titles) - 1, count).round().astype(int).tolist()
    panels = [Panel(titles[i], by_title[titles[i]]) for i in shown]
    return SweepPanels(chosen, tied, values[chosen] if chosen else [], panels, len(titles))


def _is_tied(groups: list[SeedGroup], setting: str, other: str) -> bool:
    """Whether every value of `setting` comes with exactly one value of `other`."""
    combinations = {(group.settings[setting], group.settings[other]) for group in groups}
    return len(combinations) == len({value for value, _ in combinations})


def _palette(values: list[Any]) -> list[Any]:
    """A colour for each value: dark to light for numbers, distinct colours for text."""
    if values and isinstance(values[0], str | bool):
        return [CATEGORIES[i % len(CATEGORIES)] for i in range(len(values))]
    return [tuple(c) for c in colormaps["viridis"](np.linspace(0, 0.88, len(values)))]


def sweep_title(history: Any) -> str:
    """Title of a figure of all members: the task and what is swept."""
    return ": ".join(filter(None, [history.attrs.get("task", ""), describe_sweep(history)]))
