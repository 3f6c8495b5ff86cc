"""One writer a run directory."""

from __future__ import annotations

import fcntl
import os
import socket
from pathlib import Path

from grokjax.config import ConfigError

NAME = ".lock"


class Lock:
    """Held by the process that writes a run directory, while it is entered.

    The kernel lets go of it when the process ends, however it ends; what is
    left in the file only names who had it last.

    Raises ConfigError on entering if another process holds it.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / NAME

    def __enter__(self) -> Lock:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self._path.open("a+")
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._file.seek(0)
            owner = self._file.read().strip() or "another process"
            self._file.close()
            raise ConfigError(f"{self._path.parent}: is being written by {owner}") from None
        self._file.truncate(0)
        self._file.write(f"process {os.getpid()} on {socket.gethostname()}")
        self._file.flush()
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def held(directory: Path) -> bool:
    """Whether a process is writing this run directory now."""
    try:
        with (directory / NAME).open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False
