"""Let the n-th operation that changes files below a folder fail, or be the last before a kill."""

import errno
import os
import sys
from contextlib import contextmanager
from pathlib import Path

CHANGES = {
    **{"os.remove": 1, "os.rmdir": 1, "os.mkdir": 2, "os.truncate": None, "os.symlink": None},
    **{"os.rename": 2, "os.link": 2},
}
"""Audit events whose first argument is a path, and the position of its folder's descriptor."""
WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC


def full_path(path, arguments, folder_at):
    """Return the full path, also of a name that is relative to a folder's descriptor."""
    folder = -1 if folder_at is None else arguments[folder_at]
    if folder < 0:
        return path
    return os.path.join(os.readlink(f"/proc/self/fd/{folder}"), os.fsdecode(path))


class Killed(BaseException):
    """Ends the writer; no `except Exception` catches it."""


class FailingDisk:
    """Counts the operations that change files below a directory, and lets the n-th fail.

    dies: end the writer as kill -9 would, so that no later operation is done either.
    """

    def __init__(self):
        self.directory = None
        self._installed = False

    @contextmanager
    def failing(self, directory, at=0, dies=False):
        if not self._installed:  # an audit hook cannot be removed
            sys.addaudithook(self._audit)
            self._installed = True
        self.directory, self.count, self.at, self.dies = str(directory), 0, at, dies
        self.done = []
        fsync = os.fsync

        def counted(file):
            self._operation("os.fsync", os.readlink(f"/proc/self/fd/{file}"))
            fsync(file)

        os.fsync = counted
        try:
            yield self
        finally:
            self.directory, os.fsync = None, fsync

    def _audit(self, event, arguments):
        if self.directory is None:
            return
        if event == "open":
            path, _, flags = arguments
            if isinstance(path, str | bytes | Path) and flags & WRITES:
                self._operation(event, path, emptied=flags & os.O_TRUNC)
        elif event in CHANGES:
            self._operation(event, full_path(arguments[0], arguments, CHANGES[event]))

    def _operation(self, event, path, emptied=False):
        if not os.fsdecode(path).startswith(self.directory):
            return
        self.count += 1
        self.done.append(f"{event} {Path(os.fsdecode(path)).name}")
        if self.dies and 0 < self.at <= self.count:
            if emptied and self.count == self.at:  # the file was opened and nothing is written yet
                directory, self.directory = self.directory, None
                Path(os.fsdecode(path)).write_bytes(b"")
                self.directory = directory
            raise Killed
        if self.count == self.at:
            raise OSError(errno.ENOSPC, "No space left on device", os.fsdecode(path))


DISK = FailingDisk()
