"""Orbax, made quiet and patient: what its users should know is said in one line, elsewhere."""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

ATTEMPTS = 10
"""Of a reader, while a trainer saves faster than it reads."""


T = TypeVar("T")


@contextlib.contextmanager
def silent(level: int = logging.ERROR) -> Iterator[None]:
    log = logging.getLogger("absl")
    before = log.level
    log.setLevel(level)
    try:
        yield
    finally:
        log.setLevel(before)


def one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]


def patiently(action: Callable[[], T]) -> T:
    """What it returns, tried again where a live trainer removes what Orbax has just listed."""
    for _ in range(ATTEMPTS - 1):
        with contextlib.suppress(FileNotFoundError):
            return action()
    return action()


def _not_of_orbax(record: logging.LogRecord) -> bool:
    return not re.search("_SignalingThread|orbax|OCDBT", record.getMessage())


def reason(error: Exception) -> str:
    """Why a file could not be written, of the error that tensorstore makes of it.

    Its threads go on to log that error later; from here on they are not heard.
    """
    for name in ("absl", "asyncio"):
        logging.getLogger(name).addFilter(_not_of_orbax)
    code = re.search(r"os_error_code='(\d+)'", str(error))
    return os.strerror(int(code[1])) if code else one_line(error)


def hide_closed_loops() -> None:
    """From now on hide what Orbax's threads raise once a read or a write has failed.

    The failure itself has been reported; its threads then find their event loop closed, and
    Python would print a traceback for each of them.
    """
    before = sys.unraisablehook
    if getattr(before, "__module__", None) == __name__:
        return

    def hook(what: Any) -> None:
        if "Event loop is closed" not in str(what.exc_value):
            before(what)

    sys.unraisablehook = hook
