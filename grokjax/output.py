"""Standard output that fails: what is shown may be lost, the work goes on."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Iterator
from typing import Any, TextIO, cast


class Tolerant:
    """A text stream that drops what cannot be written: disk full, reader gone, stream closed.

    error: the first failure, or None. optional: whether what is lost matters to nobody,
    because the results are saved elsewhere.
    """

    def __init__(self, stream: TextIO | None) -> None:
        self.stream, self.optional = stream, False
        closed = None if stream is not None else OSError(errno.EBADF, os.strerror(errno.EBADF))
        self.error: Exception | None = closed

    def write(self, text: str) -> int:
        self._attempt("write", text)
        return len(text)

    def flush(self) -> None:
        self._attempt("flush")

    def isatty(self) -> bool:
        return bool(self._attempt("isatty"))

    def _attempt(self, method: str, *arguments: str) -> Any:
        if self.stream is None:
            return None
        try:
            return getattr(self.stream, method)(*arguments)
        except (OSError, ValueError) as error:  # ValueError: closed by the program itself
            self.error = self.error or error
            return None

    @property
    def encoding(self) -> str:
        return getattr(self.stream, "encoding", None) or "utf-8"

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def tolerant(stream: TextIO | None) -> TextIO:
    """The stream, such that writing to it never raises."""
    return stream if isinstance(stream, Tolerant) else cast(TextIO, Tolerant(stream))


@contextlib.contextmanager
def tolerated() -> Iterator[Tolerant]:
    """While entered, nothing that is printed raises; gives stdout, whose `error` tells."""
    fill_closed()
    before = sys.stdout, sys.stderr
    stdout = Tolerant(sys.stdout)
    sys.stdout, sys.stderr = cast(TextIO, stdout), tolerant(sys.stderr)
    try:
        yield stdout
    finally:
        sys.stdout, sys.stderr = before
        for stream in before:
            settle(stream)


def results_are_saved() -> None:
    """From now on it does not matter whether stdout can be written."""
    if isinstance(sys.stdout, Tolerant):
        sys.stdout.optional = True


def settle(stream: TextIO | None) -> None:
    """Discards what a stream cannot write, on which Python would fail again when it ends."""
    found = stream.stream if isinstance(stream, Tolerant) else stream
    if found is None:
        return
    try:
        found.flush()
    except ValueError:  # closed, so nothing is left in it
        pass
    except OSError:
        with contextlib.suppress(OSError):  # no file, as that of a notebook
            number = found.fileno()
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, number)
            os.close(null)
            found.flush()


def fill_closed() -> None:
    """Opens /dev/null in place of a closed stdin, stdout or stderr.

    The next file that is opened would get its number, and messages of C libraries in it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # the lowest free number
