"""One writer a run directory."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import socket
import time
from pathlib import Path

from grokjax import status
from grokjax.settings import ConfigError

NAME = ".lock"

STALE_AFTER = 120.0
"""Seconds without a new status.json after which a writer on another host is taken for dead."""

_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP)


class Lock:
    """Held by the process that writes a run directory, while it is entered.

    The kernel lets go of it when the process ends, however it ends; what is
    left in the file only names who had it last. Some network file systems have
    no locks: there the name decides, and a dead process's is passed over.

    Raises ConfigError on entering if another process holds it.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / NAME

    def __enter__(self) -> Lock:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._path.open("a+")
        try:
            taken = True
            for attempt in range(4):  # a reader that asks whether it is held, holds it a moment
                taken = _taken(self._path, exclusive=True, file=self._file.fileno())
                if not taken:
                    break
                time.sleep(0.05 * attempt)
        except OSError:
            self._file.close()
            raise
        if taken:
            owner = _owner(self._path) or "another process"
            self._file.close()
            raise ConfigError(f"{self._path.parent}: is being written by {owner}")
        self._file.truncate(0)
        self._file.write(_name())
        self._file.flush()
        return self

    def __exit__(self, *_: object) -> None:
        self._file.truncate(0)
        self._file.close()


def still_ours(directory: Path) -> None:
    """Raises OSError if the directory that this process locked is gone, or another's now."""
    if _owner(directory / NAME) != _name():
        raise OSError(f"{directory}: is gone, or was replaced, while it was written")


def held(directory: Path) -> bool:
    """Whether a process is writing this run directory now."""
    path = directory / NAME
    try:
        with path.open() as file:
            return _taken(path, exclusive=False, file=file.fileno())
    except OSError:  # nobody ever wrote here, or it cannot be told
        return False


def _taken(path: Path, exclusive: bool, file: int) -> bool:
    """Whether somebody else has the lock; if not, it is taken through `file` until that closes."""
    try:
        fcntl.flock(file, (fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        return _alive(path)
    return False


def _name() -> str:
    return f"process {os.getpid()} on {socket.gethostname()}"


def _owner(path: Path) -> str:
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return path.read_text().strip()
    return ""


def _alive(path: Path) -> bool:
    """Whether the process named in the file still lives, as far as can be told from here."""
    named = re.fullmatch(r"process (\d+) on (.+)", _owner(path))
    if named is None:
        return False
    if named[2] != socket.gethostname():
        last = status.read(path.parent)
        ages = [time.time() - path.stat().st_mtime] + ([] if last is None else [last.age])
        return min(ages) < STALE_AFTER
    try:
        os.kill(int(named[1]), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return int(named[1]) != os.getpid()
