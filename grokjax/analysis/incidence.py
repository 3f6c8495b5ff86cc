"""Cumulative incidence: the share of members that memorised or grokked by each epoch.

A member can reach the event; it can end for good without it, such as by diverging (a
*competing risk*); or it can be *censored*, so that it may still reach the event later: it is
running, or it ended at `max_epochs`. The estimator is Aalen & Johansen 1978. Without competing
risks it is one minus Kaplan & Meier 1958, which would count a member that diverged as one that
might still grok. Variance: Marubini & Valsecchi 1995. Intervals: Clopper & Pearson 1934, Dorey
& Korn 1987.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaincinv

from grokjax.analysis.risk_table import is_censored, quantile_of, risk_table
from grokjax.analysis.times import CENSORED, Events, Times, format_quartiles
from grokjax.runtime.arguments import sequence, takes

ENDS = {"max_epochs": "reached max_epochs", "stopped": "stopped"}
"""Descriptions of ends that differ from their names."""


@dataclass(frozen=True)
class Incidence:
    """Cumulative incidence: the share of members that have reached an event, against epochs.

    Arrays have E + 1 rows: one at epoch 0, then one for each distinct epoch at which members
    reached the event, ascending.

    epochs: `[E + 1]`. share: `[E + 1]`, from this epoch to the next. low, high: `[E + 1]`, 95%
      confidence band of the share.
    members: how many were evaluated. reached: how many reached the event. ends: number of the
      other members by `Times.end`. last_epoch: epoch of the last evaluation of any member.
    known_until: epoch until which the share is known; from there on it is a lower bound, and
      quantiles are NaN.
    """

    epochs: np.ndarray
    share: np.ndarray
    low: np.ndarray
    high: np.ndarray
    members: int
    reached: int
    ends: dict[str, int]
    last_epoch: float
    known_until: float = np.inf

    def quantile(self, q: float, curve: np.ndarray | None = None) -> float:
        """Epoch by which a share q of members reached the event; NaN if unknown or never.

        If the curve is level at exactly q, this is the middle of the level; NaN if it does not
        rise again. `curve` replaces the share, such as by its upper limit `high`.
        """
        share = self.share if curve is None else curve
        return float(quantile_of(self.epochs, share, q, self.known_until))

    def quartiles(self) -> tuple[float, float, float]:
        """Epochs by which 25, 50 and 75% of the members reached the event."""
        return self.quantile(0.25), self.quantile(0.5), self.quantile(0.75)

    def median_band(self) -> tuple[float, float]:
        """95% confidence interval of the median: epochs whose band of the share includes 1/2.

        Without censoring its limits are the order statistics of the binomial interval. A limit
        that is not known is NaN; with fewer than six members both are.
        """
        return self.quantile(0.5, self.high), self.quantile(0.5, self.low)

    @property
    def censored(self) -> int:
        """Number of members that may still reach the event; the other ones never will."""
        return sum(self.ends.get(end, 0) for end in CENSORED)

    def counts(self) -> str:
        """Number that reached the event, and ends of the others: `6 of 10 members, 4 diverged`."""
        others = [f"{n} {ENDS.get(end, end)}" for end, n in self.ends.items()]
        return ", ".join([f"{self.reached} of {self.members} members", *others])

    def summary(self, unit: str = "epoch") -> str:
        """Median, quartiles and counts as text: `epoch 980 (910 to 1190), 8 of 8 members`."""
        quartiles = self.quartiles()
        known = not np.isnan(quartiles).all()
        when = f"{unit} {format_quartiles(quartiles)}" if known else "quartiles not reached"
        return f"{when}, {self.counts()}"


@takes(times=Times)
def incidence(times: Times, censored_as_latest: bool = False) -> Incidence:
    """Cumulative incidence over members (Aalen & Johansen 1978), with a 95% confidence band.

    Args:
      times: of the members; members that were never evaluated are left out.
      censored_as_latest: treat censored members as later than all that reached the event. Use
        it where censoring depends on the time itself, as for delays. The share is then known
        until the earliest end of follow-up of a censored member.
    """
    times = times[~np.isnan(times.observed)]
    reached, observed = ~np.isnan(times.epochs), times.observed
    censored = is_censored(times)
    table = risk_table(times, censored_as_latest)
    epochs, events, exits, at_risk = table
    share, surviving = table.shares()
    variance = _variance(share, surviving, events, exits, at_risk)
    steps = events > 0
    first = epochs[steps][0] if steps.any() else observed.max(initial=0.0)
    uncensored = np.sum(~censored | censored_as_latest | (observed >= first))  # before `first`
    share = np.concatenate([[0.0], share[steps]])
    low, high = _band(share, np.concatenate([[0.0], variance[steps]]), float(uncensored))
    return Incidence(
        np.concatenate([[0.0], epochs[steps]]),
        share,
        low,
        high,
        members=len(observed),
        reached=int(reached.sum()),
        ends=dict(Counter(times.end[~reached].tolist())),
        last_epoch=float(observed.max(initial=0.0)),
        known_until=float(observed[censored].min(initial=np.inf)) if censored_as_latest else np.inf,
    )


def _variance(
    share: np.ndarray,
    surviving: np.ndarray,
    events: np.ndarray,
    exits: np.ndarray,
    at_risk: np.ndarray,
) -> np.ndarray:
    """Variance of the share at each epoch, by the delta method (Marubini & Valsecchi 1995).

    Without competing risks it is Greenwood's variance, without censoring the binomial one.
    """
    rest = at_risk - exits
    hazard = np.divide(exits, at_risk * rest, out=np.zeros(len(exits)), where=rest > 0)
    gain = np.tril(share[:, None] - share[None, :])  # [E, E], from column's epoch to row's
    up_to = np.tril(np.ones((len(share), len(share))))
    own = surviving**2 * events * (at_risk - events) / at_risk**3
    covariance = gain @ (surviving * events / at_risk**2)
    return gain**2 @ hazard + up_to @ own - 2 * covariance


def _band(
    share: np.ndarray, variance: np.ndarray, uncensored: float
) -> tuple[np.ndarray, np.ndarray]:
    """95% interval of each share (Clopper & Pearson 1934), with its effective sample size.

    The effective size is the number of uncensored members with the same variance (Dorey & Korn
    1987); without censoring it is the number of members, and the interval is exact. Where the
    variance is 0, at shares 0 and 1, the size is that of the row before, and `uncensored` in
    the first row.
    """
    size = np.full(len(share), uncensored)
    for i in range(1, len(share)):
        known = variance[i] > 1e-12
        size[i] = share[i] * (1 - share[i]) / variance[i] if known else size[i - 1]
    return binomial_interval(share * size, size)


def binomial_interval(count: ArrayLike, trials: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return the 95% interval of a probability (Clopper & Pearson 1934); exact at 0 and 1.

    Both may be fractions, as effective numbers are, in arrays of any shape; so are the lower and
    the upper ends.
    """
    count, trials = np.broadcast_arrays(np.asarray(count, float), np.asarray(trials, float))
    rest = trials - count
    with np.errstate(invalid="ignore"):
        low = np.where(count < 1e-9, 0.0, betaincinv(count, rest + 1, 0.025))
        high = np.where(rest < 1e-9, 1.0, betaincinv(count + 1, rest, 0.975))
    return low, high


@takes(values=sequence, times=Times)
def by_value(values: np.ndarray, times: Times) -> dict[Any, Incidence]:
    """`incidence` of the members at each value of a setting, `values [M]`; values ascend."""
    return {value: incidence(times[values == value]) for value in np.unique(values)}


@takes(found=Events)
def time_to(found: Events) -> dict[str, Incidence]:
    """Incidences by name: `memorised`, `grokked`, and the `delay` between them.

    The delay is over the members that memorised. Members that memorised late had a short
    follow-up afterwards, so their censoring depends on the times and would bias the estimate.
    Therefore members that have not grokked count as later than all that have.
    """
    return {
        "memorised": incidence(found.memorised),
        "grokked": incidence(found.grokked),
        "delay": incidence(found.delay, censored_as_latest=True),
    }


@takes(found=Events)
def delay_of_grokked(found: Events) -> Incidence:
    """Incidence of the delay over the members that grokked; no member is censored."""
    return incidence(found.delay[~np.isnan(found.delay.epochs)])


@takes(values=sequence, found=Events)
def summaries_by_value(name: str, values: np.ndarray, found: Events) -> list[str]:
    """A line for each event and value of a setting, `values [M]`: median, quartiles, counts."""
    return [
        f"{name} {value}: {label}: {curve.summary()}"
        for label in ("memorised", "grokked")
        for value, curve in by_value(values, getattr(found, label)).items()
    ]
