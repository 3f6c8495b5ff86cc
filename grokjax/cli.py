"""The `grokjax` command. JAX is imported only by what needs it, so help and refusals are quick."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import tyro

from grokjax import flags, recipes
from grokjax.config import FIELDS, ConfigError
from grokjax.sweep import Sweep

if TYPE_CHECKING:
    from grokjax.run import Run

DIRECTORY = tyro.conf.Positional[Path]


@dataclass
class Execution:
    """How a run is carried out; none of it changes a member's numbers."""

    lanes: str = "auto"
    """Members in training at a time; auto: two a CPU core, which is the most there."""
    devices: str = "auto"
    """Devices to use; auto: all, on CPU one a core."""
    checkpoint_every: float = 60.0
    """Seconds from one checkpoint to the next."""
    quiet: bool = False
    """Show no progress."""

    def options(self) -> dict[str, Any]:
        return {
            "lanes": self.lanes,
            "devices": self.devices,
            "checkpoint_every": self.checkpoint_every,
            "progress": not self.quiet,
        }


@dataclass
class Train(Execution):
    """Train an ensemble and write a run directory."""

    out: Path = field(kw_only=True)
    """Run directory, new or empty."""
    recipe: str = recipes.DEFAULT
    """Named settings that the flags below override (see `grokjax recipes`)."""
    settings: tyro.conf.OmitArgPrefixes[Any] = None

    def __call__(self) -> None:
        sweep = flags.sweep_of(self.settings, recipes.get(self.recipe).config)
        from grokjax import ensemble, plots

        run = ensemble.train(sweep, self.out, recipe=self.recipe, **self.options())
        finish(run, plots.save(plots.curves(run.history), self.out / "figures" / "curves.png"))


@dataclass
class Resume(Execution):
    """Go on with a run where its last checkpoint left it."""

    directory: DIRECTORY = field(kw_only=True)
    """Its run directory."""
    settings: tyro.conf.OmitArgPrefixes[Any] = None

    def __call__(self) -> None:
        from grokjax import run as runs

        flags.check_kept(runs.load(self.directory).sweep, self.settings)
        from grokjax import ensemble, plots

        run = ensemble.resume(self.directory, **self.options())
        figure = plots.save(plots.curves(run.history), self.directory / "figures" / "curves.png")
        finish(run, figure)


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
class Recipes:
    """List the recipes, or show one."""

    show: str | None = None
    """Name of the recipe whose settings and published figures to print."""

    def __call__(self) -> None:
        if self.show is None:
            for recipe in recipes.RECIPES.values():
                print(f"{recipe.name:12s} {recipe.summary}\n{'':12s} {recipe.source}")
            return
        recipe = recipes.get(self.show)
        print(f"{recipe.name}: {recipe.summary}\nsource: {recipe.source}\n\nsettings")
        for name, value in recipe.config.to_dict().items():
            print(f"  {name:16s} {value!s:10s} {FIELDS[name].metadata['help']}")
        print("\npublished")
        for name, value in recipe.published.items():
            print(f"  {name}: {value}")


def main(argv: list[str] | None = None) -> int:
    """The command line; returns the exit code."""
    arguments = sys.argv[1:] if argv is None else argv
    return guarded(lambda: _parse(arguments)())


def _parse(arguments: list[str]) -> Callable[[], None]:
    """The chosen command with its flags; the recipe named in them sets their defaults."""
    name = recipes.DEFAULT
    for i, word in enumerate(arguments):
        if word == "--recipe" and i + 1 < len(arguments):
            name = arguments[i + 1]
        elif word.startswith("--recipe="):
            name = word.partition("=")[2]
    settings = flags.settings_class(recipes.get(name).config)
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
    commands = {
        "train": train,
        "resume": resume,
        "info": Info,
        "check": Check,
        "recipes": Recipes,
    }
    return tyro.extras.subcommand_cli_from_dict(
        commands, prog="grokjax", description="Ensembles of grokking networks.", args=arguments
    )


Arguments = TypeVar("Arguments")


def script(body: Callable[[Arguments], None], arguments: type[Arguments]) -> None:
    """Runs an experiment script on its command line, with the command's exit codes."""
    sys.exit(guarded(lambda: body(tyro.cli(arguments))))


def guarded(action: Callable[[], None]) -> int:
    """Runs `action`; what went wrong as one line on stderr and an exit code."""
    from grokjax.interrupt import Interrupted
    from grokjax.journal import DamagedRun

    try:
        action()
    except (ConfigError, FileNotFoundError) as error:
        return _say(error, 2)
    except Interrupted as stop:
        _say(stop, 0)
        print(f"go on with: grokjax resume {stop.directory}", file=sys.stderr)
        return 128 + stop.signum
    except KeyboardInterrupt:
        return _say("interrupted before there was anything to save", 130)
    except BrokenPipeError:  # the reader of a pipe has seen enough
        sys.stderr.close()
        return 1
    except (DamagedRun, MemoryError, OSError, RuntimeError) as error:
        return _say(error, 1)
    return 0


def _say(message: object, code: int) -> int:
    print(f"grokjax: {' '.join(str(message).split())}", file=sys.stderr, flush=True)
    return code


def launch(sweep: Sweep, out: Path, **options: Any) -> Run:
    """Trains a sweep, or goes on with it if `out` holds this very one."""
    from grokjax import ensemble

    if (out / "config.json").exists():
        options.pop("recipe", None)
        return ensemble.resume(out, sweep=sweep, **options)
    return ensemble.train(sweep, out, **options)


def finish(run: Run, figure: Path) -> None:
    """The last lines of a command: how members ended, the picture, how to open the run."""
    counts = run.members["status"].value_counts()
    print(f"{len(run)} members: " + ", ".join(f"{n} {status}" for status, n in counts.items()))
    print(f"figure: {figure}")
    print(f'in Python: import grokjax; run = grokjax.load("{run.directory}")')
