"""What is printed and drawn when training has ended."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from grokjax.cli.exit_codes import print_message
from grokjax.terminal import printed_commands

if TYPE_CHECKING:
    from grokjax.results.run import Run


def summarise_with_curves(run: Run) -> None:
    """Summarise a run and draw its curves, in the first of several processes."""
    from grokjax.runtime import processes

    def draw_curves() -> Path:
        from grokjax import plots

        curves = plots.curves(run.history, log_epochs=True)
        return plots.save(curves, run.directory / "figures" / "curves.png")

    if processes.is_first():
        summarise(run, draw_curves)


def summarise(run: Run, draw: Callable[[], Path]) -> None:
    """Print how members ended, where the figure is, and how to open the run."""
    counts = run.members["status"].value_counts()
    print(f"{len(run)} members: " + ", ".join(f"{n} {status}" for status, n in counts.items()))
    draw_or_warn(draw)
    print(f"full report: {printed_commands.format_run_command('report', run.directory)}")
    print(f"in Python: import grokjax; run = grokjax.load({str(run.directory)!r})")


def draw_or_warn(draw: Callable[[], Path], print_line: Callable[[str], None] = print) -> None:
    """Call `draw` and print the path it returns; a failure is a warning, as results are saved."""
    try:
        print_line(f"figure: {draw()}")
    except Exception as error:  # matplotlib raises many types, also on import
        print_message(f"warning: no figure was drawn ({type(error).__name__}: {error})", 0)
