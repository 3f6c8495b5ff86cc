"""Do large initial weights delay generalisation, and is a weight norm best?

Liu et al. 2023 (Omnigrok) scale all initial weights by alpha. At a large alpha a network memorises
images long before it generalises. At a fixed norm w the lowest train loss falls with w and stays
low, like an L, where the test loss of the same weights has its minimum between, like a U.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.figure import Figure

import grokjax
from grokjax import plots, recipes
from grokjax.analysis.incidence import summaries_by_value
from grokjax.analysis.landscape import reduced_landscape
from grokjax.analysis.times import events
from grokjax.analysis.times_table import times_table
from grokjax.cli.scripts import TrainingFlags, run_script, save_results, train_or_resume
from grokjax.cli.summary import summarise
from grokjax.plots.decorations import add_heading
from grokjax.recipes import omnigrok
from grokjax.results.history import forward_fill

SPLITS = ("train", "test")

EPOCHS = (250, 500, 1000, 1750, 3250, 5000)
"""Epochs at which the table of results has the accuracies, of those that were evaluated."""

Part = Literal["digits", "teacher", "landscape"]


@dataclass
class Args(TrainingFlags):
    """Measure the delay on digits and on a teacher, and the landscape over the norm on digits."""

    parts: tuple[Part, ...] = ("digits", "teacher", "landscape")
    """What to train; each has its own folder below --out."""
    images: str = "digits"
    """scikit-learn's digits, or a folder of IDX files or an npz file, such as those of MNIST."""
    seeds: int = 4
    """Seeds of each value; each has its own split."""
    max_epochs: int = 7_000
    """Most epochs of a member on images, and eight times as many on a teacher."""
    learnt_loss: float | None = None
    """Loss from which a split of the teacher's examples is learnt; default: 90% of the examples are
    within the task's tolerance."""
    landscape_epochs: int = 500
    """Epochs of a member of the landscape; a step has 100 images."""
    points: int = 9
    """Norms of the landscape, from a tenth to ten times the initial one."""
    train_sizes: tuple[int, ...] = (100, 200, 800)
    """Numbers of train images in the landscape."""
    precision: Literal["float32", "tensorfloat32", "bfloat16"] = "float32"
    """Matrix products off CPU."""


def main(args: Args) -> None:
    for part in args.parts:
        here = dataclasses.replace(args, out=args.out / part)
        _landscape(here) if part == "landscape" else _delay(here, part)


def _delay(args: Args, part: Part) -> None:
    """Train at two initial scales; print and draw when train and test examples are learnt."""
    recipe = recipes.get(f"omnigrok-{part}")
    own = {"images": args.images} if part == "digits" else {"learnt_loss": args.learnt_loss}
    epochs = args.max_epochs * (1 if part == "digits" else 8)
    config = recipe.config.replace(max_epochs=epochs, precision=args.precision, **own)
    repeats = {"seed": range(args.seeds)}
    repeats |= {"teacher_seed": range(args.seeds)} if part == "teacher" else {}
    sweep = grokjax.Sweep.zip(config, **repeats).product(**recipe.axes)
    run = train_or_resume(sweep, args, recipe=recipe.name)
    save_results(results_of(run), args)
    scale = run.history.init_scale.values
    print(*summaries_by_value("initial scale", scale, events(run)), sep="\n")
    fig = plots.curves(run.history)
    summarise(run, lambda: plots.save(fig, args.out / "figures" / f"omnigrok_{part}.png"))


def results_of(run: grokjax.Run) -> pd.DataFrame:
    """Return times, accuracies, norms and test losses, a row for each member.

    `train_accuracy_250` is at epoch 250, or at the member's last epoch if it ended before;
    `weight_norm_first` is before training; `test_loss_memorised` when the member has memorised.
    """
    history, table = run.history, times_table(run)
    epochs, columns = history.epoch.values, {}
    for name in ("train_accuracy", "test_accuracy"):
        values = forward_fill(history[name].values)
        for place in np.flatnonzero(np.isin(epochs, EPOCHS)):
            columns[f"{name}_{epochs[place]}"] = values[:, place]
    norms = forward_fill(history.weight_norm.values)
    columns |= {"weight_norm_first": norms[:, 0], "weight_norm_last": norms[:, -1]}
    for event in ("memorised", "grokked"):
        then = epochs == table[event].to_numpy()[:, None]  # [M, T]
        losses = np.where(then, history.test_loss.values, 0).sum(axis=1)
        columns[f"test_loss_{event}"] = np.where(then.any(axis=1), losses, np.nan)
    return table.assign(**columns)


def _landscape(args: Args) -> None:
    """Train at fixed norms on several numbers of images; draw the reduced landscape."""
    config = omnigrok.DIGITS.replace(
        images=args.images,
        precision=args.precision,
        fixed_norm=True,
        weight_decay=0.0,
        stop_when="never",
        max_epochs=args.landscape_epochs,
        eval_every=50,
    )
    sweep = grokjax.Sweep(
        config,
        train_fraction=[(n + 0.5) / config.num_examples for n in args.train_sizes],
        init_scale=np.geomspace(0.1, 10, args.points).round(4).tolist(),
        seed=range(args.seeds),
    )
    run = train_or_resume(sweep, args)
    found = reduced_landscape(run)
    save_results(found.to_dataframe(), args)
    for column, size in enumerate(image_counts(found)):
        print_landscape(found.isel(train_fraction=column), size)
    fig = draw_landscape(found)
    summarise(run, lambda: plots.save(fig, args.out / "figures" / "omnigrok_landscape.png"))


def image_counts(found: xr.Dataset) -> list[int]:
    """Return the numbers of train images of a landscape."""
    return (found.train_fraction.values * omnigrok.DIGITS.num_examples).astype(int).tolist()


def print_landscape(one: xr.Dataset, size: int) -> None:
    """Print both losses at the smallest and largest norm and at the least test loss."""
    scales, middle = one.init_scale.values, one.test_loss.median("seed")
    for scale in (scales[0], middle.idxmin().item(), scales[-1]):
        train, test = (one[f"{s}_loss"].median("seed").sel(init_scale=scale) for s in SPLITS)
        print(f"{size} images, {scale:g} of the norm: train {train:.2g}, test {test:.2g}")


def draw_landscape(found: xr.Dataset) -> Figure:
    """Draw the reduced landscape by number of train images."""
    sizes = image_counts(found)
    width = max(5.0, 3.6 * len(sizes))
    fig, axes = plots.figure(width, 6.0, len(sizes), 2, squeeze=False, sharey="row")
    for column, size in enumerate(sizes):
        one = found.isel(train_fraction=column)
        for row, what in enumerate(("loss", "accuracy")):
            plots.landscape(one, what=what, title=f"{size} images", ax=axes[row, column])
    heading = f"Images at a fixed weight norm, {found.sizes['seed']} seeds: medians and quartiles"
    add_heading(fig, heading)
    return fig


if __name__ == "__main__":
    run_script(main, Args)
