"""Signals that end a process: while members train they save first, and else they end it at once."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FrameType, TracebackType

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
"""SIGHUP: the terminal is gone. SIGUSR1, SIGUSR2: what Slurm is asked to send before its limit."""

Handler = Callable[[int, FrameType | None], None]


class Interrupted(KeyboardInterrupt):
    """Training was stopped by a signal and everything is saved; the message says how to go on.

    signum: the signal. directory: the run. go_on: the command or the Python call that goes on.
    """

    def __init__(self, signum: int, directory: str, go_on: str) -> None:
        super().__init__(signum, directory, go_on)  # as it is pickled, by a pool of processes
        self.signum, self.directory, self.go_on = signum, directory, go_on

    @property
    def what(self) -> str:
        return f"stopped by {signal.Signals(self.signum).name}; saved in {self.directory}"

    def __str__(self) -> str:
        return f"{self.what}; go on with: {self.go_on}"

    def _render_traceback_(self) -> list[str]:
        """What IPython and Jupyter show instead of a traceback."""
        return [f"grokjax: {self}"]


@contextlib.contextmanager
def handled(handler: Handler) -> Iterator[None]:
    """While entered, `handler` gets the signals that would end this process.

    Python allows handlers in the main thread only; elsewhere this does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    ours = [signum for signum in ENDING if _available(signum)]
    previous = {signum: signal.signal(signum, handler) for signum in ours}
    try:
        yield
    finally:
        for signum, before in previous.items():
            signal.signal(signum, before)


def _available(signum: int) -> bool:
    """Whether grokjax may handle this signal.

    An ignored one stays ignored (`nohup`, `trap '' INT`), and a handler that Python does
    not know stays, because Python could not put it back. SIGHUP, SIGUSR1 and SIGUSR2 are
    handled only where they would end the process: a program's own handler has its purpose.
    """
    handler = signal.getsignal(signum)
    if handler is None or handler is signal.SIG_IGN:
        return False
    if signum in (signal.SIGINT, signal.SIGTERM) or _is_ours(handler):
        return True
    return handler is signal.SIG_DFL and not _caught_outside_python(signum)


def _is_ours(handler: object) -> bool:
    return getattr(handler, "__module__", None) == __name__


def _caught_outside_python(signum: int) -> bool:
    """Whether a C library handles it, as `faulthandler.register` does; only Linux tells."""
    with contextlib.suppress(OSError):
        caught = re.search(r"SigCgt:\s*(\w+)", Path("/proc/self/status").read_text())
        return caught is not None and bool(int(caught[1], 16) >> (signum - 1) & 1)
    return False


def leave(signum: int, _: FrameType | None) -> None:
    """Ends the process at once, with one line; files are whole at any moment.

    A KeyboardInterrupt was lost where it met an import or a callback of JAX's, and
    the run went on to its end.
    """
    with contextlib.suppress(Exception):
        sys.stdout.flush()
    with contextlib.suppress(Exception):
        os.write(2, b"grokjax: interrupted; what was saved before is as it was\n")
    os._exit(128 + signum)


class Signals:
    """While entered, `received` is the first signal that came, or None.

    A second Ctrl-C ends the process. Other signals that follow do not: a terminal that
    closes sends two SIGHUPs, and `timeout` two SIGTERMs.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._handled = handled(self._note)

    def __enter__(self) -> Signals:
        _report_in_one_line()
        self._handled.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._handled.__exit__(None, None, None)

    def _note(self, signum: int, _: FrameType | None) -> None:
        self.received = self.received or signum
        if signal.getsignal(signal.SIGINT) == self._note:
            signal.signal(signal.SIGINT, signal.SIG_DFL)


def _report_in_one_line() -> None:
    """From now on an `Interrupted` that a Python program does not catch is one line and 128 + n."""
    before = sys.excepthook
    if _is_ours(before):
        return

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if not isinstance(error, Interrupted):
            before(kind, error, trace)
            return
        print(f"grokjax: {error}", file=sys.stderr)
        if not hasattr(sys, "ps1"):  # else it is typed into, and goes on
            raise SystemExit(128 + error.signum)

    sys.excepthook = hook
