"""The summary at the top of the page: tiles of numbers, and a table by setting."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from grokjax.analysis.incidence import Incidence, delay_of_grokked, incidence, time_to
from grokjax.analysis.times import Events, Times, learnt_definition
from grokjax.config import labels
from grokjax.config.config import Config
from grokjax.report.members import last_values
from grokjax.report.network_groups import NetworkGroup
from grokjax.results.run import Run
from grokjax.results.seed_groups import describe_seeds, seed_groups, swept_settings

Tile = dict[str, str]


def tiles(run: Run, events: Events, groups: list[NetworkGroup]) -> list[Tile]:
    """Tiles with `label`, `value` and `note`: statuses, times, key frequencies and speed.

    Medians are shown only if members differ in nothing but their seeds; else the table by
    setting has them.
    """
    counts = Counter(run.members["status"]).most_common()
    note = ", ".join(f"{n} {status}" for status, n in counts)
    found = [{"label": "members", "value": f"{len(run):,}", "note": note}]
    has_medians = not swept_settings(run.history)
    found += _time_tiles(events, run.config, has_medians)
    if has_medians:
        found += _key_frequency_tiles([group for group in groups if group.has("key")])
        found += ratio_tiles([g for g in groups if g.one_hot and g.has("neuron_ipr")])
    rounds = run.rounds
    if not rounds.empty:
        rate = rounds["steps"].sum() / rounds["training"].sum()
        note = "member-steps a second while training"
        found.append({"label": "speed", "value": f"{rate:,.0f}", "note": note})
    return found


def _time_tiles(events: Events, config: Config, has_medians: bool) -> list[Tile]:
    """Tiles of the times to memorise and to grok, and of the delay between them."""
    times, found = time_to(events), []
    for name, split in (("memorised", "train"), ("grokked", "test")):
        if times[name].members:
            definition = f"{name}: {learnt_definition(split, config)}"
            found.append(_time_tile(name, times[name], definition, has_medians))
    if times["delay"].members and has_medians:
        found.append(_delay_tile(times["delay"], delay_of_grokked(events)))
    return found


def _time_tile(name: str, curve: Incidence, definition: str, has_medians: bool) -> Tile:
    """The median epoch over all members with its spread, or how many reached the event."""
    share = f"{curve.reached / curve.members:.0%}"
    counts = f"{curve.counts()}. {definition[0].upper()}{definition[1:]}."
    reached = f"{curve.reached} of {curve.members}"
    if not has_medians or not curve.reached:
        return {"label": name, "value": reached, "note": f"{share}: {counts}"}
    _, median, _ = curve.quartiles()
    if np.isnan(median):
        note = f"{share} of the members, so there is no median: {counts}"
        return {"label": name, "value": reached, "note": note}
    return {"label": name, "value": _epoch(median), "note": f"{_spread(curve)}; {counts}"}


def _delay_tile(every: Incidence, grokked: Incidence) -> Tile:
    """The median delay of the members that grokked, and how many have not grokked."""
    missing = every.members - every.reached
    if not grokked.members:
        note = f"no member has grokked; {missing} have memorised"
        return {"label": "delay", "value": "not reached", "note": note}
    note = f"{_spread(grokked)}; from memorising to grokking, of the {grokked.members} that grokked"
    if missing:
        share = f"{missing / every.members:.0%}"
        note += f"; {missing} of the {every.members} that memorised have not grokked ({share})"
    return {"label": "delay", "value": _epoch(grokked.quantile(0.5)), "note": note}


def _spread(curve: Incidence) -> str:
    """The quartiles of a time and the band of its median."""
    low, _, high = curve.quartiles()
    text = f"epochs, median; quartiles {_epoch(low)} to {_epoch(high)}"
    if curve.members >= 6:
        text += f"; 95% band of the median {' to '.join(map(_epoch, curve.median_band()))}"
    return text


def _epoch(value: float) -> str:
    return f"{value:,.0f}" if np.isfinite(value) else "not reached"


def _key_frequency_tiles(groups: list[NetworkGroup]) -> list[Tile]:
    """The median number of key frequencies."""
    if not groups:
        return []
    counts = np.concatenate([group.key_counts for group in groups])
    members = "; ".join(group.counted_label for group in groups)
    note = f"median, {counts.min()} to {counts.max()}; {members}"
    return [{"label": "key frequencies", "value": f"{np.median(counts):g}", "note": note}]


def ratio_tiles(groups: list[NetworkGroup]) -> list[Tile]:
    """The median inverse participation ratio, for networks with one-hot inputs."""
    if not groups:
        return []
    ratios = np.concatenate([group.mean_ratios for group in groups])
    members = "; ".join(group.counted_label for group in groups)
    note = f"inverse participation ratio of a neuron, median over {members}; 1: a single wave"
    return [{"label": "neuron IPR", "value": f"{np.median(ratios):.2f}", "note": note}]


def table_by_setting(run: Run, events: Events, groups: list[NetworkGroup]) -> dict[str, Any]:
    """Text, columns and rows of the table by setting; no rows if only seeds are swept."""
    history = run.history
    names, by_seed = swept_settings(history), seed_groups(history)
    if not names:
        return {"text": "", "columns": [], "rows": []}
    accuracy, keys = last_values(history.test_accuracy.values), _key_counts(run, groups)
    columns = [*map(labels.setting, names), "seeds", "memorised", "at epoch", "grokked", "at epoch"]
    columns += ["delay", "test accuracy", *(["key frequencies"] if keys is not None else [])]
    rows = [
        [
            *(labels.value(name, each.settings[name]) for name in names),
            str(len(each.rows)),
            *_count_and_median(events.memorised[each.rows]),
            *_count_and_median(events.grokked[each.rows]),
            _delay(events, each.rows),
            _median(accuracy[each.rows], "{:.1%}"),
            *([_median(keys[each.rows], "{:g}")] if keys is not None else []),
        ]
        for each in by_seed
    ]
    text = (
        f"{describe_seeds(by_seed).capitalize()}. The table has how many members memorised and "
        "grokked, and the median epoch with quartiles if half of them did. The delay is the median "
        "over those that grokked, test accuracy the median of the last values"
    )
    text += "." if keys is None else ", key frequencies the median over those that grokked."
    return {"text": text, "columns": columns, "rows": rows}


def _count_and_median(times: Times) -> tuple[str, str]:
    """How many members reached the event, and the median epoch with its quartiles."""
    curve = incidence(times)
    low, median, high = (f"{q:,.0f}" if np.isfinite(q) else "later" for q in curve.quartiles())
    when = "-" if median == "later" else f"{median} ({low} to {high})"
    return f"{curve.reached} of {len(times)}", when


def _delay(events: Events, rows: np.ndarray) -> str:
    """The median delay of those members in these rows that grokked."""
    median = delay_of_grokked(Events(*(times[rows] for times in events))).quantile(0.5)
    return f"{median:,.0f}" if np.isfinite(median) else "-"


def _median(values: np.ndarray, form: str) -> str:
    known = values[np.isfinite(values)]
    return form.format(np.median(known)) if len(known) else "-"


def _key_counts(run: Run, groups: list[NetworkGroup]) -> np.ndarray | None:
    """Key frequencies of each member, `[M]`, NaN if it has not grokked; None if not analysed."""
    groups = [group for group in groups if group.has("key")]
    if not groups:
        return None
    counts = dict.fromkeys(run.members.index.tolist(), np.nan)
    for group in groups:
        own = group.findings.key.sum("frequency").values
        counts |= {m: own[i] for i, m in enumerate(group.run.members.index) if group.grokked[i]}
    return np.array(list(counts.values()), float)
