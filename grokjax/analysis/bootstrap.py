"""Ratio and difference of two median times, with bootstrap intervals over seeds (Efron 1979).

The median is that of `analysis.incidence`, so that censored members and those that diverged count
as they do everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from grokjax.analysis.incidence import incidence
from grokjax.analysis.risk_table import quantile_of, risk_table
from grokjax.analysis.times import Times
from grokjax.runtime.arguments import integer_at_least, takes

RESAMPLES = 2_000
"""Draws that give an interval's limits to about two digits."""

AT_ONCE = 4_000_000
"""Counts of drawn members that a bootstrap holds at a time."""


@dataclass(frozen=True)
class MedianContrast:
    """How the median time of some members compares with that of others.

    ratio, difference: of the medians; NaN where one is not reached. Their 95% intervals are of
    draws of seeds; a limit is infinite, or for a ratio 0, where a draw's median is not reached.
    paired: whether the same seeds were drawn for both.
    """

    ratio: float
    ratio_interval: tuple[float, float]
    difference: float
    difference_interval: tuple[float, float]
    paired: bool


@takes(times=Times, reference=Times, resamples=integer_at_least(1))
def compare_medians(
    times: Times,
    reference: Times,
    seeds: ArrayLike | None = None,
    reference_seeds: ArrayLike | None = None,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> MedianContrast:
    """Compare the median time of M members with that of others, by a bootstrap over seeds.

    Args:
      times: of the members. reference: of those to compare with.
      seeds: of the members, `[M]`, or `[M, K]` if K seeds make a member's data and weights. Members
        of one seed are drawn together. None: each member is drawn alone.
      reference_seeds: of the others. If they are the same seeds, both sides have the same draws, so
        that what a seed's split does to both cancels.
      resamples: draws. seed: of the draws.
    """
    rng = np.random.default_rng(seed)
    (ours, rows), (theirs, other_rows) = (
        _distinct(seeds, len(times)),
        _distinct(reference_seeds, len(reference)),
    )
    paired = seeds is not None and reference_seeds is not None and ours == theirs
    found, step = [], max(1, AT_ONCE // max(len(times), len(reference), 1))
    for start in range(0, resamples, step):
        draws = min(step, resamples - start)
        counts = _draw(rng, len(ours), draws)
        others = counts if paired else _draw(rng, len(theirs), draws)
        medians = _medians(times, counts[:, rows]), _medians(reference, others[:, other_rows])
        found.append(medians)
    drawn, base = np.concatenate(found, axis=1)
    median, other = incidence(times).quantile(0.5), incidence(reference).quantile(0.5)
    with np.errstate(invalid="ignore"):  # of two that are not reached nothing is known
        ratios, differences = drawn / base, drawn - base
    if min(len(ours), len(theirs)) < 2:  # one seed says nothing of others
        ratios, differences = ratios * np.nan, differences * np.nan
    return MedianContrast(
        median / other,
        _interval(ratios, 0.0),
        median - other,
        _interval(differences, -np.inf),
        paired,
    )


def _distinct(seeds: ArrayLike | None, members: int) -> tuple[list[Any], np.ndarray]:
    """Return the distinct seeds, and the place of each member's own among them `[M]`."""
    names = np.arange(members) if seeds is None else np.asarray(seeds)
    distinct, rows = np.unique(names, axis=0, return_inverse=True)
    return distinct.tolist(), rows.reshape(-1)


def _draw(rng: np.random.Generator, size: int, draws: int) -> np.ndarray:
    """Return how often each of `size` seeds is drawn if as many are drawn, `[draws, size]`."""
    if not size:
        return np.zeros((draws, 0), int)
    return rng.multinomial(size, np.full(size, 1 / size), draws)


def _medians(times: Times, counts: np.ndarray) -> np.ndarray:
    """Return medians `[R]` of members that count `[R, M]` times each; inf if not reached."""
    known = ~np.isnan(times.observed)
    if not known.any():
        return np.full(len(counts), np.inf)
    table = risk_table(times[known], weights=counts[:, known].astype(float))
    share = np.pad(table.shares()[0], ((0, 0), (1, 0)))
    median = quantile_of(np.concatenate([[0.0], table.epochs]), share, 0.5)
    return np.where(np.isnan(median), np.inf, median)


def _interval(drawn: np.ndarray, least: float) -> tuple[float, float]:
    """Return the 95% interval of draws; one that is NaN may have any value from `least` on."""
    low, high = (np.where(np.isnan(drawn), limit, drawn) for limit in (least, np.inf))
    return (
        float(np.quantile(low, 0.025, method="lower")),
        float(np.quantile(high, 0.975, method="higher")),
    )
