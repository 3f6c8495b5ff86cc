"""SIGINT and SIGTERM: while training, a request to stop after the round; else the end at once."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType

BOTH = (signal.SIGINT, signal.SIGTERM)

Handler = Callable[[int, FrameType | None], None]


class Interrupted(KeyboardInterrupt):
    """Training stopped on a signal, everything saved. `signum`: which; `directory`: where."""

    def __init__(self, signum: int, directory: str) -> None:
        super().__init__(f"stopped by {signal.Signals(signum).name}; saved in {directory}")
        self.signum, self.directory = signum, directory


@contextlib.contextmanager
def handled(handler: Handler) -> Iterator[None]:
    """While entered, both signals are the handler's.

    Outside the main thread Python allows no handlers, and nothing is done.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = {signum: signal.signal(signum, handler) for signum in BOTH}
    try:
        yield
    finally:
        for signum, before in previous.items():
            signal.signal(signum, before)


def leave(signum: int, _: FrameType | None) -> None:
    """Ends the process in one line, what is written being whole at any moment.

    A KeyboardInterrupt was lost where it met an import or a callback of JAX's, and
    the run went on to its end.
    """
    with contextlib.suppress(Exception):
        sys.stdout.flush()
        os.write(2, b"grokjax: interrupted; what was saved before is as it was\n")
    os._exit(128 + signum)


class Signals:
    """While entered, notes the first signal in `received`; a second one ends the process."""

    def __init__(self) -> None:
        self.received: int | None = None
        self._handled = handled(self._note)

    def __enter__(self) -> Signals:
        self._handled.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._handled.__exit__(None, None, None)

    def _note(self, signum: int, _: FrameType | None) -> None:
        self.received = signum
        for each in BOTH:
            signal.signal(each, signal.SIG_DFL)
