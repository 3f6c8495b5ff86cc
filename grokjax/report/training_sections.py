"""Sections on training: curves, the user's metrics, times against settings, use of lanes."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from grokjax import plots
from grokjax.analysis.circuits import IRRELEVANT, SYMMETRIC
from grokjax.analysis.incidence import incidence, time_to
from grokjax.analysis.times import Events, Times, definitions
from grokjax.config import labels
from grokjax.plots.sweep_panels import Panel, arrange_sweep
from grokjax.report.comparison_table import comparison_table
from grokjax.report.network_groups import example_row, user_metrics
from grokjax.report.section import Section
from grokjax.results.history import forward_fill
from grokjax.results.run import Run
from grokjax.results.seed_groups import seed_groups, swept_settings


def learning_section(run: Run, events: Events) -> Section:
    """Curves, cumulative incidence, and norms of the layers."""
    section = Section(
        "learning",
        "Learning",
        "The share of members that had memorised and grokked is the cumulative incidence "
        "(Aalen-Johansen) with its 95% band. A member that is running or that reached max_epochs "
        "may still grok later; a member that diverged never will.",
    )
    history = run.history
    section.add(lambda: plots.curves(history), "Accuracy and loss against epochs")
    alt, rules = (
        "Share of members that had memorised and grokked, against epochs",
        definitions(run.config),
    )
    if swept_settings(history):
        named = {"memorised": events.memorised, "grokked": events.grokked}
        section.add(lambda: plots.incidences(history, named), alt, rules)
    else:
        delay = (
            " The delay is the time from memorising to grokking, over the members that memorised; "
            "those that have not grokked count as later than all that have."
        )
        draw = partial(plots.incidence, time_to(events), "", labels.epochs(history))
        section.add(draw, alt, rules + delay)
    if "layer_norm" in history:
        known = int(np.isfinite(history.layer_norm).any(("eval", "layer")).sum())
        note = "" if known == len(run) else f"Recorded for {known} of {len(run)} members."
        alt = "Norms of the layers' weights against epochs"
        section.add(lambda: plots.norms(history), alt, note)
    else:
        section.omitted.append("norms of the layers")
    return section


def metrics_section(run: Run) -> Section | None:
    """What the user's own metrics recorded; None if the run has none."""
    names = user_metrics(run)
    if not names:
        return None
    section = Section("metrics", "Metrics of your own", "")
    history, row = run.history, example_row(run)
    title = f"member {run.members.index[row]}"
    for name in names:
        label, dims = labels.setting(name), history[name].dims[2:]
        alt = f"{label.capitalize()}{f' of {title}' if dims else ''} against epochs"
        if not dims:
            section.add(partial(plots.metric, history, name), alt)
        elif len(dims) == 1:
            values = history[name][row].dropna("eval", how="all").swap_dims(eval="epoch").T
            section.add(partial(plots.heat_map, values, label, title), alt)
        else:
            section.text += f"{name} has several dimensions of its own: see run.history.{name}. "
    return section


def progress_section(run: Run) -> Section | None:
    """Nanda et al.'s progress measures; None if the run does not record them."""
    history = run.history
    if not {"restricted_loss", "excluded_loss"} <= set(history):
        return None
    section = Section(
        "progress",
        "Progress measures",
        "Restricted loss: of the logits' waves in the answer at the key frequencies alone. "
        "Excluded loss: of the logits without them (Nanda et al. 2023). The key frequencies are "
        "each member's own at each evaluation, those along which at least a quarter of an even "
        "share of the logits' variance lies. Memorisation ends at the minimum of the excluded "
        "loss, circuit formation when the test loss has fallen to half of its maximum, clean-up "
        "when it has fallen nine tenths of the way to its minimum on a log scale.",
    )
    section.add(
        lambda: plots.progress_losses(history),
        "Train, test, restricted and excluded loss against epochs, with the phases shaded",
    )
    needed = {"logit_fve", "component_gini", "parameter_squares"}
    if not swept_settings(history) and needed <= set(history):
        section.add(
            lambda: plots.progress_structure(history),
            "Explained variance of the logits, Gini coefficients and sum of squares against epochs",
            "W_E: the token table; W_L: what the hidden neurons write to the logits.",
        )
    return section


def circuits_section(run: Run) -> Section | None:
    """The Clock or the Pizza; None if the run does not record its measures."""
    history = run.history
    names = ("gradient_symmetricity", "distance_irrelevance")
    if not set(names) <= set(history):
        return None
    section = Section(
        "circuits",
        "Clock or pizza",
        "Gradient symmetricity: mean cosine of the gradients of a logit by the embeddings of both "
        "operands. Distance irrelevance: how little the right answer's logit depends on the "
        "difference of the operands (Zhong et al. 2023). A pizza has a gradient symmetricity of at "
        f"least {SYMMETRIC:g} and a distance irrelevance of at most {IRRELEVANT:g}; a clock less "
        "of the first and more of the second. Members with a test accuracy below 99% are neither.",
    )
    # A member that has stopped keeps its last evaluation.
    wanted = (*names, "test_accuracy")
    x, y, accuracy = (forward_fill(history[name].values)[:, -1] for name in wanted)
    section.add(
        lambda: plots.circuit_plane(x, y, accuracy),
        "Members in the plane of gradient symmetricity and distance irrelevance",
        "At each member's last evaluation.",
    )
    swept = swept_settings(history)
    if len(swept) == 1 and history[swept[0]].dtype.kind in "fiu":
        values, label = history[swept[0]].values, labels.setting(swept[0])
        section.add(
            lambda: plots.circuits_against(label, values, x, y, accuracy),
            f"Gradient symmetricity and distance irrelevance against {label}",
        )
    for name in names:
        section.add(
            partial(plots.metric, history, name),
            f"{labels.setting(name).capitalize()} against epochs",
        )
    return section


def representation_section(run: Run) -> Section | None:
    """How the embedding is organised; None if the run does not record it."""
    names = [n for n in ("representation_quality", "effective_dimension") if n in run.history]
    if not names:
        return None
    section = Section(
        "representation",
        "Representation",
        "Effective dimension: exp(S) of the principal components of the tokens' vectors, where S "
        "is the entropy of the shares of the variance that they explain. Representation quality: "
        "the share of the parallelograms of pairs with the same sum that the vectors realise; it "
        "is 1 for equally spaced points on a line (Liu et al. 2022).",
    )
    for name in names:
        section.add(partial(plots.metric, run.history, name), f"{labels.setting(name)} by epoch")
    return section


def sweep_section(run: Run, events: Events) -> Section | None:
    """Times against the swept settings, with medians over seeds; None if only seeds differ."""
    history, limit = run.history, run.config.max_epochs
    names = swept_settings(history)
    if not names:
        return None
    section = Section(
        "sweep",
        "Against the settings",
        "Each mark is a member; medians and quartiles are over seeds. An arrow in place of the "
        "upper end of a bar means that the upper quartile was not reached within max_epochs, "
        f"{limit:,} epochs.",
    )
    sweep, unit = arrange_sweep(history), labels.epochs(history)
    name = sweep.color_setting or names[0]
    values, label = history[name].values, labels.setting(name)
    table = comparison_table(run, name)
    section.tables += [table] if table else []
    if sweep.combinations == 1 or len(names) == 1:
        both = {"memorised": events.memorised, "grokked": events.grokked}
        draw = partial(plots.times_against, label, values, both, limit, "", unit)
        section.add(draw, f"Time to memorise and to grok against {label}")
        return section
    for verb, times in (("memorise", events.memorised), ("grok", events.grokked)):
        named = {panel.title: times.where(_is_in(panel, len(run))) for panel in sweep.panels}
        draw = partial(plots.times_against, label, values, named, limit, f"time to {verb}", unit)
        section.add(draw, f"Time to {verb} against {label}", sweep.note)
    if len(names) == 2:
        medians = median_times(history, events.grokked)
        section.add(
            partial(plots.heat_map, medians, "median epoch of grokking"),
            f"Median epoch of grokking over {' and '.join(map(labels.setting, names))}",
            "Hatched: fewer than half of the members had grokked.",
        )
    return section


def _is_in(panel: Panel, members: int) -> np.ndarray:
    """Which members are in a panel, bool `[M]`."""
    rows = [row for group in panel.groups for row in group.rows]
    return np.isin(np.arange(members), rows)


def median_times(history: Any, times: Times) -> Any:
    """Table of median times over the two swept settings, a DataArray."""
    groups = seed_groups(history)
    medians = [incidence(times[group.rows]).quantile(0.5) for group in groups]
    rows = pd.DataFrame([group.settings for group in groups]).assign(median=medians)
    return rows.set_index(swept_settings(history))["median"].to_xarray()


def machine_section(run: Run) -> Section | None:
    """Busy lanes over time; None before the first round."""
    if run.rounds.empty:
        return None
    section = Section("machine", "Machine", "")
    section.add(lambda: plots.occupancy(run.rounds), "Busy lanes and pending members over time")
    return section
