"""Figures over all members of one kind of network, in the order of their settings."""

from __future__ import annotations

from functools import partial

import numpy as np

from grokjax import labels, plots
from grokjax.analysis import fourier
from grokjax.cells import axes, cells
from grokjax.report.figures import Section
from grokjax.report.group import Group


def add_spectra(section: Section, group: Group) -> None:
    """Adds the spectra of all members, sorted and named by what is swept."""
    spectra = fourier.shares(group.found.power.sel(table="embedding").values)
    found = cells(group.run.history)
    rows = np.concatenate([cell.rows for cell in found])
    values = [cell.values for cell in found for _ in cell.rows]
    members = group.found.member.values[rows].tolist()
    groups = values if len(found) > 1 else []
    name = ", ".join(map(labels.setting, axes(group.run.history)))
    section.add(
        partial(plots.spectrum_of_members, spectra[rows], members, groups=groups, name=name),
        "Spectrum of the embedding of every member",
        "A row is a member; rows are in the order of the settings that differ, then of the seeds.",
    )


def add_key_counts(section: Section, group: Group) -> None:
    """Adds how many members have how many key frequencies, at each setting by itself."""
    import pandas as pd

    counted, whose = group.key_counts
    alt = f"How many key frequencies {whose} have"
    names = axes(group.run.history)
    if not names:
        section.add(partial(plots.key_counts, counted), alt, whose)
        return
    kept = group.grokked if group.grokked.any() else np.ones(len(group.run), bool)
    of = np.empty(len(kept), object)
    for cell in cells(group.run.history):
        of[cell.rows] = cell.values
    table = pd.crosstab(pd.Series(of[kept], name="setting"), pd.Series(counted, name="key"))
    ordered = [c.values for c in cells(group.run.history) if c.values in table.index]
    grid = table.loc[ordered].rename_axis(columns="key_frequencies").stack().to_xarray()
    grid = grid.sel(setting=ordered).rename(setting=", ".join(names))
    draw = partial(plots.heat_map, grid, "members")
    section.add(draw, alt, f"Numbers of members, of {whose}.")
