"""How does the one-layer transformer grok, and do its progress measures foresee it?

Nanda et al. 2023 show five seeds of one transformer, one of them in detail. This trains an
ensemble, keeps every member's parameters through training, and computes the published measures of
all of them: the loss of the key frequencies alone (restricted), the loss without them (excluded),
the spectra, and the three phases.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import xarray as xr

import grokjax
from grokjax import plots, recipes
from grokjax.analysis.fourier import shares
from grokjax.analysis.incidence import incidence
from grokjax.analysis.learning_phases import PHASES, PhaseEnds, phase_ends
from grokjax.analysis.progress_measures import progress_measures
from grokjax.analysis.through_training import through_training
from grokjax.analysis.times import format_quartiles, loss_times
from grokjax.analysis.times_table import times_of, times_table
from grokjax.cli.scripts import TrainingFlags, run_script, save_results, train_or_resume
from grokjax.cli.summary import summarise
from grokjax.config import labels
from grokjax.config.config import Config

LEARNT_LOSS = 0.1
"""Loss from which the paper counts a split as learnt."""

LOSSES = ("loss", "restricted_loss", "excluded_loss")

MEASURES = ("restricted_loss", "excluded_loss", "logit_fve", "component_gini", "parameter_squares")


@dataclass
class Args(TrainingFlags):
    """Train seeds of Nanda et al.'s transformer; show its progress measures and phases."""

    seeds: int = 8
    """Number of seeds; each seed has its own split."""
    paper: bool = False
    """The published size, P = 113 and D = 128, instead of P = 59 and D = 64: hours on a CPU."""
    train_fraction: float | None = None
    """Share of the pairs to train on; None means 0.5, and 0.3 with --paper."""
    weight_decay: float = 1.0
    """Weight decay."""
    max_epochs: int = 25_000
    """Most epochs of a member; it stops earlier, some time after it has grokked."""
    snapshot_every: int = 100
    """Epochs from one snapshot of the parameters to the next."""


def config_of(args: Args) -> Config:
    """Return the settings of every member but for its seed."""
    config = recipes.get("nanda").config
    if not args.paper:
        config = config.replace(modulus=59, embed_dim=64, train_fraction=0.5, extra_epochs=500)
    if args.train_fraction is not None:
        config = config.replace(train_fraction=args.train_fraction)
    return config.replace(
        weight_decay=args.weight_decay,
        max_epochs=args.max_epochs,
        snapshot="params",
        snapshot_every=args.snapshot_every,
    )


def main(args: Args) -> None:
    sweep = grokjax.Sweep(config_of(args), seed=range(args.seeds))
    run = train_or_resume(sweep, args, recipe="nanda", metrics=["progress"])
    final = progress_measures(run)
    history = with_final_frequencies(run, final)
    excluded = history.excluded_loss.sel(subset="train")
    ends = phase_ends(history.epoch.values, history.test_loss.values, excluded.values)
    table = results_of(run, final, ends)
    save_results(table, args)
    for name in ("train_loss", "test_loss"):
        times = incidence(times_of(table, name))
        print(f"{labels.setting(name)} < {LEARNT_LOSS}: {times.summary()}")
    print(f"key frequencies: {', '.join(map(str, table.key_frequencies))}")
    for name in LOSSES:
        low, median, high = table[name].quantile((0.25, 0.5, 0.75))
        text = f"{median:.3g} ({low:.3g} to {high:.3g})"
        print(f"final {labels.setting(name)}, all pairs: {text}")
    for name, end in zip(PHASES, ends, strict=True):
        quartiles = tuple(np.quantile(end, (0.25, 0.5, 0.75)))
        print(f"end of {name}: epoch {format_quartiles(quartiles)}")
    summarise(run, lambda: draw(run, history, final, args))


def results_of(run: grokjax.Run, final: xr.Dataset, ends: PhaseEnds) -> pd.DataFrame:
    """Return times, key frequencies, final losses of all pairs and ends of phases by member.

    `train_loss` and `test_loss` are the epochs at which they first fall below `LEARNT_LOSS`.
    """
    table = times_table(run)
    for name in ("train_loss", "test_loss"):
        times = loss_times(run, name, LEARNT_LOSS)
        table[name], table[f"{name}_until"] = times.epochs, times.follow_up
    table["key_frequencies"] = final.key.sum("frequency").values
    for name in LOSSES:
        table[name] = final[name].sel(subset="all").values
    return table.assign(**{f"{name}_end": end for name, end in ends._asdict().items()})


def with_final_frequencies(run: grokjax.Run, final: xr.Dataset) -> xr.Dataset:
    """Return the history at the snapshots, with measures of the final key frequencies.

    The published code fixes the key frequencies from the final parameters. Those that are recorded
    in `run.history` are the member's own at each evaluation.
    """
    measures = through_training(progress_measures, run, key=final.key.values)
    history = run.history
    kept = history.isel(eval=np.isin(history.epoch.values, measures.epoch.values))
    measures = measures.sel({name: kept[name] for name in ("subset", "table", "parameter")})
    return kept.assign({name: (kept[name].dims, measures[name].values) for name in MEASURES})


def draw(run: grokjax.Run, history: xr.Dataset, final: xr.Dataset, args: Args) -> Path:
    """Draw all figures; return the path of the last one."""
    figures = args.out / "figures"
    title = f"{labels.task(run.config)}, one-layer transformer, {len(run)} seeds"
    plots.save(plots.curves(run.history), figures / "curves.png")
    plots.save(plots.progress_structure(history, title), figures / "structure.png")
    spectra = shares(run.history.embedding_power.isel(eval=-1).values)
    ax = plots.spectrum_of_members(spectra, run.members.index.tolist(), title)
    plots.save(ax, figures / "spectra.png")
    return plots.save(plots.progress_losses(history, title), figures / "progress.png")


if __name__ == "__main__":
    run_script(main, Args)
