"""Live display on a terminal: a progress bar with lines of text below it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TextIO

import rich.progress
from rich.console import Console, RenderableType
from rich.constrain import Constrain
from rich.table import Column
from rich.text import Text

from grokjax.terminal import tolerant_output

MAX_WIDTH = 40
"""Columns of the display.

If a terminal becomes narrower than a line, some terminals wrap it, and then the display can no
longer tell where to redraw.
"""


class Display(rich.progress.Progress):
    """Redraw four times a second, at the terminal's current width.

    Anything else written to sys.stdout or sys.stderr appears above the display.
    """

    def __init__(self, console: Console) -> None:
        self._lines: Sequence[str] = ()
        super().__init__(
            rich.progress.BarColumn(bar_width=None, table_column=Column(ratio=1)),
            rich.progress.TaskProgressColumn(),
            console=console,
            refresh_per_second=4,
            transient=True,
            redirect_stdout=tolerant_output.make_tolerant(sys.stdout).isatty(),
            redirect_stderr=tolerant_output.make_tolerant(sys.stderr).isatty(),
            expand=True,
        )
        self._task = self.add_task("", total=None)

    def start(self) -> None:
        super().start()
        self.console.show_cursor(True)  # a killed process could not restore a hidden cursor

    def show(self, share: float | None, lines: Sequence[str]) -> None:
        """Show these lines, and a bar for the finished share of the work (None: unknown)."""
        self._lines = lines
        total = None if share is None else 1.0
        self.update(self._task, total=total, completed=share or 0.0)

    def get_renderables(self) -> Iterable[RenderableType]:
        yield Constrain(self.make_tasks_table(self.tasks), MAX_WIDTH)
        for line in self._lines:
            yield Constrain(Text(line), MAX_WIDTH)

    def print_line(self, text: str) -> None:
        """Print a line above the display that stays."""
        self.console.print(Text(text))


def open_display(stream: TextIO) -> Display | None:
    """Return a display on a terminal, or None if the stream cannot move the cursor."""
    console = Console(file=stream)
    return Display(console) if console.is_interactive else None
