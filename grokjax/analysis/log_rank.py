"""Log-rank tests of whether groups of members reach an event at the same times.

As in `analysis.incidence`, a member that ended for good without the event, such as by diverging,
never reaches it. It stays at risk to the end, so that tests compare the shares of members that have
reached the event, and not only the speed of those that still can (Fine & Gray 1999, Sec. 3.1: the
end of follow-up is known, as it is `max_epochs`). Censored members leave the risk set at the end of
their follow-up. A log-rank test has most power where one group is ahead throughout, and little
where the shares cross. Statistic: Mantel 1966, Peto & Peto 1972. Several tests: Holm 1979.
"""

from __future__ import annotations

import itertools
import math
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy import stats

from grokjax.analysis.risk_table import is_censored
from grokjax.analysis.times import Times
from grokjax.errors import invalid

MOST_SPLITS = 20_000
"""Ways to split members into two groups up to which all are tried, such as 12 870 for 8 and 8."""


class LogRank(NamedTuple):
    """A log-rank test of the hypothesis that the times of all groups have one distribution.

    statistic: the excess of events squared, in units of its variance. p: the probability of one as
    large. exact: whether p counts all ways to split the members, as it does for two small groups;
    else it is that of the chi-squared distribution, with a degree of freedom less than groups.
    groups, members, reached: how many there are.
    """

    statistic: float
    p: float
    exact: bool
    groups: int
    members: int
    reached: int


class Counts(NamedTuple):
    """Members of G groups at the E epochs at which any reached the event.

    epochs: `[E]`. at_risk, reached: `[G, E]`.
    """

    epochs: np.ndarray
    at_risk: np.ndarray
    reached: np.ndarray

    @property
    def hazard(self) -> np.ndarray:
        """Share of the members at risk that reach the event at each epoch, `[E]`."""
        return self.reached.sum(axis=0) / self.at_risk.sum(axis=0)


def log_rank(*groups: Times) -> LogRank:
    """Test whether groups of members reach an event at the same times.

    Args:
      groups: times of each of two or more groups; members never evaluated are left out.

    Returns:
      The test; its p is NaN if no member reached the event, or no two groups have members then.

    Raises ConfigError for fewer than two groups.
    """
    if len(groups) < 2 or not all(isinstance(group, Times) for group in groups):
        raise invalid("groups", groups, "must be two or more analysis.times.Times")
    known = [group[~np.isnan(group.observed)] for group in groups]
    sizes = [len(group) for group in known]
    counts = _count(known)
    excess = (counts.reached - counts.at_risk * counts.hazard).sum(axis=1)
    covariance = _covariance(counts)
    freedom = int(np.linalg.matrix_rank(covariance, hermitian=True))
    statistic = float(excess @ np.linalg.pinv(covariance, hermitian=True) @ excess)
    exact = len(groups) == 2 and math.comb(sum(sizes), sizes[0]) <= MOST_SPLITS
    if not freedom:
        p, exact = float("nan"), False
    elif exact:
        scores = [_scores(group, counts) for group in known]
        p = _share_of_splits(np.concatenate(scores), sizes[0])
    else:
        p = float(stats.chi2.sf(statistic, freedom))
    return LogRank(statistic, p, exact, len(groups), sum(sizes), int(counts.reached.sum()))


def _last_at_risk(times: Times) -> np.ndarray:
    """Return the last epoch at which each member is at risk, `[M]`: inf if it ended for good."""
    ended = np.isnan(times.epochs) & ~is_censored(times)
    return np.where(ended, np.inf, times.observed)


def _count(groups: list[Times]) -> Counts:
    """Count the members of each group at risk, and those that reach the event."""
    reached = [np.sort(group.epochs[~np.isnan(group.epochs)]) for group in groups]
    epochs = np.unique(np.concatenate(reached))
    last = [np.sort(_last_at_risk(group)) for group in groups]
    at_risk = [len(each) - np.searchsorted(each, epochs) for each in last]
    events = [np.searchsorted(r, epochs, "right") - np.searchsorted(r, epochs) for r in reached]
    return Counts(epochs, np.array(at_risk, float), np.array(events, float))


def _covariance(counts: Counts) -> np.ndarray:
    """Return the covariance of the groups' numbers of events, `[G, G]` (hypergeometric)."""
    total = counts.at_risk.sum(axis=0)
    share = counts.at_risk / total
    variance = counts.hazard * (1 - counts.hazard) * total**2 / np.maximum(total - 1, 1)
    return np.diag((share * variance).sum(axis=1)) - (share * variance) @ share.T


def _scores(times: Times, counts: Counts) -> np.ndarray:
    """Return each member's event, 0 or 1, less the hazards it has been through; sum 0 over all."""
    through = np.concatenate([[0.0], np.cumsum(counts.hazard)])
    happened = ~np.isnan(times.epochs)
    return happened - through[np.searchsorted(counts.epochs, _last_at_risk(times), "right")]


def _share_of_splits(scores: np.ndarray, size: int) -> float:
    """Return the share of subsets of this size whose sum is as far from 0 as the first ones'."""
    rows = np.array(list(itertools.combinations(range(len(scores)), size)))
    sums = np.abs(scores[rows].sum(axis=1))
    return float(np.mean(sums >= abs(scores[:size].sum()) - 1e-9))


def holm(p: ArrayLike) -> np.ndarray:
    """Adjust the p of several tests, `[...]` (Holm 1979); NaN stays NaN and is no test.

    If all hypotheses whose adjusted p is below .05 are rejected, the probability that any of them
    is true is at most 5%.

    >>> holm([0.01, 0.04, 0.03, 0.005]).round(2).tolist()
    [0.03, 0.06, 0.06, 0.02]
    """
    p = np.asarray(p, float)
    order = np.argsort(p, axis=None)[: np.isfinite(p).sum()]
    adjusted = np.full(p.size, np.nan)
    scaled = p.ravel()[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(scaled), 1)
    return adjusted.reshape(p.shape)
