"""The section on what the networks of one kind learnt, by the measures that fit them."""

from __future__ import annotations

import numpy as np

from grokjax import labels, layout, plots
from grokjax.analysis import circles, fourier
from grokjax.report.figures import Section
from grokjax.report.group import Group
from grokjax.report.over_members import add_key_counts, add_spectra


def learnt(group: Group, number: int) -> Section:
    """Frequencies over members, and pictures of one member."""
    section = Section(
        f"learnt-{number}",
        "What they learnt" + (f": {group.name}" if group.name else ""),
        f"{_words(group)} Pictures of one member are of member {group.member}; any other can be "
        "chosen below.",
    )
    if not group.one_hot:
        add_spectra(section, group)
    add_key_counts(section, group)
    history = group.run.history
    if "neuron_ipr" in history:
        section.add(
            lambda: plots.ipr_over_training(history, group.chance),
            "Inverse participation ratio of the neurons of every member against epochs",
            "Mean over the hidden neurons, a line each member: 1 if every neuron's weights are a "
            f"wave of one frequency. Dotted: random weights, {group.chance:.2g}.",
        )
    if group.one_hot:
        _neurons(section, group)
    else:
        _circles(section, group)
    one = group.one
    section.add(
        lambda: plots.spectrum_2d(one.logit_power.values, f"logits of member {group.member}"),
        f"Two-dimensional spectrum of the logits of member {group.member}",
    )
    return section


def _words(group: Group) -> str:
    """What was looked at, and what counts as a key frequency."""
    order = group.found.attrs["order_of_tokens"]
    key = f"Key frequencies: {group.found.attrs['key_frequencies']}."
    if group.one_hot:
        return (
            "With one-hot inputs every hidden neuron has its own weights from each token, and may "
            "have a frequency of its own; a spectrum over all neurons would be even then. The "
            "inverse participation ratio of a neuron (Doshi et al. 2023) is 1 if its weights are "
            f"a wave of one frequency, and about {group.chance:.2g} if they are random. {key} "
            f"{order}"
        )
    table = layout.table_name(group.run.network)
    return (
        f"Power of the {table} at each frequency. {key} Each has a plane of its own, in which a "
        f"circle is a circle even where principal components mix two. {order}"
    )


def _neurons(section: Section, group: Group) -> None:
    """Each neuron of one member, by its frequency."""
    one, title = group.one, f"member {group.member}"
    section.add(
        lambda: plots.periodicity(one.neuron_frequency.values, one.neuron_ipr.values, title),
        f"Frequency and inverse participation ratio of the hidden neurons of {title}",
    )


def _circles(section: Section, group: Group) -> None:
    """The embedding of one member in planes, its spectra, and its neurons."""
    one, history, title = group.one, group.run.history, f"member {group.member}"
    readings = circles.read(one.pair_shares.values, group.modulus)
    if readings:
        section.add(
            lambda: plots.components(one.scores.values, one.explained.values, readings, title),
            f"Principal components of {title}, in pairs",
            f"Mixed: less than {circles.PURE:.0%} of a pair's power is in one frequency; no "
            f"circle: less than {circles.SHOWN:.0%} is in two.",
        )
    at = np.flatnonzero(one.key.values)
    if len(at):
        steps = circles.step_of(at + 1, group.modulus)
        rates = one.plane_circularity.values[at]
        planes = one.plane.values[at]
        section.add(
            lambda: plots.planes(planes, at + 1, rates, steps, title),
            f"{title.capitalize()} in the planes of its key frequencies",
        )
    tables = dict(zip(one.table.values, fourier.shares(one.power.values), strict=True))
    section.add(
        lambda: plots.spectrum(tables, one.key.values, title),
        f"Spectra of {title}",
        "first, second: what a token brings to the first hidden layer as either operand.",
    )
    epochs, unit = history.epoch.values, labels.epochs(history)
    power = history.embedding_power.values[group.shown][:, : len(one.key)]
    section.add(
        lambda: plots.spectrum_over_training(power, epochs, title, unit=unit),
        f"Spectrum of the embedding of {title} through training",
    )
    section.add(
        lambda: plots.neurons(
            one.neuron_frequency.values, one.neuron_share.values, one.key.values, title
        ),
        f"Frequencies of the hidden neurons of {title}",
    )
