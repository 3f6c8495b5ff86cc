"""Members at risk at each epoch, and the cumulative incidence (Aalen & Johansen 1978) of them.

Weights count members several times or not at all, so that one call serves all draws of a bootstrap.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from grokjax.analysis.times import CENSORED, Times


class RiskTable(NamedTuple):
    """Members at each of E epochs, ascending, at which some leave the risk set for good.

    epochs: `[E]`. events: members that reach the event, `[..., E]`. exits: these, and those that
    end for good without it. at_risk: members that had not left before. With weights these are sums
    of weights, one row for each row of weights.
    """

    epochs: np.ndarray
    events: np.ndarray
    exits: np.ndarray
    at_risk: np.ndarray

    def shares(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the share that has reached the event by each epoch and is left before it."""
        at_risk = np.maximum(self.at_risk, 1e-300)  # 0 where weights are: nothing is left there
        left = np.cumprod(1 - self.exits / at_risk, axis=-1)
        before = np.concatenate([np.ones_like(left[..., :1]), left[..., :-1]], axis=-1)
        return np.cumsum(before * self.events / at_risk, axis=-1), before


def is_censored(times: Times) -> np.ndarray:
    """Which members may still reach the event, bool `[M]`."""
    return np.isnan(times.epochs) & np.isin(times.end, CENSORED)


def risk_table(
    times: Times, censored_as_latest: bool = False, weights: np.ndarray | None = None
) -> RiskTable:
    """Count members at risk; all were evaluated. weights: `[..., M]`, None for 1 each."""
    order = np.argsort(times.observed, kind="stable")
    sorted_times, observed = times[order], times.observed[order]
    weights = np.ones(len(times)) if weights is None else weights[..., order]
    leaves = ~is_censored(sorted_times) | censored_as_latest
    epochs = np.unique(observed[leaves])
    starts = np.searchsorted(observed, epochs)
    gone = np.cumsum(weights, axis=-1) - weights
    events, exits = (
        np.add.reduceat(weights * mask, starts, axis=-1)
        for mask in (~np.isnan(sorted_times.epochs), leaves)
    )
    return RiskTable(epochs, events, exits, weights.sum(axis=-1, keepdims=True) - gone[..., starts])


def quantile_of(
    epochs: np.ndarray, share: np.ndarray, q: float, known_until: float = np.inf
) -> np.ndarray:
    """Epoch at which a share `[..., E + 1]`, 0 at first, reaches q; see `Incidence.quantile`."""
    low, high = share >= q - 1e-9, share > min(q + 1e-9, 1 - 1e-9)
    first, after = low.argmax(axis=-1), high.argmax(axis=-1)
    found = (epochs[first] + epochs[after]) / 2
    known = low.any(axis=-1) & high.any(axis=-1) & (first > 0) & (epochs[after] <= known_until)
    return np.where(known, found, np.nan)
