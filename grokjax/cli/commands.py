"""The commands of `grokjax`: their own flags, and what each does.

JAX is imported only where it is needed, so `--help` and refusals are quick.
"""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar, Literal

import tyro

from grokjax import recipes
from grokjax.cli import flag_values, flags, imports
from grokjax.cli.exit_codes import is_multiprocess
from grokjax.cli.machine_flags import MachineFlags, optional
from grokjax.cli.summary import summarise_with_curves
from grokjax.config.shards import members_of_shard, parse_shard
from grokjax.storage.files import format_bytes
from grokjax.training import preflight

DIRECTORY = Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="DIRECTORY")]


IMPORT = Annotated[tuple[Path, ...] | None, optional("FILE ...", name="import")]
"""Read before the other flags, because the files decide which flags there are."""


@dataclass
class Train:
    """Train an ensemble. Several values of a flag make an axis; axes are multiplied."""

    out: Path
    """Run directory, new or empty."""
    recipe: Annotated[str, tyro.conf.arg(metavar="NAME")] = recipes.DEFAULT
    """Settings to start from (see `recipes`); they are the defaults shown here."""
    shard: Annotated[str | None, optional("K/N")] = None
    """Train only every N-th member from the K-th on, as one task of a Slurm array 1-8 does with
    --shard $SLURM_ARRAY_TASK_ID/8; `merge` joins the directories; default: train all."""
    init_from: Annotated[Path | None, optional("FILE")] = None
    """File of weights to start from, .npz, .safetensors or .pth; default: drawn by seed."""
    quiet: bool = False
    """Show no progress."""
    import_: IMPORT = None
    """Python files with tasks, models, rules and metrics of your own."""
    metrics: Annotated[tuple[str, ...] | None, optional("NAME ...")] = None
    """What else to record: progress, Nanda's progress measures, or some of them by name."""
    machine = MachineFlags()  # not annotated: the field comes last, after those of the settings
    flags: ClassVar[flags.Flags]

    def __call__(self) -> None:
        sweep = flag_values.sweep_of(flag_values.values(self), self.flags)
        part = None if self.shard is None else members_of_shard(sweep, parse_shard(self.shard))
        options = self.machine.join_processes(self.quiet)
        if not is_multiprocess():  # several processes: the first one checks once all have joined
            preflight.check_empty(preflight.run_directory(self.out))
            preflight.check_data_fits(part or sweep)
        from grokjax.training import api

        init, metrics = None, [*imports.metrics(), *(self.metrics or ())]
        if self.init_from is not None:
            from grokjax.interop.checkpoints import read_params

            init = read_params(self.init_from)
        run = api.train(
            sweep,
            self.out,
            recipe=self.recipe,
            metrics=metrics,
            init=init,
            shard=self.shard,
            **options,
        )
        summarise_with_curves(run)


@dataclass
class Resume:
    """Resume a run from its last checkpoint, or extend it: more epochs, more seeds, or more values
    of an axis, given together with the old ones. Only what is missing is trained.
    """

    directory: DIRECTORY
    """Run directory."""
    quiet: bool = False
    """Show no progress."""
    import_: IMPORT = None
    """Python files with the tasks, models, rules and metrics of your own that the run has."""
    add_seeds: Annotated[int | None, optional("INT")] = None
    """Number of new seeds for each combination of the other values."""
    machine = MachineFlags()  # not annotated: the field comes last, after those of the settings
    flags: ClassVar[flags.Flags]

    def __call__(self) -> None:
        from grokjax.results import pieces, run

        loaded = run.load(self.directory)
        pieces.check_known([loaded.config, *loaded.sweep])
        sweep = flag_values.extended(loaded.sweep, flag_values.values(self), self.add_seeds)
        options = self.machine.join_processes(self.quiet)
        from grokjax.training import api

        metrics = imports.metrics(loaded.networks.metric_names)
        summarise_with_curves(api.resume(self.directory, sweep=sweep, metrics=metrics, **options))


@dataclass
class Branch:
    """Train on from kept states of members of a run, with some settings changed. The first member
    of the new run is the control: it changes nothing, and continues to the bits of its parent.
    """

    directory: DIRECTORY
    """Run directory of the parents, trained with --snapshot states."""
    member: Annotated[tuple[int, ...], tyro.conf.arg(metavar="INT ...")]
    """Number of the parent, or of several, each with its own control."""
    at_epoch: Annotated[int, tyro.conf.arg(metavar="INT")]
    """Epoch of the states to start from, one at which they were kept."""
    out: Path
    """Run directory of the branch, new or empty."""
    quiet: bool = False
    """Show no progress."""
    import_: IMPORT = None
    """Python files with the tasks, models, rules and metrics of your own that the run has."""
    metrics: Annotated[tuple[str, ...] | None, optional("NAME ...")] = None
    """What else to record than the parents' run."""
    machine = MachineFlags()  # not annotated: the field comes last, after those of the settings
    flags: ClassVar[flags.Flags]

    def __call__(self) -> None:
        from grokjax.results import run

        loaded = run.load(self.directory)
        changes = flag_values.changes(flag_values.values(self))
        options = self.machine.join_processes(self.quiet)
        from grokjax.training import branching

        metrics = [*imports.metrics(), *(self.metrics or ())]
        summarise_with_curves(
            branching.branch(
                loaded, self.member, self.at_epoch, changes, self.out, metrics=metrics, **options
            )
        )


@dataclass
class Info:
    """Print the state of a run, also while it trains."""

    directory: DIRECTORY
    """Run directory."""

    def __call__(self) -> None:
        from grokjax.cli import info

        info.info(self.directory)


@dataclass
class Check:
    """Check devices, versions and arithmetic and, given a directory, the run's files."""

    directory: Annotated[tyro.conf.Positional[Path | None], optional("[DIRECTORY]")] = None
    """Run directory whose files to verify."""

    def __call__(self) -> None:
        from grokjax.cli import info

        info.check(self.directory)


@dataclass
class Report:
    """Write a self-contained HTML page about a run, also while it trains."""

    directory: DIRECTORY
    """Run directory."""
    import_: IMPORT = None
    """Python files with your own tasks and models, which the networks' analysis needs."""
    out: Annotated[Path | None, optional("PATH")] = None
    """Path of the page; default: report.html in the directory."""
    figures: Annotated[Literal["pdf", "svg", "png"] | None, optional("{pdf,svg,png}")] = None
    """Also save every figure in this format, in figures/ beside the page; default: do not."""

    def __call__(self) -> None:
        from grokjax.results import run

        # Refuse a bad run before importing JAX and matplotlib.
        run.load(self.directory)
        from grokjax import report

        began = time.monotonic()

        def print_step(step: str) -> None:
            print(f"{time.monotonic() - began:5.1f}s {step}", file=sys.stderr, flush=True)

        path = report.write(self.directory, self.out, print_step, self.figures)
        print(f"report: {path} ({format_bytes(path.stat().st_size)})")
        if self.figures is not None:
            print(f"figures: {path.parent / 'figures'}")


@dataclass
class Recipes:
    """List the recipes, or show one of them."""

    show: Annotated[str | None, optional("NAME")] = None
    """Name of the recipe whose settings and published figures to print."""

    def __call__(self) -> None:
        if self.show is None:
            width = max(map(len, recipes.RECIPES))
            for recipe in recipes.RECIPES.values():
                print(f"{recipe.name:{width}s} {recipe.summary}\n{'':{width}s} {recipe.source}")
            return
        recipe = recipes.get(self.show)
        print(f"{recipe.name}: {recipe.summary}\nsource: {recipe.source}\n\nsettings")
        values = {n: (v,) for n, v in recipe.config.items()} | recipe.axes
        texts = {name: " ".join(map(str, axis)) for name, axis in values.items()}
        name_width, width = (max(map(len, column)) for column in (texts, texts.values()))
        for name, text in texts.items():
            print(f"  {name:{name_width}s} {text:{width}s} {recipe.config.fields[name].help}")
        for title, figures in (("published", recipe.published), ("measured", recipe.measured)):
            print(f"\n{title}")
            for name, value in figures.items():
                print(f"  {name}: {value}")
