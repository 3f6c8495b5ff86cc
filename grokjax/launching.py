"""What commands and experiment scripts share: how a run is carried out, and how they end."""

from __future__ import annotations

import io
import os
import sys
import time
import traceback
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import tyro

from grokjax import commands, door, interrupt, output, quiet, words
from grokjax.settings import ConfigError
from grokjax.sweep import Sweep

if TYPE_CHECKING:
    from grokjax.run import Run


MOST = 1000
"""Characters of a line on stderr."""


COUNT = tyro.conf.arg(metavar="INT|auto", prefix_name=False)
OPTIONAL: Any = {"prefix_name": False, "help_behavior_hint": ""}


@dataclass
class Machine:
    """How a run is carried out; none of it changes a member's numbers."""

    lanes: Annotated[str, COUNT] = "auto"
    """Members in training at a time; auto: one a CPU core, on accelerators as many as pay."""
    devices: Annotated[str, COUNT] = "auto"
    """Devices of each process; auto: all, on CPU one a core."""
    checkpoint_every: Annotated[float, tyro.conf.arg(metavar="SECONDS", prefix_name=False)] = 60.0
    """Seconds from one checkpoint to the next."""
    coordinator: Annotated[str | None, tyro.conf.arg(metavar="HOST:PORT", **OPTIONAL)] = None
    """Process 0, where several train together and no Slurm, Open MPI, TPU pod or GKE says so."""
    num_processes: Annotated[int | None, tyro.conf.arg(metavar="INT", **OPTIONAL)] = None
    """Number of processes; 1: alone, whatever launcher is detected."""
    process_id: Annotated[int | None, tyro.conf.arg(metavar="INT", **OPTIONAL)] = None
    """Number of this process, from 0."""

    def options(self, silent: bool) -> dict[str, Any]:
        """The keywords of `train` and `resume`, having joined the other processes."""
        door.settled(self.lanes, self.devices, self.checkpoint_every)
        output.results_are_saved()
        from grokjax import hosts

        hosts.join(self.coordinator, self.num_processes, self.process_id)
        return {
            "lanes": self.lanes,
            "devices": self.devices,
            "checkpoint_every": self.checkpoint_every,
            "progress": not silent,
        }


@dataclass
class Execution:
    """What every script that trains can be told."""

    machine: Machine = field(default_factory=Machine)
    quiet: bool = False
    """Show no progress."""


Arguments = TypeVar("Arguments")


def script(body: Callable[[Arguments], None], arguments: type[Arguments]) -> None:
    """Runs an experiment script on its command line, with the command's exit codes."""
    commands.started_by_script()
    sys.exit(guarded(lambda: body(words.parse(arguments, sys.argv[1:], commands.script()))))


def guarded(action: Callable[[], None]) -> int:
    """Runs `action`; what went wrong as one line on stderr and an exit code."""
    for stream in (sys.stdout, sys.stderr):  # a path may have what the locale has not
        if isinstance(stream, io.TextIOWrapper) and not stream.closed:
            stream.reconfigure(errors="backslashreplace")
    with (
        output.tolerated() as stdout,
        warnings.catch_warnings(),
        interrupt.handled(interrupt.leave),
        commands.in_shell(),
    ):
        warnings.showwarning = _warn
        quiet.hide_closed_loops()
        return _guarded(action) or _printed(stdout)


def _guarded(action: Callable[[], None]) -> int:
    from grokjax.files import DamagedRun

    try:
        action()
    except (ConfigError, FileNotFoundError) as error:
        return _leave(_say(error, 2))
    except interrupt.Interrupted as stop:
        _say(stop.what, 0)
        print(f"go on with: {stop.go_on}", file=sys.stderr, flush=True)
        return _leave(128 + stop.signum)
    except SystemExit as end:  # of --help: what it printed may be lost too
        if end.code:
            raise
    except (DamagedRun, MemoryError, OSError, RuntimeError) as error:
        return _leave(_say(error, 1))
    except Exception:
        if not several():
            raise
        traceback.print_exc()
        return _leave(1)
    return 0


def _printed(stdout: output.Tolerant) -> int:
    """The exit code of a command that did its work: 1 if its results were printed and are lost."""
    stdout.flush()
    if stdout.error is None or (stdout.stream is None and stdout.optional):
        return 0
    if isinstance(stdout.error, BrokenPipeError):  # the reader of a pipe has seen enough
        return 0 if stdout.optional else 1
    reason = f"stdout could not be written ({stdout.error})"
    if stdout.optional:
        return _say(f"warning: {reason}; the run is saved", 0)
    return _say(reason, 1)


def several() -> bool:
    """Whether other processes train with this one."""
    jax = sys.modules.get("jax")
    return jax is not None and jax.distributed.is_initialized()


def _leave(code: int) -> int:
    """Ends one of several processes at once: an orderly exit would wait for the others."""
    if several():
        from grokjax import hosts

        if hosts.first():
            time.sleep(1)  # JAX aborts the others when this one goes; let them speak first
        sys.stdout.flush()
        os._exit(code)
    return code


def _warn(message: Warning | str, *_: object) -> None:
    """In place of Python's two lines with the place in the source."""
    _say(f"warning: {message}", 0)


def _say(message: object, code: int) -> int:
    spaced = "".join(" " if c in "\t\n\r" else c for c in str(message).strip())
    line = "".join(c for c in spaced if c.isprintable())  # a path in it keeps its spaces
    print(f"grokjax: {line[:MOST]}", file=sys.stderr, flush=True)
    return code


def launch(sweep: Sweep, out: Path, execution: Execution, recipe: str | None = None) -> Run:
    """Trains a sweep, or goes on with the part of it that `out` holds.

    Of several processes only the first returns.
    """
    options = execution.machine.options(execution.quiet)
    from grokjax import ensemble, hosts

    run = ensemble.train(sweep, out, recipe=recipe, resume=True, **options)
    if not hosts.first():
        sys.exit(0)
    return run


def draw(run: Run) -> None:
    """The last lines and the picture of a finished run, by one process for all."""
    from grokjax import hosts

    def curves() -> Path:
        from grokjax import plots

        figure = run.directory / "figures" / "curves.png"
        return plots.save(plots.curves(run.history), figure)

    if hosts.first():
        finish(run, curves)


def finish(run: Run, draw: Callable[[], Path]) -> None:
    """The last lines of a command: how members ended, the picture, how to open the run."""
    counts = run.members["status"].value_counts()
    print(f"{len(run)} members: " + ", ".join(f"{n} {status}" for status, n in counts.items()))
    picture(draw)
    print(f"the whole story: {commands.command('report', run.directory)}")
    print(f"in Python: import grokjax; run = grokjax.load({str(run.directory)!r})")


def picture(draw: Callable[[], Path], say: Callable[[str], None] = print) -> None:
    """Draws and says where; a failure is a warning, because the results are there without it."""
    try:
        say(f"figure: {draw()}")
    except Exception as error:  # matplotlib raises any kind, also when it is imported
        _say(f"warning: no figure was drawn ({type(error).__name__}: {error})", 0)
