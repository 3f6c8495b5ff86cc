"""A small history for tests of figures."""

import numpy as np
import pytest
import xarray as xr


@pytest.fixture
def history():
    rng = np.random.default_rng(0)
    shape = ("member", "eval")
    names = ("train_accuracy", "test_accuracy", "train_loss", "test_loss")
    data = {name: (shape, rng.uniform(0.1, 1, (3, 5))) for name in names}
    data["layer_norm"] = (("member", "eval", "layer"), rng.uniform(1, 2, (3, 5, 2)))
    return xr.Dataset(data, {"epoch": ("eval", np.arange(5) * 20), "layer": ["embed", "output"]})
