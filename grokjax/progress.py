"""What the terminal shows while members train."""

from __future__ import annotations

import shutil
import sys
import textwrap
import time
from types import TracebackType
from typing import TextIO

from grokjax import output
from grokjax.tally import Tally

PLAIN_EVERY = 10.0
"""Seconds from one plain line to the next, where there is no terminal."""

STATUSES = ("grokked", "memorised", "not memorised", "diverged")


def duration(seconds: float) -> str:
    """`75 -> 1m15s`, `7300 -> 2h01m`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02d}m"


class Progress:
    """Shows a Tally as it changes: a live display on a terminal, else a line now and then.

    Use it in a `with`. The rate, and with it the time left, leave out the time before
    the first round ended, which is mostly compiling.
    """

    def __init__(self, enabled: bool = True, stream: TextIO | None = None) -> None:
        self._stream = output.tolerant(stream or sys.stderr)
        self._enabled = enabled
        self._begin()
        self._display = None
        if enabled and self._stream.isatty():
            from grokjax import display

            self._display = display.of(self._stream)

    def _begin(self) -> None:
        """Starts the clock and the rate; each launch that is shown does."""
        self._start = time.perf_counter()
        self._origin: tuple[float, int, int] | None = None
        self.rate: float | None = None  # member-steps a second
        self._printed = -PLAIN_EVERY

    def __enter__(self) -> Progress:
        self._begin()
        if self._display:
            self._display.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._display:
            self._display.stop()
        output.settle(self._stream)

    def say(self, text: str) -> None:
        """Shows a line that stays."""
        if self._display:
            self._display.say(text)
        elif self._enabled:
            if self._stream.isatty():  # one on which no cursor can be moved
                text = textwrap.fill(text, shutil.get_terminal_size().columns)
            print(text, file=self._stream, flush=True)

    def update(self, tally: Tally, last: bool = False) -> None:
        """Shows the counts now; plain lines come at most every `PLAIN_EVERY` seconds."""
        now = time.perf_counter()
        seconds = self._measure(tally, now)
        if not self._enabled:
            return
        due = last or now - self._printed >= PLAIN_EVERY
        if self._display is None and not due:
            return
        lines = self._lines(tally, now, seconds)
        if self._display:
            share = None
            if tally.remaining_epochs is not None:
                share = tally.epochs / max(1.0, tally.epochs + tally.remaining_epochs)
            self._display.show(share, lines)
        if last or not self._display:
            self._printed = now
            self.say(" | ".join(lines))

    def _measure(self, tally: Tally, now: float) -> float | None:
        """Sets the rate; gives the seconds that an epoch of a member takes, None if unknown."""
        if self._origin is None and tally.rounds:
            self._origin = now, tally.steps, tally.epochs
        start, steps, epochs = self._origin or (now, 0, 0)
        if now <= start:
            return None
        self.rate = (tally.steps - steps) / (now - start)
        return (now - start) / max(1, tally.epochs - epochs)

    def _lines(self, tally: Tally, now: float, seconds: float | None) -> list[str]:
        """What is known, a line of the display each."""
        ended = [f"{tally.ended[status]} {status}" for status in STATUSES if tally.ended[status]]
        memorised = f" ({tally.memorised} memorised)" if tally.memorised else ""
        rounds = f"round {tally.rounds:,}, {tally.epochs:,} epochs"
        if tally.saving:
            rounds += f", saving {tally.saving / (now - self._start):.1%}"
        lines = [
            f"{tally.ended.total()}/{tally.members} members ended"
            + (f": {', '.join(ended)}" if ended else ""),
            f"{tally.running} running{memorised}, {tally.pending} pending",
            rounds,
        ]
        if self.rate is not None:
            busy = "" if tally.occupancy is None else f", lanes {tally.occupancy:.1%} busy"
            lines.append(f"{self.rate:,.0f} member-steps/s{busy}")
        elapsed = f"{duration(now - self._start)} elapsed"
        if tally.ended.total() == tally.members:
            return [*lines, elapsed]
        if tally.remaining_epochs is None:
            return [*lines, elapsed, "time left unknown until a member ends"]
        if seconds is None:
            return [*lines, elapsed]
        about = "at least" if tally.at_least else "about"
        left = f"{about} {duration(tally.remaining_epochs * seconds)} left"
        return [*lines, f"{elapsed}, {left}"]
