"""Progress measures against epochs (Nanda et al. 2023, Fig. 7), with the phases shaded.

Medians and quartiles are over seeds; every other swept setting has panels or colours of its own.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from grokjax.analysis.learning_phases import PHASES, PhaseEnds, phase_ends
from grokjax.config import labels
from grokjax.plots.decorations import add_heading, add_legend_below, share_limits, use_log_scale
from grokjax.plots.epoch_lines import draw_line, label_axes, loss_label
from grokjax.plots.overlay import DASHES, RunStyle, add_run_legend, panels_of, run_style
from grokjax.plots.style import GREEN, GREY, ORANGE, PURPLE, SKY, TEST, TRAIN, figure, styled
from grokjax.plots.sweep_panels import MAX_PANELS, sweep_title
from grokjax.results.seed_groups import SeedGroup, seed_groups
from grokjax.runtime.arguments import history_like, takes

CURVES: tuple[tuple[str, str, Any], ...] = (
    ("train", TRAIN, "--"),
    ("test", TEST, "-"),
    ("restricted, all pairs", GREEN, "-"),
    ("excluded, train", PURPLE, "-"),
)
RUN_DASHES = ("--", "-", ":", "-.")
"""Dashes of these curves, where a run has one colour for all of them."""
SHADES = (SKY, ORANGE, GREY)
"""Colours of the phases."""


@styled
@takes(history=history_like)
def progress_losses(
    history: Any,
    title: str = "",
    log_epochs: bool = False,
    label: str = "",
    color: Any = None,
    fig: Figure | None = None,
) -> Figure:
    """Draw train, test, restricted and excluded loss against epochs, with the phases shaded.

    A phase ends at the median over seeds (see `analysis.learning_phases`); it is not shaded where
    fewer than half of them have got to its end.

    Args:
      history: such as `Run.history`, with `restricted_loss` and `excluded_loss`.
      title: replaces the task and what is swept.
      log_epochs: whether the axis of epochs is logarithmic.
      label: of the run, if the figure has several; its lines then have one colour, all groups are
        on one panel, and no phases are shaded.
      color: that colour; None: the next one.
      fig: the figure that this function made for another run, to draw on its axes.

    Returns:
      The figure: a panel for each combination of swept settings, at most six of them.
    """
    groups, axes = seed_groups(history), panels_of(fig, 1, "progress_losses")
    if run := run_style(label, color, axes[0] if axes else None):
        fig, ax = (fig, axes[0]) if axes and fig else figure(7.5, 4.6)
        for group in groups:
            _draw_losses(ax, history, group, log_epochs, run)
            run = RunStyle("", run.color)  # a legend has the label once
        ax.set_title("")
        add_run_legend(ax, [name for name, _, _ in CURVES], RUN_DASHES)
        if axes is None:
            note = "Medians over seeds, bands: quartiles of the test loss."
            add_heading(fig, title or history.attrs.get("task", ""), note)
        return fig
    chosen = np.linspace(0, len(groups) - 1, min(len(groups), MAX_PANELS)).round().astype(int)
    columns = min(2, len(chosen))
    rows = -(-len(chosen) // columns)
    fig, grid = figure(9.5 if columns > 1 else 7.5, 1.6 + 3 * rows, columns, rows, squeeze=False)
    for ax in grid.ravel()[len(chosen) :]:
        ax.remove()
    axes = grid.ravel()[: len(chosen)].tolist()
    for ax, i in zip(axes, chosen, strict=True):
        _draw_losses(ax, history, groups[i], log_epochs)
    share_limits(axes)
    for ax, i in zip(axes, chosen, strict=True):
        _shade(ax, _ends(history, groups[i]), log_epochs)
    lines = [Line2D([], [], color=c, linestyle=dashes, label=n) for n, c, dashes in CURVES]
    shades = [Patch(color=c, alpha=0.2, label=n) for n, c in zip(PHASES, SHADES, strict=True)]
    add_legend_below(fig, [*lines, *shades])
    note = "Medians over seeds, bands: quartiles; shaded: phases, by the medians of their ends."
    if len(chosen) < len(groups):
        note += f" {len(chosen)} of {len(groups)} combinations are shown, evenly spaced."
    add_heading(fig, title or sweep_title(history), note)
    return fig


@styled
@takes(history=history_like)
def progress_structure(
    history: Any,
    title: str = "",
    log_epochs: bool = False,
    label: str = "",
    color: Any = None,
    fig: Figure | None = None,
) -> Figure:
    """Draw how the structure develops: explained variance, Gini coefficients, sum of squares.

    Args:
      history: such as `Run.history` of members that differ only in their seeds, with `logit_fve`,
        `component_gini` and `parameter_squares`.
      title: replaces the task and what is swept.
      log_epochs: whether the axis of epochs is logarithmic.
      label, color, fig: of one of several runs, as for `progress_losses`.

    Raises ValueError if other settings than seeds differ.
    """
    groups = seed_groups(history)
    if len(groups) != 1:
        raise ValueError("progress_structure: members differ in more than seeds; select some")
    names = {"embedding": "W_E", "output": "W_L"}
    ginis = {names[str(n)]: history.component_gini.sel(table=n).values for n in names}
    squares = history.parameter_squares.sum("parameter", skipna=False)  # NaN once a member stopped
    panels: list[tuple[str, dict[str, np.ndarray]]] = [
        ("logits explained by key frequencies", {"": history.logit_fve.values}),
        ("Gini of Fourier components", ginis),
        ("sum of squared weights", {"": squares.values}),
    ]
    drawn_on = panels_of(fig, len(panels), "progress_structure")
    run = run_style(label, color, drawn_on[0] if drawn_on else None)
    if drawn_on is None or fig is None:
        fig, axes = figure(10.5, 3.9, len(panels))
    else:
        axes = np.array(drawn_on)
    ends = _ends(history, groups[0])
    for ax, (what, curves) in zip(np.ravel(axes), panels, strict=True):
        for i, (name, values) in enumerate(curves.items()):
            style: dict[str, Any] = {"color": (GREEN, PURPLE)[i], "label": name}
            if run is not None:
                style = {"color": run.color, "linestyle": DASHES[i]}
                style["label"] = run.label if i == 0 and run.label else "_nolegend_"
            draw_line(ax, history, values, log_epochs, **style)
        label_axes(ax, history, log_epochs, what)
        ax.set_ylim(0, None)
        if run is not None:
            add_run_legend(ax, [*curves] if len(curves) > 1 else ())
            continue
        if "W_E" in curves:
            ax.legend(loc="best")
        _shade(ax, ends, log_epochs)
    if run is not None:
        if drawn_on is None:
            add_heading(fig, title or history.attrs.get("task", ""), "Medians, bands: quartiles.")
        return fig
    shades = [Patch(color=c, alpha=0.2, label=n) for n, c in zip(PHASES, SHADES, strict=True)]
    add_legend_below(fig, shades)
    add_heading(fig, title or sweep_title(history), "Medians over seeds, bands: quartiles.")
    return fig


def _draw_losses(
    ax: Axes, history: Any, group: SeedGroup, log_epochs: bool, run: RunStyle | None = None
) -> None:
    """Draw the four losses of one seed group, for one of several runs in its colour."""
    values = (
        history.train_loss,
        history.test_loss,
        history.restricted_loss.sel(subset="all"),
        history.excluded_loss.sel(subset="train"),
    )
    for i, (loss, (name, color, dashes)) in enumerate(zip(values, CURVES, strict=True)):
        style: dict[str, Any] = {"linestyle": dashes}
        if run is not None:
            named = name == "test" and run.label
            style = {"linestyle": RUN_DASHES[i], "label": run.label if named else "_nolegend_"}
        own, banded = color if run is None else run.color, run is None or name == "test"
        draw_line(ax, history, loss.values[group.rows], log_epochs, own, banded, **style)
    use_log_scale(ax, "y")
    label_axes(ax, history, log_epochs, loss_label(history, [group]))
    ax.set_title(", ".join(labels.setting_and_value(*item) for item in group.settings.items()))


def _ends(history: Any, group: SeedGroup) -> PhaseEnds:
    """Return the median end of each phase over the seeds of a group; NaN if most lack it."""
    excluded = history.excluded_loss.sel(subset="train").values[group.rows]
    ends = phase_ends(history.epoch.values, history.test_loss.values[group.rows], excluded)
    # A member that has not got there counts as later than all that have.
    medians = [float(np.median(np.where(np.isnan(end), np.inf, end))) for end in ends]
    return PhaseEnds(*(np.array(m if np.isfinite(m) else np.nan) for m in medians))


def _shade(ax: Axes, ends: PhaseEnds, log_epochs: bool) -> None:
    """Shade the phases behind the lines; the axis of epochs keeps its limits."""
    limits = ax.get_xlim()
    begin = limits[0] if log_epochs else 0.0
    for end, color in zip(map(float, ends), SHADES, strict=True):
        if np.isfinite(end) and end > begin:
            ax.axvspan(begin, end, color=color, alpha=0.2, linewidth=0, zorder=0)
            begin = end
    ax.set_xlim(limits)
