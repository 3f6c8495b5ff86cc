"""What experiment scripts share: their flags, their exit codes, training or resuming a sweep."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from grokjax.cli import command_line
from grokjax.cli.exit_codes import exit_code_of
from grokjax.cli.machine_flags import MachineFlags
from grokjax.config.sweep import Sweep
from grokjax.runtime.xla_log import hide_xla_log
from grokjax.terminal import printed_commands

if TYPE_CHECKING:
    import pandas as pd

    from grokjax.results.run import Run


@dataclass
class TrainingFlags:
    """Flags of every script that trains."""

    out: Path = field(default_factory=lambda: Path("runs") / Path(sys.argv[0]).stem)
    """Run directory; if it holds part of this sweep, training continues."""
    machine: MachineFlags = field(default_factory=MachineFlags)
    quiet: bool = False
    """Show no progress."""


Flags = TypeVar("Flags")


def run_script(main: Callable[[Flags], None], flags: type[Flags]) -> None:
    """Call `main` with the flags of this process's command line; exit as the command does."""
    hide_xla_log()
    printed_commands.record_script()
    prog = printed_commands.script_command()
    sys.exit(exit_code_of(lambda: main(command_line.parse(flags, sys.argv[1:], prog))))


def train_or_resume(
    sweep: Sweep, flags: TrainingFlags, recipe: str | None = None, metrics: Iterable[Any] = ()
) -> Run:
    """Train a sweep, or resume the part of it that `--out` holds; record these metrics, too.

    In a launch of several processes only the first one returns; the others exit.
    """
    options = flags.machine.join_processes(flags.quiet)
    from grokjax.results.pieces import user_sources
    from grokjax.runtime import processes
    from grokjax.training import api

    run = api.train(sweep, flags.out, recipe=recipe, resume=True, metrics=metrics, **options)
    if not processes.is_first():
        sys.exit(0)
    if user_sources(run.info):
        printed_commands.record_import(sys.argv[0])
    return run


def save_results(table: pd.DataFrame, flags: TrainingFlags) -> None:
    """Write what a script measured, a row for each member, to `results.csv` beside the run."""
    table.to_csv(flags.out / "results.csv", float_format="%.6g")
