"""When members memorised and when they grokked, those that never did included.

A member that had not got there when it was last looked at is *censored*: it
would have taken longer than that. Kaplan & Meier 1958 estimate the distribution
of times from both kinds; a mean over those that got there would be too early.
NumPy throughout.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from grokjax.stopping import THRESHOLD


def first_epoch(values: ArrayLike, epochs: ArrayLike, threshold: float) -> np.ndarray:
    """The first logged epoch at which each member is at `threshold` or above.

    Args:
      values: `[M, T]`, such as test accuracies; NaN where nothing was logged.
      epochs: `[T]`, ascending.
      threshold: in the units of `values`.

    Returns:
      float64 `[M]`, epochs; NaN for members that never were.
    """
    values = np.asarray(values)
    if values.shape[1] == 0:
        return np.full(len(values), np.nan)
    reached = values >= threshold  # [M, T]; a NaN is not
    first = np.asarray(epochs, np.float64)[reached.argmax(axis=1)]
    return np.where(reached.any(axis=1), first, np.nan)


class Events(NamedTuple):
    """Epochs of each member, float64 `[M]`; NaN for what did not happen."""

    memorised: np.ndarray  # training accuracy learnt
    grokked: np.ndarray  # test accuracy learnt
    delay: np.ndarray  # from the one to the other, 0 if grokking came first
    seen: np.ndarray  # last looked at; NaN: never


def events(
    train_accuracy: ArrayLike,
    test_accuracy: ArrayLike,
    epochs: ArrayLike,
    train_threshold: float = THRESHOLD,
    test_threshold: float = THRESHOLD,
) -> Events:
    """When each member memorised and grokked, from accuracies `[M, T]` at `epochs [T]`."""
    train, test = np.asarray(train_accuracy), np.asarray(test_accuracy)
    memorised = first_epoch(train, epochs, train_threshold)
    grokked = first_epoch(test, epochs, test_threshold)
    logged = np.where(np.isnan(test), np.nan, np.asarray(epochs, np.float64)[None])
    seen = np.max(logged, axis=1, initial=-np.inf, where=~np.isnan(logged))
    return Events(
        memorised,
        grokked,
        np.maximum(grokked - memorised, 0),
        np.where(np.isinf(seen), np.nan, seen),
    )


class Survival(NamedTuple):
    """Kaplan-Meier estimate of the share of members that are not there yet.

    One row a distinct epoch at which some got there, ascending, `[E]`.
    """

    epochs: np.ndarray
    share: np.ndarray  # just after that epoch
    low: np.ndarray  # 95% band: Greenwood's variance on the scale of log(-log share)
    high: np.ndarray
    members: int
    got_there: int
    last: float  # epoch at which any was last looked at

    def quantile(self, q: float, curve: np.ndarray | None = None) -> float:
        """Epoch by which a share q is there; NaN where that is not known.

        Where the curve is exactly level at 1 - q, the middle of the level piece.
        """
        share = self.share if curve is None else curve
        below = np.flatnonzero(share <= 1 - q + 1e-9)
        if not len(below):
            return float("nan")
        i = below[0]
        if abs(share[i] - (1 - q)) > 1e-9 or share[i] < 1e-9:
            return float(self.epochs[i])
        if i + 1 == len(share):
            return float("nan")  # level until censored: it may be any time later
        return float(self.epochs[i : i + 2].mean())

    def quartiles(self) -> tuple[float, float, float]:
        """Epochs by which 25, 50 and 75% are there."""
        return self.quantile(0.25), self.quantile(0.5), self.quantile(0.75)

    def median_band(self) -> tuple[float, float]:
        """95% band of the median, from that of the curve (Brookmeyer & Crowley 1982).

        NaN for an end that is not known, and for both with fewer than six
        members: not even all of them together hold the median with 95% then.
        """
        if self.members < 6:
            return float("nan"), float("nan")
        return self.quantile(0.5, self.low), self.quantile(0.5, self.high)


def kaplan_meier(times: ArrayLike, seen: ArrayLike) -> Survival:
    """The distribution of times over members, some of them censored.

    Args:
      times: `[M]`, such as `Events.grokked`; NaN for members that did not get there.
      seen: `[M]`, until when each was looked at, in the same units; a member with
        NaN here and in `times` is left out.
    """
    times = np.asarray(times, np.float64)
    there = ~np.isnan(times)
    until = np.where(there, times, np.asarray(seen, np.float64))
    there, until = there[~np.isnan(until)], until[~np.isnan(until)]
    epochs, count = np.unique(until[there], return_counts=True)
    at_risk = np.array([np.sum(until >= epoch) for epoch in epochs], np.float64)
    share = np.cumprod(1 - count / at_risk)
    with np.errstate(divide="ignore", invalid="ignore"):
        greenwood = np.cumsum(count / (at_risk * (at_risk - count)))
        spread = np.exp(1.96 * np.sqrt(greenwood) / np.log(share))
        low, high = share ** (1 / spread), share**spread
    if len(share) and share[-1] <= 0:  # none is left: the band has no upper end but the last one
        low[-1], high[-1] = 0.0, high[-2] if len(share) > 1 else 1.0
    return Survival(
        epochs,
        share,
        low,
        high,
        members=len(until),
        got_there=int(there.sum()),
        last=float(until.max(initial=0.0)),
    )


def by_value(values: np.ndarray, times: np.ndarray, seen: np.ndarray) -> dict[Any, Survival]:
    """`kaplan_meier` of the members at each value of a setting, ascending; all `[M]`."""
    chosen = {value: values == value for value in np.unique(values)}
    return {value: kaplan_meier(times[at], seen[at]) for value, at in chosen.items()}


def in_words(name: str, values: np.ndarray, found: Events) -> list[str]:
    """Both times at each value of a setting, a line each: medians, quartiles, counts."""
    lines = []
    for label, times in (("train", found.memorised), ("test", found.grokked)):
        for value, curve in by_value(values, times, found.seen).items():
            there = f"{curve.got_there} of {curve.members} members"
            lines.append(
                f"{name} {value}: {label} accuracy >= 99% at {as_text(curve.quartiles())}, {there}"
            )
    return lines


def time_to(found: Events) -> dict[str, Survival]:
    """The distributions of all three times, by name.

    The delay is that of members which memorised; one that did and never grokked
    is censored at the time since.
    """
    return {
        "memorised": kaplan_meier(found.memorised, found.seen),
        "grokked": kaplan_meier(found.grokked, found.seen),
        "delay": kaplan_meier(found.delay, found.seen - found.memorised),
    }


def phases(found: Events, slow: float) -> np.ndarray:
    """The phase of each member (Liu et al. 2022, Sec. 5): text `[M]`.

    comprehension: learnt the test set within `slow` epochs of the training set;
    grokking: later than that; memorization: the training set alone; confusion:
    neither; empty for one never looked at. (The paper: thresholds of 0.9, and 1 000
    optimiser steps.)
    """
    memorised, grokked = ~np.isnan(found.memorised), ~np.isnan(found.grokked)
    late = found.delay > slow
    return np.select(
        [grokked & late, grokked, memorised, np.isnan(found.seen)],
        ["grokking", "comprehension", "memorization", ""],
        "confusion",
    )


def as_text(quartiles: tuple[float, float, float], digits: int = 0) -> str:
    """Median and quartiles in words: `1020 (955 to 1140)`; a NaN is `unknown`."""
    low, middle, high = (
        "unknown" if np.isnan(value) else f"{value:.{digits}f}" for value in quartiles
    )
    return f"{middle} ({low} to {high})"


def held(values: np.ndarray) -> np.ndarray:
    """`[M, T, ...]` with what follows a member's last number filled with it."""
    steps = np.arange(values.shape[1]).reshape(1, -1, *[1] * (values.ndim - 2))
    last = np.maximum.accumulate(np.where(np.isnan(values), 0, steps), axis=1)
    return np.take_along_axis(values, last, axis=1)


def band(values: np.ndarray) -> np.ndarray:
    """Quartiles over members, `[M, T]` -> `[3, T]`; a member that stopped keeps its last value.

    So the band is over all members that have begun, from end to end.
    """
    whole = held(values)
    known = ~np.isnan(whole).all(axis=0)
    quartiles = np.full((3, values.shape[1]), np.nan)
    with np.errstate(invalid="ignore"):  # between two infinities there is no quantile: NaN
        quartiles[:, known] = np.nanquantile(whole[:, known], (0.25, 0.5, 0.75), axis=0)
    return quartiles
