"""Made-up histories of sweeps, and what a figure shows, for tests of figures."""

import numpy as np
import xarray as xr
from matplotlib.backends.backend_agg import FigureCanvasAgg

from grokjax.analysis.times import Times


def swept(seeds=3, evaluations=6, **axes):
    """A made-up history of all combinations, seed fastest; accuracy is not the same anywhere."""
    names = [*axes, "seed"]
    grid = np.meshgrid(*axes.values(), np.arange(seeds), indexing="ij")
    members = grid[0].size
    rng = np.random.default_rng(0)
    shape = ("member", "eval")
    data = {
        f"{split}_{what}": (shape, rng.uniform(0.1, 1, (members, evaluations)))
        for split in ("train", "test")
        for what in ("accuracy", "loss")
    }
    data["weight_norm"] = (shape, rng.uniform(1, 2, (members, evaluations)))
    data["layer_norm"] = (("member", "eval", "layer"), rng.uniform(1, 2, (members, evaluations, 2)))
    epochs = np.arange(evaluations) * 20
    coordinates = {
        "epoch": ("eval", epochs),
        "step": (shape, np.tile(epochs * 7, (members, 1))),
        "layer": ["embed", "output"],
        **{n: ("member", g.ravel()) for n, g in zip(names, grid, strict=True)},
    }
    return xr.Dataset(data, coordinates, {"task": "a + b mod 7", "loss": "mean squared error"})


def medians(history, name, **settings):
    chosen = np.ones(history.sizes["member"], bool)
    for setting, value in settings.items():
        chosen &= history[setting].values == value
    return np.median(history[name].values[chosen], axis=0)


def times_of(history):
    """Two of three members of every cell get there, at epochs of their own; one diverges."""
    epochs = np.arange(10.0, 10 * history.sizes["member"] + 10, 10)
    epochs[::3] = np.nan
    return Times.from_arrays(epochs, 400, np.where(np.isnan(epochs), "diverged", "stopped"))


def line_values(ax):
    return [line.get_ydata() for line in ax.lines]


def visible_boxes(ax):
    """Extents of the texts that are seen."""
    canvas = FigureCanvasAgg(ax.get_figure())
    canvas.draw()
    renderer = canvas.get_renderer()
    return [text.get_window_extent(renderer) for text in ax.texts if text.get_visible()]
