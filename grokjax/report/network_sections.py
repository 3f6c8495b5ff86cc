"""Sections on what the networks of one kind learnt, by the measures that fit them."""

from __future__ import annotations

from functools import partial

import numpy as np
import pandas as pd

from grokjax import plots
from grokjax.analysis import circles, fourier
from grokjax.config import labels
from grokjax.report.network_groups import NetworkGroup
from grokjax.report.section import Section
from grokjax.results.seed_groups import seed_groups, swept_settings


def section_without_analysis(reasons: list[str], others: bool) -> Section:
    """The section in place of the Fourier analysis, for networks that do not have it.

    others: whether the run also has networks that were analysed.
    """
    text = " ".join(f"The Fourier analysis is left out: {reason}." for reason in reasons)
    return Section("no-fourier", f"What the {'other ' if others else ''}networks learnt", text)


def network_section(group: NetworkGroup, number: int) -> Section:
    """Frequencies of all members of a group, and figures of an example member."""
    section = Section(
        f"learnt-{number}",
        "What the networks learnt" + (f": {group.name}" if group.name else ""),
        f"{_introduction(group)} Figures of one member show member {group.example_member}; any "
        "other can be chosen below.",
    )
    if not group.one_hot:
        _add_spectra(section, group)
    _add_key_counts(section, group)
    history = group.run.history
    if "neuron_ipr" in history:
        section.add(
            lambda: plots.ipr_over_training(history, group.chance_ratio),
            "Inverse participation ratio of the neurons of every member against epochs",
            "Mean over the hidden neurons, a line for each member: 1 if every neuron's weights "
            "are a wave of one frequency. Dotted: the ratio of random weights, "
            f"{group.chance_ratio:.2g}.",
        )
    else:
        section.omitted.append("inverse participation ratios against epochs")
    if group.one_hot:
        _add_neuron_ratios(section, group)
    else:
        _add_embedding(section, group)
    if group.has("logit_power"):
        one, title = group.example, f"logits of member {group.example_member}"
        label = group.token_group.frequency
        draw = partial(plots.spectrum_2d, one.logit_power.values, title, frequency_label=label)
        section.add(draw, f"Two-dimensional spectrum of the {title}")
    else:
        section.omitted.append("spectrum of the logits")
    return section


def _introduction(group: NetworkGroup) -> str:
    """Say what was analysed, and what counts as a key frequency."""
    attrs = group.findings.attrs
    key = f"Key frequencies: {attrs['key_frequencies']}." if "key_frequencies" in attrs else ""
    order = attrs.get("order_of_tokens", "")
    if group.one_hot:
        return (
            "With one-hot inputs every hidden neuron has its own weights from each token, and may "
            "have its own frequency, which a spectrum over all neurons would not show. The "
            "inverse participation ratio of a neuron (Doshi et al. 2023) is 1 if its weights are "
            f"a wave of one frequency, and about {group.chance_ratio:.2g} if they are random. "
            f"{key} {order}"
        )
    return (
        f"Power of the {attrs['token_table']} at each frequency. {key} Each key frequency has a "
        "plane of its own, which shows a circle even if principal components mix two. "
        f"{order}"
    )


def _add_spectra(section: Section, group: NetworkGroup) -> None:
    """Add the spectra of all members, sorted and labelled by what is swept."""
    history = group.run.history
    spectra = fourier.shares(group.findings.power.sel(table="embedding").values)
    by_seed = seed_groups(history)
    rows = np.concatenate([each.rows for each in by_seed])
    members = group.findings.member.values[rows].tolist()
    values = [each.values for each in by_seed for _ in each.rows] if len(by_seed) > 1 else []
    name = ", ".join(map(labels.setting, swept_settings(history)))
    section.add(
        partial(
            plots.spectrum_of_members,
            spectra[rows],
            members,
            groups=values,
            name=name,
            frequency_label=group.token_group.frequency,
        ),
        "Spectrum of the embedding of every member",
        "Each row is a member; rows are sorted by the swept settings, then by seed.",
    )


def _add_key_counts(section: Section, group: NetworkGroup) -> None:
    """Add how many members have each number of key frequencies, for each swept setting."""
    if not group.has("key"):
        section.omitted.append("key frequencies")
        return
    counts, alt = group.key_counts, f"How many key frequencies {group.counted_label} have"
    names = swept_settings(group.run.history)
    if not names:
        section.add(partial(plots.key_counts, counts), alt, group.counted_label)
        return
    setting = np.empty(len(group.run), object)
    by_seed = seed_groups(group.run.history)
    for each in by_seed:
        setting[each.rows] = each.values
    columns = pd.Series(setting[group.counted], name="setting"), pd.Series(counts, name="key")
    table = pd.crosstab(*columns)
    ordered = [each.values for each in by_seed if each.values in table.index]
    grid = table.loc[ordered].rename_axis(columns="key_frequencies").stack().to_xarray()
    grid = grid.sel(setting=ordered).rename(setting=", ".join(names))
    draw = partial(plots.heat_map, grid, "members")
    section.add(draw, alt, f"Numbers of members, of {group.counted_label}.")


def _add_neuron_ratios(section: Section, group: NetworkGroup) -> None:
    """Add the neurons of the example member by frequency and participation ratio."""
    if not group.has("neuron_frequency", "neuron_ipr"):
        section.omitted.append("hidden neurons")
        return
    one, title = group.example, group.example_title
    label = group.token_group.frequency
    section.add(
        partial(
            plots.periodicity,
            one.neuron_frequency.values,
            one.neuron_ipr.values,
            title,
            frequency_label=label,
        ),
        f"Frequency and inverse participation ratio of the hidden neurons of {title}",
    )


def _add_embedding(section: Section, group: NetworkGroup) -> None:
    """Add the example member's embedding in planes, its spectra and its neurons."""
    _add_planes(section, group)
    one, history = group.example, group.run.history
    title, label = group.example_title, group.token_group.frequency
    key = one.key.values
    shares = dict(zip(one.table.values, fourier.shares(one.power.values), strict=True))
    known = {name for name, row in shares.items() if np.isfinite(row).all()} | {"embedding"}
    tables = {name: row for name, row in shares.items() if name in known}
    caption = (
        "first, second: what a token contributes to the first hidden layer as either operand."
        if "first" in tables
        else ""
    )
    draw = partial(plots.spectrum, tables, key, title, frequency_label=label)
    section.add(draw, f"Spectra of {title}", caption)
    if "first" not in tables:
        section.omitted.append("spectra of the first hidden layer")
    if "embedding_power" in history:
        epochs, unit = history.epoch.values, labels.epochs(history)
        power = history.embedding_power.sel(member=group.example_member).values[:, : len(key)]
        over = partial(plots.spectrum_over_training, unit=unit, frequency_label=label)
        section.add(
            partial(over, power, epochs, title),
            f"Spectrum of the embedding of {title} through training",
        )
    else:
        section.omitted.append("spectrum through training")
    if group.has("neuron_frequency", "neuron_share"):
        values = one.neuron_frequency.values, one.neuron_share.values, key
        section.add(
            partial(plots.neurons, *values, title, frequency_label=label),
            f"Frequencies of the hidden neurons of {title}",
        )
    else:
        section.omitted.append("hidden neurons")


def _add_planes(section: Section, group: NetworkGroup) -> None:
    """Add the example member's principal components and the planes of its key frequencies."""
    one, title, tokens = group.example, group.example_title, group.tokens.tolist()
    readings = circles.read(one.pair_shares.values, group.modulus)
    if readings:
        draw = partial(plots.components, one.scores.values, one.explained.values, readings)
        section.add(
            partial(draw, title, tokens=tokens),
            f"Principal components of {title}, in pairs",
            f"Mixed: less than {circles.PURE:.0%} of a pair's power is in one frequency. No "
            f"circle: less than {circles.MIXED:.0%} is in two.",
        )
    rows = np.flatnonzero(one.key.values)
    if len(rows):
        steps = circles.step_of(rows + 1, group.modulus)
        points, circularity = one.plane.values[rows], one.plane_circularity.values[rows]
        section.add(
            partial(plots.planes, points, rows + 1, circularity, steps, title, tokens),
            f"{title[0].upper()}{title[1:]} in the planes of its key frequencies",
        )
