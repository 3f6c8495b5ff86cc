"""The page that compares several runs: `grokjax compare A B`."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from grokjax import plots
from grokjax.analysis.comparison import comparison_texts
from grokjax.analysis.incidence import incidence
from grokjax.analysis.run_comparison import compare_runs
from grokjax.analysis.times import Events, Times, definitions, events
from grokjax.config import labels
from grokjax.errors import ConfigError, invalid
from grokjax.plots.decorations import add_heading, add_legend_below
from grokjax.plots.style import styled
from grokjax.plots.training_curves import SPLITS
from grokjax.report.section import FORMATS, PageTable, Section, save_figures
from grokjax.report.summary import table_by_setting
from grokjax.report.template import render
from grokjax.results.runs import Runs
from grokjax.results.seed_groups import SeedGroup, seed_groups
from grokjax.runtime import paths
from grokjax.storage.files import atomic_write

MOST_VALUES = 6
"""Values of a setting that a table lists."""

MOST_CURVES = 8
"""Curves of shares that a figure has; where settings make more, each run has one."""


def compare(
    runs: Runs,
    out: str | Path,
    print_step: Callable[[str], None] = lambda _: None,
    figures: str | None = None,
) -> list[PageTable]:
    """Write a page that compares several runs, and a figure beside it.

    Args:
      runs: at least two, such as `grokjax.concat(["runs/a", "runs/b"])`.
      out: the page, whose name ends in .html; the figure is a PNG of the same name. Files that
        exist are replaced.
      print_step: is called with a line on each step.
      figures: `pdf`, `svg` or `png` to also save every figure of the page in this format, in the
        folder `figures` beside it.

    Returns:
      The tables of the page: results by run and setting, settings that differ, and tests.

    Raises ConfigError for one run alone, or files that cannot be written, which is checked first.
    """
    if len(runs.runs) < 2:
        raise ConfigError("compare: needs at least two runs; for one see grokjax report")
    path = paths.parse_path("out", out)
    if path.suffix != ".html":
        raise invalid("out", str(out), "must end in .html")
    if figures not in (None, *FORMATS):
        raise invalid("figures", figures, f"must be one of {', '.join(FORMATS)}")
    picture = path.with_suffix(".png")
    for each in (path, picture):
        paths.require_writable("out", each, "name another file by out (--out)")
    print_step(f"reading {len(runs)} members of {len(runs.runs)} runs ...")
    found = events(runs)
    tables = [results_table(runs, found), settings_table(runs), *tests_table(runs, found)]
    sections = _sections(runs, found, tables)
    print_step("drawing ...")
    text = render(
        "comparison.html",
        title=f"grokjax: {', '.join(runs.runs)}",
        subtitle=f"{len(runs.runs)} runs of {runs.history.attrs['task']}",
        written=time.strftime("%Y-%m-%d %H:%M"),
        directories=[(label, str(run.directory)) for label, run in runs.runs.items()],
        sections=[section.render() for section in sections],
    )
    path.absolute().parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(path.absolute()) as temporary:
        temporary.write_text(text, encoding="utf-8", errors="backslashreplace")
    plots.save(draw_comparison(runs, found.grokked), picture)
    if figures is not None:
        save_figures(sections, path.parent / "figures", figures)
    return tables


def results_table(runs: Runs, found: Events) -> PageTable:
    """Return how many members of each run memorised and grokked, and when."""
    table, order = table_by_setting(runs, found, []), list(runs.runs)
    rows = sorted(table["rows"], key=lambda row: order.index(row[0]))
    return PageTable(table["text"], table["columns"], rows)


def settings_table(runs: Runs) -> PageTable:
    """Return the settings that differ between the runs, with the values that each has."""
    parts, rows = runs.parts(), []
    for name in dict.fromkeys(name for config in runs.sweep for name in config.values):
        values = {
            label: list(dict.fromkeys(run.sweep[m].values.get(name) for m in run.members.index))
            for label, run in parts.items()
        }
        if len({frozenset(own) for own in values.values()}) > 1:
            rows.append([labels.setting(name), *(_listed(name, v) for v in values.values())])
    caption = "Settings that differ between the runs." if rows else "The runs have equal settings."
    return PageTable(caption, ["setting", *parts], rows)


def _listed(name: str, values: list[Any]) -> str:
    texts = [labels.value(name, value) for value in values[:MOST_VALUES]]
    if len(values) > MOST_VALUES:
        texts.append(f"... ({len(values)} values)")
    return ", ".join(texts)


def tests_table(runs: Runs, found: Events) -> list[PageTable]:
    """Return the comparison of times to grok between runs; nothing if no member has grokked."""
    if not np.isfinite(found.grokked.epochs).any():
        return []
    table = compare_runs(runs)
    texts, names = comparison_texts(table), list(table.index.names)
    rows = []
    for key, cells in zip(table.index, texts.to_numpy().tolist(), strict=True):
        values = key if len(names) > 1 else (key,)
        rows.append([*map(labels.value, names, values), *cells])
    caption = (
        "Epochs to grok: the median with its 95% band, its ratio to that of the first run (95% of "
        "2,000 draws of seeds), and the p of a log-rank test against it, alone and adjusted for "
        "all rows (Holm). Members that diverged count as never grokking."
    )
    return [PageTable(caption, [*map(labels.setting, names), *texts.columns], rows)]


def _sections(runs: Runs, found: Events, tables: list[PageTable]) -> list[Section]:
    """Return the sections of the page."""
    history, rules = runs.history, definitions(runs.config)
    first = Section("runs", "Runs", "", tables=tables)
    first.add(
        lambda: draw_comparison(runs, found.grokked),
        "Accuracy against epochs, and the share of members that had grokked, a colour for each run",
        rules if len({definitions(run.config) for run in runs.runs.values()}) == 1 else "",
    )
    second = Section("learning", "Learning", "")
    second.add(
        lambda: plots.curves(history, log_epochs=True), "Accuracy and loss of each run by epoch"
    )
    named = {"memorised": found.memorised, "grokked": found.grokked}
    second.add(
        lambda: plots.incidences(history, named),
        "Share of members that had memorised and grokked, against epochs",
    )
    return [first, second]


@styled
def draw_comparison(runs: Runs, grokked: Times) -> Figure:
    """Draw the accuracy of each run, and the share of its members that had grokked, in a colour.

    Members that differ in more than their seeds have a line for each setting; the shares have one
    for each run if these are too many.
    """
    fig, (left, right) = plots.figure(10.5, 4.6, 2)
    where = runs.members["run"].to_numpy(str)
    parts = runs.parts()
    by_setting = sum(len(seed_groups(run.history)) for run in parts.values()) <= MOST_CURVES
    colors = dict(zip(sorted(runs.runs), itertools.cycle(plots.CATEGORIES), strict=False))
    for label, run in parts.items():
        color = colors[label]  # as in figures of the whole history, whose labels are sorted
        plots.accuracy(run.history, left, True, label, color)
        own, groups = grokked[where == label], seed_groups(run.history)
        curves = {_in_words(group): incidence(own[group.rows]) for group in groups}
        if not by_setting:
            curves = {"": incidence(own)}
        plots.incidence(curves, "", "", right, label, color)
    for ax in (left, right):
        ax.set_xlabel(labels.epochs(runs.history))
    right.set_ylabel("share that had grokked")
    # The axes of a phone's figure would have no room for the names and counts of the runs.
    splits = [Line2D([], [], color="0.3", linestyle=dashes, label=n) for n, _, dashes in SPLITS]
    left.legend(handles=splits, loc="best")
    if (legend := right.get_legend()) is not None:
        legend.remove()
    add_legend_below(right)
    note = "Medians over seeds, bands: test quartiles, and 95% of the share."
    add_heading(fig, f"{runs.history.attrs['task']}: {', '.join(runs.runs)}", note)
    return fig


def _in_words(group: SeedGroup) -> str:
    return ", ".join(labels.setting_and_value(*item) for item in group.settings.items())
