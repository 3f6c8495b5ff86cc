"""Comparisons between settings: quartiles, ratios of medians with intervals, log-rank tests.

Medians with their bootstrap intervals over seeds are those of `analysis.bootstrap`, tests those of
`analysis.log_rank`.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from grokjax.analysis.bootstrap import RESAMPLES, MedianContrast, compare_medians
from grokjax.analysis.incidence import incidence
from grokjax.analysis.log_rank import holm, log_rank
from grokjax.analysis.times import Times, events, format_quartiles
from grokjax.config import labels
from grokjax.errors import invalid, suggest
from grokjax.results.run import Run
from grokjax.results.seed_groups import SEEDS, seed_groups, swept_settings
from grokjax.runtime.arguments import nonempty_dict, run_like, takes

COLUMNS = ["members", "reached", "ended", "lower", "median", "upper", "median_low", "median_high"]
COLUMNS += ["ratio", "ratio_low", "ratio_high", "difference", "difference_low", "difference_high"]
COLUMNS += ["paired", "p", "p_holm", "p_all"]
"""Columns of a comparison, see `compare_times`."""


@takes(named=nonempty_dict)
def compare_times(
    named: Mapping[Any, Times],
    reference: Hashable = None,
    seeds: Mapping[Any, ArrayLike] | None = None,
    resamples: int = RESAMPLES,
) -> pd.DataFrame:
    """Compare the times of several groups of members with those of one of them.

    Args:
      named: times of each group.
      reference: name of the group to compare with; None: the first.
      seeds: of each group's members, `[M]`, see `compare_medians`; None: members are drawn one by
        one.
      resamples: draws of the bootstrap.

    Returns:
      A row for each group: `members` that were evaluated; how many `reached` the event, and how
      many `ended` for good without it, the rest being censored; quartiles `lower`, `median` and
      `upper`, and the median's 95% band `median_low`, `median_high` (`Incidence`); `ratio` and
      `difference` of the median and the reference's, with `_low` and `_high`, and whether seeds
      were `paired` (`MedianContrast`); `p` of the log-rank test against the reference, `p_holm`
      adjusted for all rows, and `p_all` of one test of all groups. The reference is compared with
      nothing. Epochs that are not reached are NaN.

    Raises ConfigError for a reference that is not one of the groups.
    """
    base = next(iter(named)) if reference is None else reference
    if base not in named:
        raise invalid("reference", reference, f"must be one of {', '.join(map(str, named))}")
    return _table(named, base, seeds, resamples)


def _table(
    named: Mapping[Any, Times],
    base: Hashable,
    seeds: Mapping[Any, ArrayLike] | None,
    resamples: int,
) -> pd.DataFrame:
    """Return the table of `compare_times`; nothing is compared if `base` is not one of them."""
    overall = log_rank(*named.values()).p if len(named) > 1 else np.nan
    rows = []
    for name, times in named.items():
        row = _described(times) | {"p_all": overall}
        if base in named and name != base:
            own = () if seeds is None else (seeds[name], seeds[base])
            row |= _compared(compare_medians(times, named[base], *own, resamples=resamples))
            row["p"] = log_rank(times, named[base]).p
        rows.append(row)
    table = pd.DataFrame(rows, index=pd.Index(list(named), tupleize_cols=False), columns=COLUMNS)
    return table.assign(p_holm=holm(table.p))


def _described(times: Times) -> dict[str, Any]:
    """Return the columns on one group alone."""
    curve = incidence(times)
    row: dict[str, Any] = {"members": curve.members, "reached": curve.reached}
    row["ended"] = curve.members - curve.reached - curve.censored
    row |= dict(zip(("lower", "median", "upper"), curve.quartiles(), strict=True))
    return row | dict(zip(("median_low", "median_high"), curve.median_band(), strict=True))


def _compared(found: MedianContrast) -> dict[str, Any]:
    """Return the columns on ratio and difference."""
    row: dict[str, Any] = {"paired": found.paired}
    for name in ("ratio", "difference"):
        low, high = getattr(found, f"{name}_interval")
        row |= {name: getattr(found, name), f"{name}_low": low, f"{name}_high": high}
    return row


@takes(run=run_like)
def compare_settings(
    run: Run,
    setting: str,
    event: Literal["grokked", "memorised"] = "grokked",
    reference: Any = None,
    resamples: int = RESAMPLES,
) -> pd.DataFrame:
    """Compare when the members of a run grok, or memorise, between the values of one setting.

    Args:
      run: a Run that sweeps the setting.
      setting: its name, such as `weight_decay`.
      event: `grokked` or `memorised`.
      reference: the value to compare with; None: that of `run.config` if it is among the values,
        else the first.
      resamples: draws of the bootstrap.

    Returns:
      The table of `compare_times`, indexed by the value. If other settings are swept, too, the
      index has a level for each of them, and values are compared where the others agree; `p_holm`
      is then adjusted for all rows of the table.

    Raises ConfigError for a setting that is not swept, another event, or a reference that no
    member has.
    """
    history = run.history
    names = swept_settings(history)
    if setting not in names:
        fix = suggest(setting, names) if names else "this run sweeps nothing but seeds"
        raise invalid("setting", setting, "must be a swept setting", fix)
    if event not in ("grokked", "memorised"):
        raise invalid("event", event, "must be grokked or memorised")
    times, seeds = getattr(events(run), event), run.members[list(SEEDS)].to_numpy()
    base = _reference(run, setting, reference)
    tables = []
    for others, rows in _blocks(history, setting).items():
        named = {value: times[chosen] for value, chosen in rows.items()}
        own = {value: seeds[chosen] for value, chosen in rows.items()}
        index = [(*others, value) for value in named]
        tables.append(_table(named, base, own, resamples).set_axis(index))
    found = pd.concat(tables)
    order = [name for name in names if name != setting] + [setting]
    index = pd.MultiIndex.from_tuples(found.index.tolist(), names=order)
    found.index = index if len(names) > 1 else index.get_level_values(0)
    return found.assign(p_holm=holm(found.p))


def _blocks(history: Any, setting: str) -> dict[tuple[Any, ...], dict[Any, np.ndarray]]:
    """Rows of the members by value of the setting, for each combination of the other settings."""
    blocks: dict[tuple[Any, ...], dict[Any, np.ndarray]] = {}
    for group in seed_groups(history):
        others = tuple(value for name, value in group.settings.items() if name != setting)
        blocks.setdefault(others, {})[group.settings[setting]] = group.rows
    return blocks


def _reference(run: Run, setting: str, given: Any) -> Any:
    """Return the value to compare with, as the history has it."""
    values = np.unique(run.history[setting].values).tolist()
    default = getattr(run.config, setting, None)
    wanted = default if given is None else given
    wanted = -1 if wanted is None else wanted  # a history has no None
    if wanted in values:
        return wanted
    if given is None:
        return values[0]
    known = ", ".join(labels.value(setting, value) for value in values)
    raise invalid("reference", given, f"must be one of {known}")


def comparison_texts(table: pd.DataFrame) -> pd.DataFrame:
    """Return a comparison as texts to print: `compare_times`'s rows, five columns.

    The reference has `-` in place of a comparison. A ratio to or of a median that is not reached is
    `above` or `below` a limit of its interval, and `unknown` without one.
    """
    rows = [
        {
            "reached": f"{row['reached']} of {row['members']}",
            "median (95%)": _median_text(row),
            "ratio (95%)": _ratio_text(row),
            "p": _p_text(row["p"]),
            "p, Holm": _p_text(row["p_holm"]),
        }
        for row in table.to_dict("records")
    ]
    return pd.DataFrame(rows, index=table.index)


def _median_text(row: Mapping[Any, Any]) -> str:
    """Format a median with its band: `1010 (980 to 1060)`; without one if members are too few."""
    found = [row[name] for name in ("median_low", "median", "median_high")]
    if np.isnan([found[0], found[2]]).all():
        return "not reached" if np.isnan(found[1]) else f"{found[1]:.0f}"
    return format_quartiles((found[0], found[1], found[2]))


def _ratio_text(row: Mapping[Any, Any]) -> str:
    """Format a ratio with its interval: `1.68 (1.52 to 1.90)`, `2.07 (above 1.75)`."""
    ratio, low, high = (row[name] for name in ("ratio", "ratio_low", "ratio_high"))
    if np.isnan(low):
        return "-"
    if np.isfinite(low) and np.isfinite(high) and (low > 0 or np.isfinite(ratio)):
        limits = f"{low:.2f} to {high:.2f}"
    elif np.isfinite(high):
        limits = f"below {high:.2f}"
    else:
        limits = f"above {low:.2f}" if 0 < low < np.inf else "unknown"
    return f"{ratio:.2f} ({limits})" if np.isfinite(ratio) else limits


def _p_text(p: float) -> str:
    """Format a p: `0.029`, `< 0.001`, `-` where nothing was tested."""
    if np.isnan(p):
        return "-"
    return "< 0.001" if p < 0.0005 else f"{p:.3f}"
