"""When members memorised and when they grokked, by the rule that ends them.

A split is *learnt* at the first evaluation of the first `stop_patience` evaluations in a
row with an accuracy of at least 99%. A member has memorised once it has learnt the train
split, and grokked once it has learnt the test split, as `grokjax.stopping` has it for
statuses. `analysis.incidence` has the distributions of these times. NumPy throughout.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from grokjax.arguments import ran, takes
from grokjax.stopping import THRESHOLD

if TYPE_CHECKING:
    from grokjax.run import Run

MAY_STILL = ("running", "pending", "max_epochs")
"""Ends of members that may still get there: running on, or if they were given more epochs."""


@dataclass(frozen=True)
class Times:
    """When something happened to each of M members.

    epochs: float64 `[M]`, NaN where it has not happened. seen: float64 `[M]`, for the others
    the epoch until which it is known not to have happened; NaN for a member that was never
    evaluated. end: text `[M]`, why nothing is known later: `running`, `pending`,
    `max_epochs`, or what ended the member for good: `diverged`, or `stopped` once it had
    grokked.
    """

    epochs: np.ndarray
    seen: np.ndarray
    end: np.ndarray

    @classmethod
    def of(cls, epochs: ArrayLike, seen: ArrayLike, end: ArrayLike = "max_epochs") -> Times:
        """Times from anything like arrays; `seen` and `end` may be one value for all."""
        epochs = np.asarray(epochs, np.float64)
        seen = np.broadcast_to(np.asarray(seen, np.float64), epochs.shape)
        return cls(epochs, seen, np.broadcast_to(np.asarray(end, str), epochs.shape))

    def __len__(self) -> int:
        return len(self.epochs)

    def __getitem__(self, members: np.ndarray) -> Times:
        """Those of some members, by a mask or their rows."""
        return Times(self.epochs[members], self.seen[members], self.end[members])

    def only(self, members: np.ndarray) -> Times:
        """The same members, those not chosen as if they had never been evaluated."""
        epochs, seen = (np.where(members, x, np.nan) for x in (self.epochs, self.seen))
        return Times(epochs, seen, np.where(members, self.end, "pending"))

    def __mul__(self, steps: ArrayLike) -> Times:
        """The same in another unit, such as steps: each member's times a number of its own."""
        return Times(self.epochs * steps, self.seen * steps, self.end)

    @property
    def until(self) -> np.ndarray:
        """When it happened or, where it has not, until when that is known."""
        return np.where(np.isnan(self.epochs), self.seen, self.epochs)


class Events(NamedTuple):
    """Times at which members memorised and grokked, and the time between.

    delay: from memorising to grokking, 0 for a member that grokked first; not for members
    that did neither.
    """

    memorised: Times
    grokked: Times
    delay: Times


@takes(values="M T", epochs="T")
def first_epoch(
    values: ArrayLike, epochs: ArrayLike, threshold: float = THRESHOLD, patience: int = 1
) -> np.ndarray:
    """First epoch of the first `patience` evaluations in a row at `threshold` or above.

    Args:
      values: `[M, T]`, such as test accuracies; NaN where a member was not evaluated.
      epochs: `[T]`, ascending. The evaluation of epoch 0, before any training, does not count.
      threshold: in the units of `values`.
      patience: evaluations in a row; 1 for the first crossing.

    Returns:
      float64 `[M]`, epochs; NaN for members that never had so many in a row.
    """
    return _watched(np.asarray(values), np.asarray(epochs), threshold, patience)[0]


def _watched(
    values: np.ndarray, epochs: np.ndarray, threshold: float, patience: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """First epoch of enough in a row, last epoch below the threshold, last epoch; each `[M]`."""
    first, start, below, last = np.full((4, len(values)), np.nan)
    streak = np.zeros(len(values), int)
    for epoch, now in zip(epochs.astype(float), values.T, strict=True):
        known = ~np.isnan(now)
        reached = (now >= threshold) & (epoch > 0)
        start = np.where(reached & (streak == 0), epoch, start)
        streak = np.where(known, np.where(reached, streak + 1, 0), streak)
        first = np.where(np.isnan(first) & (streak >= patience), start, first)
        below = np.where(known & ~reached, epoch, below)
        last = np.where(known, epoch, last)
    return first, below, last


@takes(run=ran)
def events(
    run: Run, train_threshold: float = THRESHOLD, test_threshold: float = THRESHOLD
) -> Events:
    """When each member of a run memorised and grokked.

    The thresholds are accuracies from which a split counts as learnt; other ones than the
    run's own ask for an earlier or later moment by the same rule.
    """
    history, end = run.history, _ends(run)
    epochs, patience = history.epoch.values, run.config.stop_patience

    def learnt(split: str, threshold: float) -> Times:
        values = history[f"{split}_accuracy"].values
        first, below, last = _watched(values, epochs, threshold, patience)
        # Evaluations in a row that are too few yet may turn out to be the first ones.
        undecided = np.isin(end, MAY_STILL) & ~np.isnan(last)
        return Times(first, np.where(undecided, np.nan_to_num(below), last), end)

    memorised, grokked = learnt("train", train_threshold), learnt("test", test_threshold)
    return Events(memorised, grokked, _delay(memorised, grokked))


def _ends(run: Run) -> np.ndarray:
    """Why nothing later is known of each member, see `Times`."""
    status = run.members["status"].to_numpy(str)
    over = ~np.isin(status, ("running", "pending"))
    done = run.members["epochs"].to_numpy() >= run.config.max_epochs
    return np.select(
        [~over, status == "diverged", done], [status, "diverged", "max_epochs"], "stopped"
    )


def _delay(memorised: Times, grokked: Times) -> Times:
    begun = np.where(np.isnan(memorised.epochs), grokked.epochs, memorised.epochs)
    epochs, seen = (np.maximum(x - begun, 0) for x in (grokked.epochs, grokked.seen))
    return Times(epochs, seen, grokked.end)


def learnt_words(split: str, patience: int) -> str:
    """The definition of having learnt a split, for pages and figures."""
    rest = f", the first of {patience} evaluations in a row" if patience > 1 else ""
    return f"{split} accuracy of at least {THRESHOLD:.0%}{rest}"


def rule(patience: int) -> str:
    """What memorised and grokked mean, in two sentences."""
    return f"Memorised: {learnt_words('train', patience)}. Grokked: the same of the test accuracy."


@takes(found=Events)
def phases(found: Events, slow: float) -> np.ndarray:
    """The phase of each member (Liu et al. 2022, Sec. 5): text `[M]`.

    comprehension: learnt the test split within `slow` epochs of the train split;
    grokking: later than that; memorization: the train split alone; confusion:
    neither; empty for one never evaluated. (The paper: thresholds of 0.9, and 1 000
    optimiser steps.)
    """
    memorised, grokked = (~np.isnan(t.epochs) for t in (found.memorised, found.grokked))
    late = found.delay.epochs > slow
    return np.select(
        [grokked & late, grokked, memorised, np.isnan(found.grokked.seen)],
        ["grokking", "comprehension", "memorization", ""],
        "confusion",
    )


def as_text(quartiles: tuple[float, float, float], digits: int = 0) -> str:
    """Median and quartiles in words: `1020 (955 to 1140)`; a NaN is `not reached`."""
    low, middle, high = (
        "not reached" if np.isnan(value) else f"{value:.{digits}f}" for value in quartiles
    )
    return f"{middle} ({low} to {high})"


def held(values: np.ndarray) -> np.ndarray:
    """`[M, T, ...]` with what follows a member's last number filled with it."""
    steps = np.arange(values.shape[1]).reshape(1, -1, *[1] * (values.ndim - 2))
    last = np.maximum.accumulate(np.where(np.isnan(values), 0, steps), axis=1)
    return np.take_along_axis(values, last, axis=1)


@takes(values="M T")
def band(values: np.ndarray) -> np.ndarray:
    """Quartiles over members, `[M, T]` -> `[3, T]`; a member that stopped keeps its last value.

    So the band is over all members that have begun, from end to end.
    """
    whole = held(values)
    known = ~np.isnan(whole).all(axis=0)
    quartiles = np.full((3, values.shape[1]), np.nan)
    with np.errstate(invalid="ignore"):  # between a number and infinity there is no quantile: NaN
        between, low, high = (
            np.nanquantile(whole[:, known], (0.25, 0.5, 0.75), axis=0, method=method)
            for method in ("linear", "lower", "higher")
        )
    quartiles[:, known] = np.where(low == high, low, between)  # NumPy adds 0 * inf, which is NaN
    return quartiles
