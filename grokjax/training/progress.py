"""Show progress while members train: a live display on a terminal, or plain lines."""

from __future__ import annotations

import shutil
import sys
import textwrap
import time
from typing import TextIO

from grokjax.terminal import tolerant_output
from grokjax.training.progress_counts import ProgressCounts

PLAIN_LINE_EVERY = 10.0
"""Seconds between plain lines, where output is not a terminal."""

STATUSES = ("grokked", "memorised", "not memorised", "diverged", "pruned")


def duration(seconds: float) -> str:
    """Format seconds: `75 -> 1m15s`, `7300 -> 2h01m`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02d}m"


class Progress:
    """A context that shows ProgressCounts as they change.

    The rate and the time left are measured from the end of the first round on, because the
    time before it is mostly compilation; later compilations are excluded, too.
    """

    def __init__(self, enabled: bool = True, stream: TextIO | None = None) -> None:
        self._stream = tolerant_output.make_tolerant(stream or sys.stderr)
        self._enabled = enabled
        self._begin()
        self._display = None
        if enabled and self._stream.isatty():
            from grokjax.terminal import display

            self._display = display.open_display(self._stream)

    def _begin(self) -> None:
        """Start the clock and the rate anew for each launch."""
        self._start = time.perf_counter()
        self._origin: tuple[float, int, int] | None = None
        self.rate: float | None = None  # member-steps a second
        self._printed = -PLAIN_LINE_EVERY

    def __enter__(self) -> Progress:
        self._begin()
        if self._display:
            self._display.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._display:
            self._display.stop()
        tolerant_output.discard_unwritable(self._stream)

    def print_line(self, text: str) -> None:
        """Print a line that stays."""
        if self._display:
            self._display.print_line(text)
        elif self._enabled:
            if self._stream.isatty():  # a terminal that cannot move the cursor
                text = textwrap.fill(text, shutil.get_terminal_size().columns)
            print(text, file=self._stream, flush=True)

    def update(self, counts: ProgressCounts, last: bool = False) -> None:
        """Show the counts; plain lines appear at most every `PLAIN_LINE_EVERY` seconds."""
        now = time.perf_counter()
        epoch_seconds = self._measure(counts, now)
        if not self._enabled:
            return
        due = last or now - self._printed >= PLAIN_LINE_EVERY
        if self._display is None and not due:
            return
        lines = self._lines(counts, now, epoch_seconds)
        if self._display:
            share = None
            if counts.remaining_epochs is not None:
                share = counts.epochs / max(1.0, counts.epochs + counts.remaining_epochs)
            self._display.show(share, lines)
        if last or not self._display:
            self._printed = now
            self.print_line(" | ".join(lines))

    def exclude(self, seconds: float) -> None:
        """Leave time that was spent on compiling out of the rate."""
        if self._origin is not None:
            start, steps, epochs = self._origin
            self._origin = start + seconds, steps, epochs

    def _measure(self, counts: ProgressCounts, now: float) -> float | None:
        """Update the rate; return the seconds per epoch of one member, or None if unknown.

        Both are unknown until a second round has ended.
        """
        if self._origin is None and counts.rounds:
            self._origin = now, counts.steps, counts.epochs
        start, steps, epochs = self._origin or (now, 0, 0)
        if now <= start or counts.epochs <= epochs:
            return None
        self.rate = (counts.steps - steps) / (now - start)
        return (now - start) / (counts.epochs - epochs)

    def _lines(self, counts: ProgressCounts, now: float, epoch_seconds: float | None) -> list[str]:
        ended = [f"{counts.ended[status]} {status}" for status in STATUSES if counts.ended[status]]
        memorised = f" ({counts.memorised} memorised)" if counts.memorised else ""
        rounds = f"round {counts.rounds:,}, {counts.epochs:,} epochs"
        if counts.saving_seconds:
            rounds += f", saving {counts.saving_seconds / (now - self._start):.1%}"
        lines = [
            f"{counts.ended.total()}/{counts.members} members ended"
            + (f": {', '.join(ended)}" if ended else ""),
            f"{counts.running} running{memorised}, {counts.pending} pending",
            rounds,
        ]
        if self.rate is not None:
            busy = "" if counts.occupancy is None else f", lanes {counts.occupancy:.1%} busy"
            lines.append(f"{self.rate:,.0f} member-steps/s{busy}")
        elapsed = f"{duration(now - self._start)} elapsed"
        if counts.ended.total() == counts.members:
            return [*lines, elapsed]
        if counts.remaining_epochs is None:
            return [*lines, elapsed, "time left unknown until a member ends"]
        if epoch_seconds is None:
            return [*lines, elapsed]
        about = "at least" if counts.lower_bound else "about"
        left = f"{about} {duration(counts.remaining_epochs * epoch_seconds)} left"
        return [*lines, f"{elapsed}, {left}"]
