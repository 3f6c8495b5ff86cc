"""Keep working when output cannot be written: the disk is full, or the reader is gone."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Iterator
from typing import Any, TextIO, cast


class TolerantStream:
    """A text stream that drops what it cannot write, instead of raising.

    error: the first failure, or None. optional: whether lost output does not matter, because
    the results are saved elsewhere.
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
        except (OSError, ValueError) as error:  # ValueError: the program closed it
            self.error = self.error or error
            return None

    @property
    def encoding(self) -> str:
        return getattr(self.stream, "encoding", None) or "utf-8"

    def __getattr__(self, name: str) -> Any:
        return getattr(self.stream, name)


def make_tolerant(stream: TextIO | None) -> TextIO:
    """Return the stream in a wrapper to which writing never raises."""
    return stream if isinstance(stream, TolerantStream) else cast(TextIO, TolerantStream(stream))


@contextlib.contextmanager
def tolerate_output_errors() -> Iterator[TolerantStream]:
    """Within this context, printing never raises; yields stdout, whose `error` says what failed."""
    open_missing_streams()
    before = sys.stdout, sys.stderr
    stdout = TolerantStream(sys.stdout)
    sys.stdout, sys.stderr = cast(TextIO, stdout), make_tolerant(sys.stderr)
    try:
        yield stdout
    finally:
        sys.stdout, sys.stderr = before
        for stream in before:
            discard_unwritable(stream)


def mark_stdout_optional() -> None:
    """From now on, a failure to write stdout does not matter."""
    if isinstance(sys.stdout, TolerantStream):
        sys.stdout.optional = True


def discard_unwritable(stream: TextIO | None) -> None:
    """Discard what a stream cannot write; otherwise Python fails on it again at exit."""
    found = stream.stream if isinstance(stream, TolerantStream) else stream
    if found is None:
        return
    try:
        found.flush()
    except ValueError:  # closed, so its buffer is empty
        pass
    except OSError:
        with contextlib.suppress(OSError):  # a notebook's stream has no file
            number = found.fileno()
            null = os.open(os.devnull, os.O_WRONLY)
            os.dup2(null, number)
            os.close(null)
            found.flush()


def open_missing_streams() -> None:
    """Open /dev/null in place of a closed stdin, stdout or stderr.

    Otherwise the next opened file would get its number, and C libraries would print into it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # takes the lowest number
