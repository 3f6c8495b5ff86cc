"""The figures at the top of the page, each with a line of words."""

from __future__ import annotations

from collections import Counter

import numpy as np

from grokjax.analysis.incidence import Incidence, delay_of_grokked, time_to
from grokjax.analysis.timing import Events, learnt_words
from grokjax.cells import axes
from grokjax.report.group import Group
from grokjax.run import Run

Tile = dict[str, str]


def tiles(run: Run, found: Events, of_shape: list[Group]) -> list[Tile]:
    """Members by status, times, key frequencies and speed: `label`, `value` and `note` each."""
    counts = Counter(run.members["status"]).most_common()
    note = ", ".join(f"{n} {status}" for status, n in counts)
    made = [{"label": "members", "value": f"{len(run):,}", "note": note}]
    pooled = bool(axes(run.history))  # the table by setting has what is left out
    made += _times(found, run.config.stop_patience, pooled)
    if of_shape and not pooled:
        made.append(_key_frequencies(of_shape))
        made += ratios([group for group in of_shape if group.one_hot])
    rounds = run.rounds
    if not rounds.empty:
        rate = rounds["steps"].sum() / rounds["training"].sum()
        note = "member-steps a second while it trained"
        made.append({"label": "speed", "value": f"{rate:,.0f}", "note": note})
    return made


def _times(found: Events, patience: int, pooled: bool) -> list[Tile]:
    """Tiles of the times to memorise, to grok, and between.

    Of members that differ in more than their seeds there is no one median: counts alone.
    """
    times, made = time_to(found), []
    for name, split in (("memorised", "train"), ("grokked", "test")):
        if times[name].members:
            words = f"{name}: {learnt_words(split, patience)}"
            made.append(_tile(name, times[name], words, pooled))
    delay, those = times["delay"], delay_of_grokked(found)
    if delay.members and not pooled:
        made.append(_delay(delay, those))
    return made


def _tile(name: str, found: Incidence, words: str, pooled: bool) -> Tile:
    """The median epoch over all members, with its spread and what became of the others."""
    share = f"{found.got_there / found.members:.0%}"
    counts = f"{found.counts()}. {words[0].upper()}{words[1:]}."
    if pooled or not found.got_there:
        value = f"{found.got_there} of {found.members}"
        return {"label": name, "value": value, "note": f"{share}: {counts}"}
    _, median, _ = found.quartiles()
    if np.isnan(median):
        note = f"{share} of the members, so there is no median: {counts}"
        return {"label": name, "value": f"{found.got_there} of {found.members}", "note": note}
    return {"label": name, "value": _epoch(median), "note": f"{_spread(found)}; {counts}"}


def _delay(all_: Incidence, those: Incidence) -> Tile:
    """The median delay of the members that grokked, and how many have not."""
    without = all_.members - all_.got_there
    if not those.members:
        note = f"no member has grokked; {without} have memorised"
        return {"label": "delay", "value": "none", "note": note}
    note = f"{_spread(those)}; from memorising to grokking, of the {those.members} that grokked"
    if without:
        share = f"{without / all_.members:.0%}"
        note += f"; {without} of the {all_.members} that memorised have not grokked ({share})"
    return {"label": "delay", "value": _epoch(those.quantile(0.5)), "note": note}


def _spread(found: Incidence) -> str:
    """The quartiles of a time and the band of its median, in words."""
    low, _, high = found.quartiles()
    text = f"epochs, median; quartiles {_epoch(low)} to {_epoch(high)}"
    if found.members >= 6:
        text += f"; 95% band of the median {' to '.join(map(_epoch, found.median_band()))}"
    return text


def _epoch(value: float) -> str:
    return f"{value:,.0f}" if np.isfinite(value) else "not reached"


def _key_frequencies(of_shape: list[Group]) -> Tile:
    counted = [group.key_counts for group in of_shape]
    keys = np.concatenate([counts for counts, _ in counted])
    words = "; ".join(words for _, words in counted)
    note = f"median, {keys.min()} to {keys.max()}; {words}"
    return {"label": "key frequencies", "value": f"{np.median(keys):g}", "note": note}


def ratios(one_hot: list[Group]) -> list[Tile]:
    """The measure of networks whose neurons each have their own weights from every token."""
    if not one_hot:
        return []
    ratios = np.concatenate([group.ratios for group in one_hot])
    words = "; ".join(group.key_counts[1] for group in one_hot)
    note = f"inverse participation ratio of a neuron, median over {words}; 1: a single wave"
    return [{"label": "neuron IPR", "value": f"{np.median(ratios):.2f}", "note": note}]
