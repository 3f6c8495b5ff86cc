"""The lock of a run directory, which allows one writer at a time."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import socket
import time
from pathlib import Path

from grokjax.errors import ConfigError
from grokjax.storage import training_status

NAME = ".lock"

STALE_AFTER = 120.0
"""Seconds without a new status.json after which a writer on another host is presumed dead."""

_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP)


class Lock:
    """Context manager: this process is the only writer of the run directory.

    The kernel releases the lock when the process ends, in any way. The file only names the last
    owner. On network file systems without locks, the lock is owned by the process that the file
    names, unless it is dead.

    Raises ConfigError on entering if another process has the lock.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / NAME

    def __enter__(self) -> Lock:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as opened:
            self._file = opened.enter_context(self._path.open("a+"))
            for attempt in range(4):  # `is_locked` of another process takes the lock for a moment
                if _acquire(self._path, self._file.fileno(), fcntl.LOCK_EX):
                    break
                time.sleep(0.05 * attempt)
            else:
                owner = _owner(self._path) or "another process"
                raise ConfigError(f"{self._path.parent}: is being written by {owner}")
            opened.pop_all()  # the file stays open until the lock is released
        self._file.truncate(0)
        self._file.write(_this_process())
        self._file.flush()
        return self

    def __exit__(self, *_: object) -> None:
        self._file.truncate(0)
        self._file.close()


def check_owned(directory: Path) -> None:
    """Raise OSError if the directory that this process locked was removed or replaced."""
    if _owner(directory / NAME) != _this_process():
        raise OSError(f"{directory}: was removed or replaced while it was being written")


def is_locked(directory: Path) -> bool:
    """Return whether a process is writing this run directory now."""
    path = directory / NAME
    try:
        with path.open() as file:
            return not _acquire(path, file.fileno(), fcntl.LOCK_SH)
    except OSError:  # the run was never written, or the lock cannot be read
        return False


def _acquire(path: Path, file: int, operation: int) -> bool:
    """Try to lock `file` until it is closed; return False if another process has the lock."""
    try:
        fcntl.flock(file, operation | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in _NO_LOCKS:
            raise
        return not _owner_is_alive(path)
    return True


def _this_process() -> str:
    return f"process {os.getpid()} on {socket.gethostname()}"


def _owner(path: Path) -> str:
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return path.read_text().strip()
    return ""


def _owner_is_alive(path: Path) -> bool:
    """Return whether the process named in the file is alive, as far as this host can tell."""
    named = re.fullmatch(r"process (\d+) on (.+)", _owner(path))
    if named is None:
        return False
    if named[2] != socket.gethostname():
        last = training_status.read(path.parent)
        ages = [time.time() - path.stat().st_mtime] + ([] if last is None else [last.age])
        return min(ages) < STALE_AFTER
    try:
        os.kill(int(named[1]), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return int(named[1]) != os.getpid()
