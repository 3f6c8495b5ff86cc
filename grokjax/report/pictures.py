"""The sections of the page: what is drawn of a run, and the words with it."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from grokjax import labels, plots
from grokjax.analysis.incidence import incidence, time_to
from grokjax.analysis.timing import Events, Times, rule
from grokjax.cells import axes, cells
from grokjax.plots.facets import Facets, Panel
from grokjax.report.figures import Section
from grokjax.run import Run


def learning(run: Run, found: Events) -> Section:
    """Curves, times and norms."""
    section = Section(
        "learning",
        "Learning",
        "The share of members that had memorised and grokked is the cumulative incidence "
        "(Aalen-Johansen) with its 95% band: a member that runs on or reached max_epochs may still "
        "get there later, one that diverged never will.",
    )
    history, patience = run.history, run.config.stop_patience
    section.add(lambda: plots.curves(history), "Accuracy and loss against epochs")
    words = "Share of members that had memorised and grokked, against epochs"
    if axes(history):
        named = {"memorised": found.memorised, "grokked": found.grokked}
        section.add(lambda: plots.incidences(history, named), words, rule(patience))
    else:
        delay = (
            " The delay is the time between, over the members that memorised; those that have "
            "not grokked count as later than all that have."
        )
        draw = partial(plots.incidence, time_to(found), "", labels.epochs(history))
        section.add(draw, words, rule(patience) + delay)
    if "layer_norm" in history:
        known = int(np.isfinite(history.layer_norm).any(("eval", "layer")).sum())
        lacking = "" if known == len(run) else f"Recorded of {known} of {len(run)} members."
        section.add(
            lambda: plots.norms(history), "Norms of the layers' weights against epochs", lacking
        )
    return section


def sweep(run: Run, found: Events) -> Section | None:
    """Times against the swept settings: medians are over seeds alone."""
    names = axes(run.history)
    if not names:
        return None
    section = Section(
        "sweep",
        "Against the settings",
        "Every member a mark, medians with quartiles over seeds; an arrow in place of a bar's "
        "upper end: the upper quartile was not reached within max_epochs, "
        f"{run.config.max_epochs:,} epochs.",
    )
    facets, limit = Facets.of(run.history), run.config.max_epochs
    name = facets.axis or names[0]
    values, words = run.history[name].values, labels.setting(name)
    unit = labels.epochs(run.history)
    if facets.combinations == 1 or len(names) == 1:
        both = {"memorised": found.memorised, "grokked": found.grokked}
        draw = partial(plots.times_against, words, values, both, limit, "", unit)
        section.add(draw, f"Time to memorise and to grok against {words}")
        return section
    for label, times in (("memorise", found.memorised), ("grok", found.grokked)):
        named = {panel.title: times.only(_in(panel, len(run))) for panel in facets.panels}
        draw = partial(plots.times_against, words, values, named, limit, f"time to {label}", unit)
        section.add(draw, f"Time to {label} against {words}", facets.note)
    if len(names) == 2:
        medians = _medians(run.history, found.grokked)
        section.add(
            partial(plots.heat_map, medians, "median epoch of grokking"),
            f"Median epoch of grokking over {' and '.join(map(labels.setting, names))}",
            "Hatched: fewer than half of the members had grokked.",
        )
    return section


def _in(panel: Panel, members: int) -> np.ndarray:
    """Which members are in a panel, bool `[M]`."""
    rows = [row for cell in panel.cells for row in cell.rows]
    return np.isin(np.arange(members), rows)


def _medians(history: Any, times: Times) -> Any:
    """Median times over the two swept settings."""
    import pandas as pd

    medians = [incidence(times[cell.rows]).quantile(0.5) for cell in cells(history)]
    rows = pd.DataFrame([cell.settings for cell in cells(history)]).assign(median=medians)
    return rows.set_index(axes(history))["median"].to_xarray()


def machine(run: Run) -> Section | None:
    """Lanes over time."""
    if run.rounds.empty:
        return None
    section = Section("machine", "Machine", "")
    section.add(lambda: plots.occupancy(run.rounds), "Busy lanes and pending members over time")
    return section
