"""Handle signals that end a process: training saves first, anything else ends at once."""

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

from grokjax.errors import Interrupted

TERMINATING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
"""SIGHUP: the terminal closed. SIGUSR1, SIGUSR2: often sent by Slurm before its time limit."""

Handler = Callable[[int, FrameType | None], None]


@contextlib.contextmanager
def handle_signals(handler: Handler) -> Iterator[None]:
    """Within this context, `handler` receives the signals that would end this process.

    Outside the main thread this does nothing, because Python allows handlers only there.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    previous = {
        signum: signal.signal(signum, handler) for signum in filter(_available, TERMINATING)
    }
    try:
        yield
    finally:
        for signum, before in previous.items():
            signal.signal(signum, before)


def _available(signum: int) -> bool:
    """Whether grokjax may handle this signal.

    An ignored signal stays ignored (`nohup`, `trap '' INT`). A handler set outside Python
    stays, because Python could not restore it. For SIGHUP, SIGUSR1 and SIGUSR2 the program's
    own handler stays too.
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
    """Whether C code handles the signal, as after `faulthandler.register`; only Linux can tell."""
    with contextlib.suppress(OSError):
        caught = re.search(r"SigCgt:\s*(\w+)", Path("/proc/self/status").read_text())
        return caught is not None and bool(int(caught[1], 16) >> (signum - 1) & 1)
    return False


def exit_at_once(signum: int, _: FrameType | None) -> None:
    """Print one line and end the process at once, which is safe: files are whole at any moment.

    A KeyboardInterrupt would be lost in an import or in a callback of JAX, and the process
    would continue.
    """
    with contextlib.suppress(Exception):
        sys.stdout.flush()
    with contextlib.suppress(Exception):
        os.write(2, b"grokjax: interrupted; saved files are unchanged\n")
    os._exit(128 + signum)


class SignalRecorder:
    """A context that records the first signal in `received` (None before) for training to save.

    A second Ctrl-C ends the process. Other repeated signals do not: a closing terminal sends
    two SIGHUPs, and `timeout` sends two SIGTERMs.
    """

    def __init__(self) -> None:
        self.received: int | None = None
        self._handling = handle_signals(self._record)

    def __enter__(self) -> SignalRecorder:
        _report_in_one_line()
        self._handling.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._handling.__exit__(None, None, None)

    def _record(self, signum: int, _: FrameType | None) -> None:
        self.received = self.received or signum
        if signal.getsignal(signal.SIGINT) == self._record:
            signal.signal(signal.SIGINT, signal.SIG_DFL)


def _report_in_one_line() -> None:
    """From now on, report an uncaught `Interrupted` in one line, with exit code 128 + signal."""
    before = sys.excepthook
    if _is_ours(before):
        return

    def hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if not isinstance(error, Interrupted):
            before(kind, error, trace)
            return
        print(f"grokjax: {error}", file=sys.stderr)
        if not hasattr(sys, "ps1"):  # an interactive session continues
            raise SystemExit(128 + error.signum)

    sys.excepthook = hook
