"""Quartiles over members at each evaluation."""

from __future__ import annotations

import numpy as np

from grokjax.results.history import forward_fill
from grokjax.runtime.arguments import takes


@takes(values="M T")
def quartile_band(values: np.ndarray) -> np.ndarray:
    """Quartiles over members, `[M, T]` -> `[3, T]`; a member that stopped keeps its last value.

    So each evaluation's quartiles are over all members that have started.
    """
    filled = forward_fill(values)
    known = ~np.isnan(filled).all(axis=0)
    quartiles = np.full((3, values.shape[1]), np.nan)
    with np.errstate(invalid="ignore"):  # interpolating between a number and infinity gives NaN
        between, low, high = (
            np.nanquantile(filled[:, known], (0.25, 0.5, 0.75), axis=0, method=method)
            for method in ("linear", "lower", "higher")
        )
    quartiles[:, known] = np.where(low == high, low, between)  # avoids 0 * inf
    return quartiles
