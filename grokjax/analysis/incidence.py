"""The share of members that had got there by each epoch, and how sure it is.

Three things can become of a member: it gets there; it ends for good otherwise, such as
by diverging, and never will (a *competing risk*); or it is *censored*: it may still get
there later than it was evaluated, as one that is running or that reached `max_epochs`.
Aalen & Johansen 1978 estimate the cumulative incidence from all three. Without
competing risks it is one minus the estimate of Kaplan & Meier 1958, which would take a
member that diverged for one that might still grok.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import betaincinv

from grokjax.analysis.timing import MAY_STILL, Events, Times, as_text
from grokjax.arguments import sequence, takes

ENDS = {"max_epochs": "reached max_epochs", "stopped": "stopped"}
"""Ends in words, where they differ from their names."""


@dataclass(frozen=True)
class Incidence:
    """Cumulative incidence: the share of members that had got there, against epochs.

    One row for before any got there, then one for each distinct epoch at which some
    did, ascending, `[E + 1]`.

    epochs: of the rows, the first is 0. share: at that epoch and until the next.
    low, high: 95% band of the share. members, got_there: counts. ends: of those that
    did not get there, how many ended in each way, see `timing.Times`. last: last epoch
    that any was evaluated at. known_until: epoch until which the share is known; beyond
    it is a lower bound, and no quantile is given.
    """

    epochs: np.ndarray
    share: np.ndarray
    low: np.ndarray
    high: np.ndarray
    members: int
    got_there: int
    ends: dict[str, int]
    last: float
    known_until: float = np.inf

    def quantile(self, q: float, curve: np.ndarray | None = None) -> float:
        """Epoch by which a share q had got there; NaN where that is not known or never.

        Where the curve is level at exactly q, the middle of that level; NaN if it stays there.
        """
        share = self.share if curve is None else curve
        reached = np.flatnonzero(share >= q - 1e-9)
        if not len(reached) or reached[0] == 0:
            return float("nan")
        i = j = reached[0]
        if share[i] < min(q + 1e-9, 1 - 1e-9):
            j = i + 1
        if j == len(share) or self.epochs[j] > self.known_until:
            return float("nan")
        return float((self.epochs[i] + self.epochs[j]) / 2)

    def quartiles(self) -> tuple[float, float, float]:
        """Epochs by which 25, 50 and 75% of all members had got there."""
        return self.quantile(0.25), self.quantile(0.5), self.quantile(0.75)

    def median_band(self) -> tuple[float, float]:
        """95% band of the median: epochs at which the band of the share holds one half.

        Where nothing was censored before, these are order statistics of the times, as
        the binomial distribution has them. NaN for an end that is not known, so for both
        with fewer than six members.
        """
        return self.quantile(0.5, self.high), self.quantile(0.5, self.low)

    @property
    def may_still(self) -> int:
        """How many members may still get there; the others that did not never will."""
        return sum(self.ends.get(end, 0) for end in MAY_STILL)

    def counts(self) -> str:
        """How many got there, and what became of the others: `6 of 10 members, 4 diverged`."""
        others = [f"{n} {ENDS.get(end, end)}" for end, n in self.ends.items()]
        return ", ".join([f"{self.got_there} of {self.members} members", *others])

    def in_words(self, unit: str = "epoch") -> str:
        """Median, quartiles and counts: `epoch 980 (910 to 1190), 8 of 8 members`."""
        quartiles = self.quartiles()
        known = not np.isnan(quartiles).all()
        when = f"{unit} {as_text(quartiles)}" if known else "quartiles not reached"
        return f"{when}, {self.counts()}"


@takes(times=Times)
def incidence(times: Times, later: bool = False) -> Incidence:
    """Cumulative incidence over members (Aalen & Johansen 1978), with a 95% band.

    Args:
      times: of the members; those that were never evaluated are left out.
      later: count members that may still get there as later than all that did, instead
        of censoring them; for times at whose censoring one must not guess. The share is
        then known until the first of them was last evaluated.
    """
    times = times[~np.isnan(times.until)]
    there, until = ~np.isnan(times.epochs), times.until
    may_still = ~there & np.isin(times.end, MAY_STILL)
    over = there | later | ~may_still
    epochs, rows = np.unique(until[over], return_inverse=True)
    got = np.bincount(rows, there[over], len(epochs))
    out = np.bincount(rows, minlength=len(epochs))
    at_risk = np.array([np.sum(until >= epoch) for epoch in epochs], np.float64)
    before = np.cumprod([1.0, *(1 - out / at_risk)])[:-1]  # share that nothing had become of
    share = np.cumsum(before * got / at_risk)
    variance = _variance(share, before, got, out, at_risk)
    kept = got > 0
    first = epochs[kept][0] if kept.any() else until.max(initial=0.0)
    certain = float(np.sum(over | (until >= first)))  # not there before the first that was
    share = np.concatenate([[0.0], share[kept]])
    low, high = _band(share, np.concatenate([[0.0], variance[kept]]), certain)
    return Incidence(
        np.concatenate([[0.0], epochs[kept]]),
        share,
        low,
        high,
        members=len(until),
        got_there=int(there.sum()),
        ends=dict(Counter(times.end[~there].tolist())),
        last=float(until.max(initial=0.0)),
        known_until=float(until[may_still].min(initial=np.inf)) if later else np.inf,
    )


def _variance(
    share: np.ndarray, before: np.ndarray, got: np.ndarray, out: np.ndarray, at_risk: np.ndarray
) -> np.ndarray:
    """Variance of the share at each epoch, by the delta method (Marubini & Valsecchi 1995).

    Without competing risks it is Greenwood's, without censoring the binomial one.
    """
    rest = at_risk - out
    hazard = np.divide(out, at_risk * rest, out=np.zeros(len(out)), where=rest > 0)
    still = np.tril(share[:, None] - share[None, :])  # [E, E] got there since, up to each epoch
    since = np.tril(np.ones((len(share), len(share))))
    own = before**2 * got * (at_risk - got) / at_risk**3
    return still**2 @ hazard + since @ own - 2 * still @ (before * got / at_risk**2)


def _band(share: np.ndarray, variance: np.ndarray, certain: float) -> tuple[np.ndarray, np.ndarray]:
    """Clopper & Pearson's 95% interval of each share, with its effective sample size.

    That is the number of uncensored members that would give its variance (Dorey & Korn
    1987), and without censoring the number of members, which makes the interval exact.
    Where the variance says nothing, at 0 and 1, it is that of the row before;
    `certain` is that of the first.
    """
    size = np.full(len(share), certain)
    for i in range(1, len(share)):
        known = variance[i] > 1e-12
        size[i] = share[i] * (1 - share[i]) / variance[i] if known else size[i - 1]
    count = share * size
    rest = size - count
    with np.errstate(invalid="ignore"):
        low = np.where(count < 1e-9, 0.0, betaincinv(count, rest + 1, 0.025))
        high = np.where(rest < 1e-9, 1.0, betaincinv(count + 1, rest, 0.975))
    return low, high


@takes(values=sequence, times=Times)
def by_value(values: np.ndarray, times: Times) -> dict[Any, Incidence]:
    """`incidence` of the members at each value of a setting `[M]`, ascending."""
    return {value: incidence(times[values == value]) for value in np.unique(values)}


@takes(found=Events)
def time_to(found: Events) -> dict[str, Incidence]:
    """The incidence of memorising, of grokking, and of the delay between them, by name.

    The delay is over the members that memorised. Those that memorised late were watched
    for a short time afterwards, so censoring depends on the times and the estimate would
    be wrong; members that have not grokked count as later than all that have.
    """
    return {
        "memorised": incidence(found.memorised),
        "grokked": incidence(found.grokked),
        "delay": incidence(found.delay, later=True),
    }


@takes(found=Events)
def delay_of_grokked(found: Events) -> Incidence:
    """The delay of those members alone that have grokked: nothing is censored."""
    return incidence(found.delay[~np.isnan(found.delay.epochs)])


@takes(values=sequence, found=Events)
def in_words(name: str, values: np.ndarray, found: Events) -> list[str]:
    """Both times at each value of a setting, a line each: medians, quartiles, counts."""
    return [
        f"{name} {value}: {label}: {curve.in_words()}"
        for label in ("memorised", "grokked")
        for value, curve in by_value(values, getattr(found, label)).items()
    ]
