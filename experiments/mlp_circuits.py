"""Does the notebook's network compute the Clock or the Pizza, and does that change as it groks?

The measures of Zhong et al. 2023 for an ensemble of the recipe `notebook`, at every evaluation, and
for variations of its weight decay, width, activation and first layer.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.figure import Figure

import grokjax
from grokjax import Sweep, plots, recipes
from grokjax.analysis.circuits import CIRCULAR, circuits
from grokjax.analysis.incidence import incidence
from grokjax.analysis.times import events
from grokjax.cli.scripts import TrainingFlags, run_script, save_results, train_or_resume
from grokjax.cli.summary import summarise
from grokjax.config import labels
from grokjax.plots.style import figure_of
from grokjax.results.history import forward_fill

LABELS = ("pizza", "clock", "neither")
RECORDED = ("gradient_symmetricity", "distance_irrelevance", "component_circularity")
VARIATIONS: dict[str, tuple[Any, ...]] = {
    "weight_decay": (0.5, 2.0),
    "hidden_dim": (128, 512),
    "activation": ("gelu", "square"),
    "combine": ("sum",),
}
"""Settings that are changed one at a time."""


@dataclass
class Args(TrainingFlags):
    """Measure gradient symmetricity and distance irrelevance of the notebook's network."""

    seeds: int = 64
    """Seeds of the recipe itself; each seed has its own split."""
    vary: tuple[Literal["weight_decay", "hidden_dim", "activation", "combine"], ...] = (
        *("weight_decay", "hidden_dim", "activation", "combine"),
    )
    """Settings to change, one at a time."""
    varied_seeds: int = 8
    """Seeds of each variation."""
    extra_epochs: int = 200
    """Epochs that a member goes on after it has grokked."""
    max_epochs: int = 4_000
    """Most epochs of a member."""


def main(args: Args) -> None:
    base = recipes.get("notebook").config
    base = base.replace(extra_epochs=args.extra_epochs, max_epochs=args.max_epochs)
    sweep = Sweep(base, seed=range(args.seeds))
    for name in args.vary:
        sweep = sweep + Sweep(base, **{name: VARIATIONS[name], "seed": range(args.varied_seeds)})
    run = train_or_resume(sweep, args, recipe="notebook", metrics=RECORDED)
    cells = dict(cells_of(run))
    found = {name: circuits(cell) for name, cell in cells.items()}
    for name, cell in cells.items():
        print_cell(name, cell, found[name])
    table = pd.concat([table_of(name, cell, found[name]) for name, cell in cells.items()])
    save_results(table, args)
    summarise(run, lambda: draw(table, next(iter(cells.values())), args))


def cells_of(run: grokjax.Run) -> Iterator[tuple[str, grokjax.Run]]:
    """Yield the members of the recipe and of each variation, with a name."""
    base = recipes.get("notebook").config
    settings = {name: getattr(base, name) for name in VARIATIONS}
    swept = [name for name in VARIATIONS if name in run.sweep.swept]
    yield "notebook", run.select(**{name: settings[name] for name in swept})
    for name in swept:
        for value in VARIATIONS[name]:
            others = {each: settings[each] for each in swept if each != name}
            found = run.select(**{name: value} | others)
            yield labels.setting_and_value(name, value), found


def table_of(name: str, run: grokjax.Run, found: xr.Dataset) -> pd.DataFrame:
    """Return the measures of the members of one cell at their end and as they grok, row by row.

    `clock_fve` and `pizza_fve` are those of the circle, of the first three, that fits best.
    """
    kept = ["gradient_symmetricity", "distance_irrelevance", "accuracy", "label"]
    best = found.circle_fve.isel(circle=slice(3)).max("circle")
    grokked = events(run).grokked
    has, values = at_grokking(run)
    columns: dict[str, Any] = {
        "cell": name,
        "least_circularity": found.circularity.min("component").values,
        "grokked": grokked.epochs,
        "grokked_until": grokked.follow_up,
        "end": grokked.end,
    }
    for measure, own in values.items():
        columns[f"{measure}_grokked"] = np.full(len(has), np.nan)
        columns[f"{measure}_grokked"][has] = own
    for circuit in ("clock", "pizza"):
        columns[f"{circuit}_fve"] = best.sel(circuit=circuit).values
    return found[kept].to_dataframe().assign(**columns)


def at_grokking(run: grokjax.Run) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Return which members have grokked, and the recorded measures of these at that epoch."""
    history, grokked = run.history, events(run).grokked
    has = ~np.isnan(grokked.epochs)
    rows = np.searchsorted(history.epoch.values, grokked.epochs[has])
    names = RECORDED[:2]
    return has, {name: forward_fill(history[name].values)[has, rows] for name in names}


def print_cell(name: str, run: grokjax.Run, found: xr.Dataset) -> None:
    """Print the medians and quartiles of one cell when it groks and at its end, and its labels."""
    grokked = incidence(events(run).grokked)
    print(f"{name}: {len(run)} members; grokked: {grokked.summary()}")
    for measure, values in at_grokking(run)[1].items():
        text = f"{quartiles(values)} at grokking, " if len(values) else ""
        last = forward_fill(run.history[measure].values)[:, -1]
        print(f"  {labels.setting(measure)}: {text}{quartiles(last)} at the end")
    counts = ", ".join(f"{(found.label == x).sum().item()} {x}" for x in LABELS)
    circular = float((found.circularity >= CIRCULAR).all("component").mean())
    print(f"  {counts}; all four circularities >= {CIRCULAR}: {circular:.0%}")
    explained = found.circle_fve.sel(circle=0).median("member")
    fits = ", ".join(f"{n} {x:.2f}" for n, x in explained.to_series().items())
    print(f"  the first circle, explained as {fits}")


def quartiles(values: np.ndarray) -> str:
    """Return the median and the quartiles of values, as text."""
    low, median, high = np.quantile(values, (0.25, 0.5, 0.75))
    return f"{median:.3f} ({low:.3f} to {high:.3f})"


def draw(table: pd.DataFrame, base: grokjax.Run, args: Args) -> Path:
    """Draw all figures; return the path of the last one."""
    figures, history = args.out / "figures", base.history
    title = f"{labels.task(base.config)}, the notebook's network, {len(base)} seeds"
    for name in RECORDED:
        plots.save(plots.metric(history, name, title), figures / f"{name}.png")
    return plots.save(draw_plane(table), figures / "circuit_plane.png")


def draw_plane(table: pd.DataFrame) -> Figure:
    """Draw members in the plane of both measures, from the table of results."""
    title = f"{labels.task(recipes.get('notebook').config)}, {len(table)} members"
    x, y = table.gradient_symmetricity.to_numpy(), table.distance_irrelevance.to_numpy()
    return figure_of(plots.circuit_plane(x, y, table.accuracy.to_numpy(), title))


if __name__ == "__main__":
    run_script(main, Args)
