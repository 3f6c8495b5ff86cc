"""The reduced loss landscape of Liu et al. 2023 (Omnigrok, Sec. 2).

With the norm of all weights held at w, the lowest train loss is l~(w). The test loss of the same
weights, against w, has the shape of a U where that of the train loss has the shape of an L.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from grokjax.results.run import Run
from grokjax.runtime.arguments import run_like, takes

if TYPE_CHECKING:
    import xarray as xr

MEASURED = ("train_loss", "test_loss", "train_accuracy", "test_accuracy", "weight_norm")


@takes(run=run_like)
def reduced_landscape(run: Run) -> xr.Dataset:
    """Return what was recorded at each member's lowest train loss, over the swept settings.

    Args:
      run: members at fixed norms, `fixed_norm=True`, with `init_scale` swept and any other
        settings, such as seeds and train fractions.

    Returns:
      A Dataset of train and test loss and accuracy, weight norm and `epoch`, with a dim for each
      swept setting; NaN where a member has no evaluation or the sweep no member.
    """
    import xarray as xr

    train = run.grid("train_loss")
    best = train.fillna(np.inf).argmin("eval")
    found = xr.Dataset({name: run.grid(name).isel(eval=best) for name in MEASURED})
    return found.reset_coords("epoch").where(train.notnull().any("eval"))
