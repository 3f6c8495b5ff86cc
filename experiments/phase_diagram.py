"""How probable are comprehension, grokking, memorisation and confusion at each setting?

Liu et al. 2022 (Sec. 4, Fig. 5) show one seed a cell, over the learning rates of embedding and
decoder, and over the decoder's weight decay and learning rate. This trains several seeds a cell, in
one program, and gives the probability of each phase with its binomial interval. `--published`
compares each cell with a table of published phases.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

import grokjax
from grokjax import plots
from grokjax.analysis.phase_probabilities import PHASES, phase_codes, phase_probabilities
from grokjax.analysis.times import events, phases
from grokjax.cli.scripts import TrainingFlags, run_script, save_results, train_or_resume
from grokjax.cli.summary import summarise
from grokjax.errors import invalid
from grokjax.plots.decorations import add_heading
from grokjax.recipes import liu
from grokjax.results.run import Run

PUBLISHED_COUNTS = {"rates": (20, 4, 64, 12), "decay": (12, 18, 49, 31)}
"""Cells of Figs. 5a and 5b in each of `PHASES`; one seed."""

PUBLISHED_NAMES = {
    "rates": ("5a", "eta_repr", "eta_dec"),
    "decay": ("5b", "wd_dec", "eta_dec"),
}
"""Figure and columns of rows and columns in the file of `--published`."""


@dataclass
class Args(TrainingFlags):
    """Draw the phases of the toy model over two settings, with several seeds a cell."""

    grid: Literal["rates", "decay"] = "rates"
    """rates: embedding rate against decoder rate (Fig. 5a); decay: weight decay of the decoder
    against its rate (Fig. 5b)."""
    points: tuple[int, int] | None = None
    """Rows and columns, evenly spaced over the published ranges; default: the published cells."""
    seeds: int = 5
    """Seeds in each cell; each has its own split, codes and weights."""
    max_epochs: int = liu.STEPS
    """Steps of each member; it stops earlier once it has grokked."""
    eval_every: int = 100
    """Steps from one evaluation to the next."""
    hidden_dim: int = 200
    """Width of the decoder."""
    slow: int | None = None
    """Steps between train and test from which it is grokking; default: as published."""
    published: Path | None = None
    """A csv of the published cells to compare with: figure (5a or 5b), eta_repr, eta_dec, wd_dec,
    phase."""
    precision: Literal["float32", "tensorfloat32", "bfloat16"] = "float32"
    """Matrix products off CPU."""


def main(args: Args) -> None:
    if args.points is not None and min(args.points) < 2:
        raise invalid("points", args.points, "must be at least 2 each")
    slow = {"rates": liu.SLOW_RATES, "decay": liu.SLOW_DECAY}[args.grid]
    slow = slow if args.slow is None else args.slow
    (name, rows), columns = _axes(args)
    table = _published(args, rows, columns)
    config = liu.TOY.replace(
        max_epochs=args.max_epochs,
        hidden_dim=args.hidden_dim,
        eval_every=args.eval_every,
        precision=args.precision,
    )
    seeds = grokjax.Sweep.zip(config, seed=range(args.seeds), code_seed=range(args.seeds))
    sweep = seeds.product(**{name: rows, "learning_rate": columns})
    args = dataclasses.replace(args, out=args.out / args.grid)
    run = train_or_resume(sweep, args, recipe="liu-toy")
    found = events(run)
    names = phases(found, slow)
    codes = phase_codes(names).reshape(args.seeds, len(rows), len(columns))
    codes = np.moveaxis(codes, 0, -1)  # [Y, X, S]
    _print_counts(codes, None if args.points else PUBLISHED_COUNTS[args.grid])
    _print_censored(run, slow)
    if table is not None:
        _print_agreement(codes, table)
    x = "decoder learning rate", np.array(columns)
    y = name.replace("_", " "), np.array(rows)
    save_results(_members(run, names), args)
    _save_probabilities(codes, x, y, args.out / f"phases_{args.grid}.csv")
    fig = draw(codes, table, x, y)
    summarise(run, lambda: plots.save(fig, args.out / "figures" / f"phases_{args.grid}.png"))


def _axes(args: Args) -> tuple[tuple[str, list[float]], list[float]]:
    """Return the name and values of the rows, and the values of the columns."""
    name = {"rates": "embedding_learning_rate", "decay": "weight_decay"}[args.grid]
    rows, columns = {"rates": liu.RATES, "decay": liu.DECAYS}[args.grid], liu.RATES
    if args.points is None:
        return (name, list(rows)), list(columns)
    height, width = args.points
    spaced = np.geomspace if args.grid == "rates" else np.linspace
    across = np.geomspace(columns[0], columns[-1], width)
    return (name, spaced(rows[0], rows[-1], height).tolist()), across.tolist()


def _published(args: Args, rows: list[float], columns: list[float]) -> np.ndarray | None:
    """Return the place in `PHASES` of each cell `[Y, X]` as published; None without a file."""
    if args.published is None:
        return None
    figure, row, column = PUBLISHED_NAMES[args.grid]
    fix = f"must be a csv file with columns figure, {row}, {column}, phase and each cell once"
    try:
        cells = pd.read_csv(args.published, dtype={"figure": str})
        own = cells[cells["figure"] == figure]
        places = [
            np.isclose(np.asarray(own[n], float)[:, None], values, rtol=1e-4, atol=0)
            for n, values in ((row, rows), (column, columns))
        ]  # [cells of the file, Y] and [cells of the file, X]
        codes = phase_codes(np.asarray(own["phase"], str))
    except (OSError, KeyError, ValueError) as error:
        raise invalid("published", str(args.published), f"{fix}: {error}") from error
    at = places[0][:, :, None] & places[1][:, None, :]
    if not (at.sum(axis=0) == 1).all() or (codes[at.any(axis=(1, 2))] < 0).any():
        raise invalid("published", str(args.published), f"{fix} of this grid")
    return codes[at.argmax(axis=0)]


def _print_counts(codes: np.ndarray, published: tuple[int, ...] | None) -> None:
    """Print how many cells each seed has in each phase."""
    counts = np.array([(codes == p).sum(axis=(0, 1)) for p in range(len(PHASES))])  # [4, S]
    for p, (name, own) in enumerate(zip(PHASES, counts, strict=True)):
        beside = "" if published is None else f", published {published[p]} (1 seed)"
        spread = f"{own.min()} to {own.max()}, standard deviation {own.std():.1f}"
        print(f"{name}: {own.mean():.1f} cells a seed ({spread}){beside}")


def _print_censored(run: Run, slow: int) -> None:
    """Print how many members' phases more steps could change."""
    found = events(run)
    late = ~np.isnan(found.memorised.epochs) & np.isnan(found.grokked.epochs)
    late &= found.grokked.follow_up - found.memorised.epochs <= slow
    print(
        f"censored: {np.isnan(found.grokked.epochs).sum()} members did not grok within "
        f"{run.config.max_epochs:,} steps; {late.sum()} of them memorised in the last {slow:,}"
    )


def _print_agreement(codes: np.ndarray, table: np.ndarray) -> None:
    """Print how far the phases of our seeds agree with the published one of each cell."""
    share = (codes == table[..., None]).mean(axis=-1)
    alike = np.array(
        [
            [(codes[..., i] == codes[..., j]).mean() for i in range(codes.shape[-1])]
            for j in range(codes.shape[-1])
        ]
    )
    others = alike[~np.eye(len(alike), dtype=bool)]
    print(
        f"a seed of ours has the published phase in {share.mean():.0%} of the cells, that of "
        f"another seed in {others.mean() if others.size else 1:.0%}; at least one seed has it in "
        f"{(share > 0).mean():.0%}, most in {(share > 0.5).mean():.0%}"
    )
    print("share of our seeds that have the published phase, in each cell:")
    for row in share:
        print(" ".join(f"{value:.1f}" for value in row))


def _members(run: Run, names: np.ndarray) -> pd.DataFrame:
    """Return settings, times and phase of each member; NaN where a split was not learnt."""
    found = events(run)
    times = {"train_learnt": found.memorised.epochs, "test_learnt": found.grokked.epochs}
    return run.members[list(run.sweep.swept)].assign(**times, phase=names)


def _save_probabilities(
    codes: np.ndarray, x: tuple[str, Any], y: tuple[str, Any], path: Path
) -> None:
    """Write the probability of each phase in each cell, with its 95% interval, as a table."""
    found = phase_probabilities(codes)
    index = pd.MultiIndex.from_product([y[1], x[1], PHASES], names=[y[0], x[0], "phase"])
    columns = {n: getattr(found, n).ravel() for n in ("share", "low", "high")}
    pd.DataFrame(columns, index).assign(seeds=np.repeat(found.members, len(PHASES))).to_csv(path)
    print(f"probability of each phase in each cell, with 95% intervals: {path}")


def draw(
    codes: np.ndarray, table: np.ndarray | None, x: tuple[str, Any], y: tuple[str, Any]
) -> Figure:
    """Draw the published phases, those of our seeds, and the probability of learning test pairs."""
    import xarray as xr

    fig, panels = plots.figure(12.5, 4.6, 3 if table is not None else 2, 1)
    panels = list(np.ravel(panels))
    if table is not None:
        plots.phase_diagram(table[..., None], PHASES, x, y, "published, one seed", panels.pop(0))
    title = f"{codes.shape[-1]} seeds, a stripe each"
    plots.phase_diagram(codes, PHASES, x, y, title, panels.pop(0))
    share = phase_probabilities(codes).share[..., : PHASES.index("memorization")].sum(axis=-1)
    labels = {name: [float(f"{v:.2g}") for v in values] for name, values in (y, x)}
    plots.heat_map(
        xr.DataArray(share, labels, (y[0], x[0])),
        "probability that test pairs are learnt",
        "comprehension or grokking",
        panels.pop(0),
        limits=(0, 1),
    )
    add_heading(fig, f"Toy model, addition of ten symbols: phases over {y[0]} and {x[0]}")
    plots.phase_legend(fig, PHASES)
    return fig


if __name__ == "__main__":
    run_script(main, Args)
