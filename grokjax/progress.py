"""What the terminal shows while members train."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import TracebackType
from typing import TYPE_CHECKING, TextIO

from grokjax import output
from grokjax.stopping import Ended

if TYPE_CHECKING:
    from rich.console import RenderableType

PLAIN_EVERY = 10.0
"""Seconds from one plain line to the next, where there is no terminal."""


@dataclass
class Tally:
    """The counts that progress is made of.

    members: in all. training, memorised: in lanes now, and of those the ones
    with train accuracy at the threshold. ended: finished members by status;
    ended_epochs: theirs, summed. rounds, epochs, steps: of this process; epochs
    and steps summed over members. remaining_epochs: of the members not finished.
    busy_time, lane_time: of lanes, while members waited, in seconds: training a
    member, and in all. saving: seconds spent on checkpoints.
    """

    members: int
    training: int = 0
    memorised: int = 0
    ended: Counter[str] = field(default_factory=Counter)
    rounds: int = 0
    epochs: int = 0
    steps: int = 0
    ended_epochs: int = 0
    remaining_epochs: float = 0.0
    busy_time: float = 0.0
    lane_time: float = 0.0
    saving: float = 0.0

    def count(self, ended: Iterable[Ended]) -> None:
        """Starts over with the members that are over."""
        self.ended, self.ended_epochs = Counter(), 0
        for each in ended:
            self.end(each)

    def end(self, ended: Ended) -> None:
        """Counts a member that is over."""
        self.ended[ended.status] += 1
        self.ended_epochs += ended.epochs

    @property
    def mean_epochs(self) -> float:
        """Of the members that have ended; 0 while none has, and times left are guessed."""
        return self.ended_epochs / max(1, self.ended.total())

    @property
    def occupancy(self) -> float | None:
        """Share of the lanes' time spent training members, while members waited."""
        return self.busy_time / self.lane_time if self.lane_time else None

    @property
    def waiting(self) -> int:
        return self.members - self.training - self.ended.total()


def duration(seconds: float) -> str:
    """`75 -> 1m15s`, `7300 -> 2h01m`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    return f"{whole // 3600}h{whole % 3600 // 60:02d}m"


class Progress:
    """Shows a Tally as it changes: a live line by rich on a terminal, else plain lines.

    Use it in a `with`. Rate and ETA leave out the time before the first round
    ended, which is mostly compiling.
    """

    def __init__(self, enabled: bool = True, stream: TextIO | None = None) -> None:
        self._stream = output.tolerant(stream or sys.stderr)
        self._enabled = enabled
        self._start = time.perf_counter()
        self._origin: tuple[float, int, int] | None = None
        self.rate: float | None = None  # member-steps a second
        self._printed = -PLAIN_EVERY
        self._live = None
        if enabled and self._stream.isatty():
            from rich.console import Console
            from rich.live import Live

            self._live = Live(
                console=Console(file=self._stream), refresh_per_second=4, transient=True
            )

    def __enter__(self) -> Progress:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live:
            self._live.stop()
        output.settle(self._stream)

    def say(self, text: str) -> None:
        """One line that stays."""
        if self._live:
            self._live.console.print(text, highlight=False, markup=False)
        elif self._enabled:
            print(text, file=self._stream, flush=True)

    def update(self, tally: Tally, last: bool = False) -> None:
        """Shows the counts now; plain lines come at most every `PLAIN_EVERY` seconds."""
        now = time.perf_counter()
        text = self._line(tally, now)
        if self._live:
            self._live.update(self._renderable(tally, text))
        elif self._enabled and (last or now - self._printed >= PLAIN_EVERY):
            self._printed = now
            print(text, file=self._stream, flush=True)
        if last and self._live:
            self.say(text)

    def _line(self, tally: Tally, now: float) -> str:
        ended = [f"{n} {status}" for status, n in sorted(tally.ended.items())]
        memorised = f" ({tally.memorised} memorised)" if tally.memorised else ""
        states = [*ended, f"{tally.training} training{memorised}", f"{tally.waiting} waiting"]
        text = (
            f"{tally.ended.total()}/{tally.members} members: {', '.join(states)} | "
            f"round {tally.rounds:,}, {tally.epochs:,} epochs | "
        )
        if self._origin is None and tally.rounds:
            self._origin = now, tally.steps, tally.epochs
        elapsed = f"{duration(now - self._start)} elapsed"
        start, steps, epochs = self._origin or (now, 0, 0)
        if now <= start:
            return text + elapsed
        eta = tally.remaining_epochs * (now - start) / max(1, tally.epochs - epochs)
        sign = "~" if tally.mean_epochs else "at most "
        self.rate = (tally.steps - steps) / (now - start)
        text += f"{self.rate:,.0f} member-steps/s"
        if tally.occupancy is not None:
            text += f", lanes {tally.occupancy:.1%} busy"
        if tally.saving:
            text += f", saving {tally.saving / (now - self._start):.1%}"
        return f"{text} | {elapsed}, {sign}{duration(eta)} left"

    def _renderable(self, tally: Tally, text: str) -> RenderableType:
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.text import Text

        share = tally.epochs / max(1.0, tally.epochs + tally.remaining_epochs)
        return Group(ProgressBar(total=1.0, completed=share, width=60), Text(text))
