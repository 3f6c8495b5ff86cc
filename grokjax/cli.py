"""The `grokjax` command. JAX is imported only by what needs it, so help and refusals are quick."""

from __future__ import annotations

import dataclasses
import functools
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tyro

from grokjax import commands, door, flags, recipes, room, words
from grokjax.config import FIELDS
from grokjax.launching import Execution, draw, guarded, several

DIRECTORY = tyro.conf.Positional[Path]


@dataclass
class Train(Execution):
    """Train an ensemble and write a run directory."""

    out: Path = field(kw_only=True)
    """Run directory, new or empty."""
    recipe: str = recipes.DEFAULT
    """Named settings that the flags below override (the command `recipes` lists them)."""
    settings: tyro.conf.OmitArgPrefixes[Any] = None

    def __call__(self) -> None:
        sweep = flags.sweep_of(self.settings, recipes.get(self.recipe).config)
        room.check(sweep)
        options = self.options()
        if not several():  # else the first process looks, once all have joined
            door.empty(door.place(self.out))
        from grokjax import ensemble

        draw(ensemble.train(sweep, self.out, recipe=self.recipe, **options))


@dataclass
class Resume(Execution):
    """Go on with a run where its last checkpoint left it, or extend it: more epochs, more seeds,
    more values of an axis (the old ones given too). Only what is new is trained.
    """

    directory: DIRECTORY = field(kw_only=True)
    """Its run directory."""
    add_seeds: int | None = None
    """New seeds, numbered on, for every combination of the other settings."""
    settings: tyro.conf.OmitArgPrefixes[Any] = None

    def __call__(self) -> None:
        from grokjax import run as runs

        sweep = flags.extended(runs.load(self.directory).sweep, self.settings, self.add_seeds)
        room.check(sweep)
        options = self.options()
        from grokjax import ensemble

        draw(ensemble.resume(self.directory, sweep=sweep, **options))


@dataclass
class Info:
    """Say how a run stands, also while it trains."""

    directory: DIRECTORY
    """Its run directory."""

    def __call__(self) -> None:
        from grokjax import inspection

        inspection.info(self.directory)


@dataclass
class Check:
    """Check devices, versions and numbers; with a directory, the run's files too."""

    directory: tyro.conf.Positional[Path | None] = None
    """A run directory whose files to verify."""

    def __call__(self) -> None:
        from grokjax import inspection

        inspection.check(self.directory)


@dataclass
class Report:
    """Write one self-contained HTML page of a run, also while it trains."""

    directory: DIRECTORY
    """Its run directory."""
    out: Path | None = None
    """The page; none: report.html in the directory."""

    def __call__(self) -> None:
        from grokjax import run as runs

        runs.load(self.directory)  # a refusal needs neither JAX nor matplotlib
        from grokjax import report

        began = time.monotonic()

        def say(what: str) -> None:
            print(f"{time.monotonic() - began:5.1f}s {what}", file=sys.stderr, flush=True)

        path = report.write(self.directory, self.out, say)
        print(f"report: {path} ({path.stat().st_size / 1e6:.1f} MB)")


@dataclass
class Recipes:
    """List the recipes, or show one."""

    show: str | None = None
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
    recipe = recipes.DEFAULT
    for i, word in enumerate(arguments):
        if word == "--recipe" and i + 1 < len(arguments):
            recipe = arguments[i + 1]
        elif word.startswith("--recipe="):
            recipe = word.partition("=")[2]
    kinds = _commands(recipes.get(recipe).name)
    if arguments and arguments[0] in kinds:
        return words.parse(kinds[arguments[0]], arguments[1:], commands.command(arguments[0]))
    return tyro.extras.subcommand_cli_from_dict(
        kinds,
        prog=commands.command(),
        description="Ensembles of grokking networks; --version says which grokjax.",
        args=arguments,
    )


@functools.cache
def _commands(recipe: str) -> dict[str, Any]:
    """By name, with a flag for every setting."""
    settings = flags.settings_class(recipes.get(recipe))
    kept = flags.settings_class(None)
    train = dataclasses.make_dataclass(
        "Train",
        [("settings", tyro.conf.OmitArgPrefixes[settings], field(default_factory=settings))],
        bases=(Train,),
        namespace={"__doc__": Train.__doc__},
        kw_only=True,
    )
    resume = dataclasses.make_dataclass(
        "Resume",
        [("settings", tyro.conf.OmitArgPrefixes[kept], field(default_factory=kept))],
        bases=(Resume,),
        namespace={"__doc__": Resume.__doc__},
        kw_only=True,
    )
    return {
        "train": train,
        "resume": resume,
        "info": Info,
        "check": Check,
        "report": Report,
        "recipes": Recipes,
    }
