"""The `grokjax` command. JAX is imported only by what needs it, so help and refusals are quick."""

from __future__ import annotations

import dataclasses
import functools
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from grokjax import commands, door, flags, recipes, room, words
from grokjax.config import FIELDS
from grokjax.launching import Machine, draw, guarded, several
from grokjax.settings import ConfigError, near, refuse

DIRECTORY = Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="DIRECTORY")]


def _optional(metavar: str) -> Any:
    """What a flag without a default is shown as; its text says what happens without it."""
    return tyro.conf.arg(metavar=metavar, help_behavior_hint="")


@dataclass
class Train:
    """Train an ensemble; several values of a flag make an axis, axes multiply."""

    out: Path
    """Run directory, new or empty."""
    recipe: Annotated[str, tyro.conf.arg(metavar="NAME")] = recipes.DEFAULT
    """Settings to start from, see the command `recipes`; their values are the defaults here."""
    quiet: bool = False
    """Show no progress."""
    machine = Machine()  # no field: that comes last, after those of the settings

    def __call__(self) -> None:
        sweep = flags.sweep_of(flags.values(self), recipes.get(self.recipe).config)
        room.check(sweep)
        options = self.machine.options(self.quiet)
        if not several():  # else the first process looks, once all have joined
            door.empty(door.place(self.out))
        from grokjax import ensemble

        draw(ensemble.train(sweep, self.out, recipe=self.recipe, **options))


@dataclass
class Resume:
    """Go on with a run from its last checkpoint, or extend it: more epochs, seeds, or values of
    an axis, given together with the old ones. Only what is new is trained.
    """

    directory: DIRECTORY
    """Run directory."""
    quiet: bool = False
    """Show no progress."""
    add_seeds: Annotated[int | None, _optional("INT")] = None
    """Number of new seeds for each combination of the other values."""
    machine = Machine()  # no field: that comes last, after those of the settings

    def __call__(self) -> None:
        from grokjax import run as runs

        sweep = flags.extended(runs.load(self.directory).sweep, flags.values(self), self.add_seeds)
        room.check(sweep)
        options = self.machine.options(self.quiet)
        from grokjax import ensemble

        draw(ensemble.resume(self.directory, sweep=sweep, **options))


@dataclass
class Info:
    """Say how a run stands, also while it trains."""

    directory: DIRECTORY
    """Run directory."""

    def __call__(self) -> None:
        from grokjax import inspection

        inspection.info(self.directory)


@dataclass
class Check:
    """Check devices, versions and numbers; with a directory, the run's files too."""

    directory: Annotated[tyro.conf.Positional[Path | None], _optional("[DIRECTORY]")] = None
    """Run directory whose files to verify."""

    def __call__(self) -> None:
        from grokjax import inspection

        inspection.check(self.directory)


@dataclass
class Report:
    """Write one self-contained HTML page of a run, also while it trains."""

    directory: DIRECTORY
    """Run directory."""
    out: Annotated[Path | None, _optional("PATH")] = None
    """The page; default: report.html in the directory."""
    figures: Annotated[Literal["pdf", "svg", "png"] | None, _optional("{pdf,svg,png}")] = None
    """Save every figure of the page as such a file too; default: none. They are written in
    figures/ beside the page."""

    def __call__(self) -> None:
        from grokjax import run as runs

        runs.load(self.directory)  # a refusal needs neither JAX nor matplotlib
        from grokjax import report

        began = time.monotonic()

        def say(what: str) -> None:
            print(f"{time.monotonic() - began:5.1f}s {what}", file=sys.stderr, flush=True)

        path = report.write(self.directory, self.out, say, self.figures)
        print(f"report: {path} ({path.stat().st_size / 1e6:.1f} MB)")
        if self.figures is not None:
            print(f"figures: {path.parent / 'figures'}")


@dataclass
class Recipes:
    """List the recipes, or show one."""

    show: Annotated[str | None, _optional("NAME")] = None
    """Name of the recipe whose settings and published figures to print."""

    def __call__(self) -> None:
        if self.show is None:
            width = max(map(len, recipes.RECIPES))
            for recipe in recipes.RECIPES.values():
                print(f"{recipe.name:{width}s} {recipe.summary}\n{'':{width}s} {recipe.source}")
            return
        recipe = recipes.get(self.show)
        print(f"{recipe.name}: {recipe.summary}\nsource: {recipe.source}\n\nsettings")
        values = {n: (v,) for n, v in recipe.config.to_dict().items()} | recipe.axes
        shown = {name: " ".join(map(str, several)) for name, several in values.items()}
        name_width, width = (max(map(len, words)) for words in (shown, shown.values()))
        for name, text in shown.items():
            print(f"  {name:{name_width}s} {text:{width}s} {FIELDS[name].metadata['help']}")
        for title, figures in (("published", recipe.published), ("measured", recipe.measured)):
            print(f"\n{title}")
            for name, value in figures.items():
                print(f"  {name}: {value}")


def main(argv: list[str] | None = None) -> int:
    """The command line; returns the exit code."""
    arguments = sys.argv[1:] if argv is None else argv
    if arguments == ["--version"]:
        return guarded(_version)
    return guarded(lambda: _parse(arguments)())


def _version() -> None:
    from importlib import metadata

    try:
        version = metadata.version("grokjax")
    except metadata.PackageNotFoundError:
        version = "of a checkout that is not installed"
    print("grokjax", version, flush=True)


def _parse(arguments: list[str]) -> Callable[[], None]:
    """The chosen command with its flags; the recipe named in them sets their defaults."""
    words.check(arguments)
    names = {word.partition("=")[0].replace("_", "-") for word in arguments}
    if {"--full-batch", "--batch-size"} <= names:
        raise ConfigError("batch_size: give --batch-size or --full-batch, not both")
    recipe = recipes.DEFAULT
    for i, word in enumerate(arguments):
        if word == "--recipe" and i + 1 < len(arguments):
            recipe = arguments[i + 1]
        elif word.startswith("--recipe="):
            recipe = word.partition("=")[2]
    kinds = _commands(recipes.get(recipe).name)
    if arguments and arguments[0] in kinds:
        return words.parse(kinds[arguments[0]], arguments[1:], commands.command(arguments[0]))
    if not {"-h", "--help"} & set(arguments):
        if arguments:
            raise refuse("command", arguments[0], near(arguments[0], kinds))
        every = commands.command("--help")
        raise ConfigError(f"command: give one of {', '.join(kinds)}; see {every}")
    return tyro.extras.subcommand_cli_from_dict(
        kinds,
        prog=commands.command(),
        description="Ensembles of grokking networks; see also --version.",
        args=["--help"],
    )


@functools.cache
def _commands(recipe: str) -> dict[str, Any]:
    """By name, with a flag for every setting."""
    train = _with_settings(Train, recipes.get(recipe))
    resume = _with_settings(Resume, None)
    return {
        "train": train,
        "resume": resume,
        "info": Info,
        "check": Check,
        "report": Report,
        "recipes": Recipes,
    }


def _with_settings(command: type, recipe: recipes.Recipe | None) -> type:
    """The command with the flags of all settings after its own."""
    extra = flags.fields(recipe, Machine)
    doc = {"__doc__": command.__doc__}
    return dataclasses.make_dataclass(command.__name__, extra, bases=(command,), namespace=doc)
