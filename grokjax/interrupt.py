"""SIGINT and SIGTERM as a request to stop after the round; a second one stops at once."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Any


class Interrupted(KeyboardInterrupt):
    """Training stopped on a signal, everything saved. `signum`: which; `directory`: where."""

    def __init__(self, signum: int, directory: str) -> None:
        super().__init__(f"stopped by {signal.Signals(signum).name}; saved in {directory}")
        self.signum, self.directory = signum, directory


class Signals:
    """While entered, notes the first signal in `received`.

    Outside the main thread Python allows no handlers, and it notes nothing.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> Signals:
        if threading.current_thread() is threading.main_thread():
            for signum in (signal.SIGINT, signal.SIGTERM):
                self._previous[signum] = signal.signal(signum, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for signum, handler in self._previous.items():
            signal.signal(signum, handler)

    def _note(self, signum: int, _: FrameType | None) -> None:
        self.received = signum
        for each in self._previous:
            signal.signal(each, signal.SIG_DFL)
