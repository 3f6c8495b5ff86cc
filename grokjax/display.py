"""The display on a terminal while members train: a bar with the counts in words below it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import TextIO

import rich.progress
from rich.console import Console, RenderableType
from rich.constrain import Constrain
from rich.table import Column
from rich.text import Text

from grokjax import output

WIDEST = 40
"""Columns of the display. A terminal that is made narrower than what it shows breaks the lines of
that in two, some terminals at least, and then the place to draw at cannot be known."""


class Display(rich.progress.Progress):
    """Redraws itself four times a second, and takes the width that the terminal has by then.

    What else is written meanwhile, to sys.stdout or sys.stderr, appears above it.
    """

    def __init__(self, console: Console) -> None:
        self._lines: Sequence[str] = ()
        super().__init__(
            rich.progress.BarColumn(bar_width=None, table_column=Column(ratio=1)),
            rich.progress.TaskProgressColumn(),
            console=console,
            refresh_per_second=4,
            transient=True,
            redirect_stdout=output.tolerant(sys.stdout).isatty(),
            redirect_stderr=output.tolerant(sys.stderr).isatty(),
            expand=True,
        )
        self._task = self.add_task("", total=None)

    def start(self) -> None:
        super().start()
        self.console.show_cursor(True)  # a process that is killed cannot bring it back

    def show(self, share: float | None, lines: Sequence[str]) -> None:
        """Sets what is shown from now on; share: of the work, None while it cannot be told."""
        self._lines = lines
        total = None if share is None else 1.0
        self.update(self._task, total=total, completed=share or 0.0)

    def get_renderables(self) -> Iterable[RenderableType]:
        yield Constrain(self.make_tasks_table(self.tasks), WIDEST)
        for line in self._lines:
            yield Constrain(Text(line), WIDEST)

    def say(self, text: str) -> None:
        """Prints lines that stay, above the display."""
        self.console.print(Text(text))


def of(stream: TextIO) -> Display | None:
    """A display on a terminal, None where the cursor cannot be moved on it."""
    console = Console(file=stream)
    return Display(console) if console.is_interactive else None
