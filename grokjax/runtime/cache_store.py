"""The folder of compiled programs: private to the user, of bounded size, and never in the way.

Entries are native code, so a folder or a file that another user owns or could write is not used.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import sys
import tempfile
import warnings
import zlib
from dataclasses import dataclass
from pathlib import Path

from grokjax.errors import invalid, printable

VARIABLE = "GROKJAX_COMPILE_CACHE"
"""`off`, `on`, or the absolute path of a folder to use instead of the user's cache folder."""

MAX_BYTES = 256 * 2**20
"""Size of the folder, above which entries that were not used for longest are removed. The two
programs of the recipe `notebook` take 0.5 MB."""

MAX_ENTRY = 128 * 2**20
"""Bytes of a program that are read or kept."""

MAGIC = b"grokjax compiled 1\n"

_warned: set[str] = set()


@dataclass(frozen=True)
class Store:
    """A folder with one file for each program, named by the digest of all it depends on."""

    folder: Path

    @classmethod
    def open(cls) -> Store | None:
        """Return the store; None if it is off or its folder cannot be used, which is warned of.

        Raises ConfigError for a value of `GROKJAX_COMPILE_CACHE` that is none of those above.
        """
        given = os.environ.get(VARIABLE, "on")
        if given == "off":
            return None
        if given != "on" and not Path(given).is_absolute():
            raise invalid(VARIABLE, given, "must be on, off or the absolute path of a folder")
        try:
            folder = _user_folder() / "grokjax" / "compiled" if given == "on" else Path(given)
            folder.parent.mkdir(parents=True, exist_ok=True)
            folder.mkdir(mode=0o700, exist_ok=True)
            _check_private(folder.stat(), folder)
        except (OSError, RuntimeError, ValueError) as error:  # RuntimeError: no home directory
            _warn_once(str(error))
            return None
        return cls(folder)

    def read(self, key: str) -> bytes | None:
        """Return what was kept; None if there is nothing intact."""
        path = self.folder / key
        try:
            descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0))
            with open(descriptor, "rb") as file:
                status = os.fstat(descriptor)
                _check_private(status, path)
                if not stat.S_ISREG(status.st_mode) or status.st_size > MAX_ENTRY:
                    return None
                content = _unpack(file.read())
        except FileNotFoundError:
            return None
        except OSError as error:
            _warn_once(str(error))
            return None
        with contextlib.suppress(OSError):
            if content is None:
                path.unlink()
            else:
                os.utime(path)  # used now
        return content

    def write(self, key: str, content: bytes) -> None:
        """Keep something under a key: all of it or nothing."""
        digest = hashlib.sha256(content).digest()
        packed = MAGIC + digest + zlib.compress(content, 1)
        if len(packed) > MAX_ENTRY:
            return
        temporary = None
        try:
            self._make_room(len(packed))
            descriptor, temporary = tempfile.mkstemp(".tmp", dir=self.folder)
            with open(descriptor, "wb") as file:
                file.write(packed)
            os.replace(temporary, self.folder / key)
        except OSError as error:
            if temporary is not None:
                with contextlib.suppress(OSError):
                    os.unlink(temporary)
            _warn_once(str(error))

    def _make_room(self, size: int) -> None:
        """Remove the entries that were not used for longest, until there is room for one more."""
        found = []
        with os.scandir(self.folder) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):  # another process may have removed it
                    status = entry.stat(follow_symlinks=False)
                    if stat.S_ISREG(status.st_mode):
                        found.append((status.st_mtime, status.st_size, entry.path))
        total = size + sum(each[1] for each in found)
        for _, freed, path in sorted(found):
            if total <= MAX_BYTES:
                return
            with contextlib.suppress(OSError):
                os.unlink(path)
            total -= freed


def _user_folder() -> Path:
    """Return the folder for caches of this user. Raises RuntimeError if there is none."""
    if sys.platform == "win32" and (local := os.environ.get("LOCALAPPDATA")):
        return Path(local)
    given = os.environ.get("XDG_CACHE_HOME", "")
    if Path(given).is_absolute():  # the specification has others ignored
        return Path(given)
    return Path.home() / ("Library/Caches" if sys.platform == "darwin" else ".cache")


def _check_private(status: os.stat_result, path: Path) -> None:
    """Raise PermissionError if another user owns a path or could write to it."""
    if not hasattr(os, "geteuid"):  # Windows, where folders of a user are private
        return
    if status.st_uid != os.geteuid():
        raise PermissionError(f"{printable(path)} belongs to another user")
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise PermissionError(f"{printable(path)} must be private to its owner (chmod go= it)")


def _unpack(packed: bytes) -> bytes | None:
    """Return the content of a file; None unless it is intact."""
    start = len(MAGIC) + hashlib.sha256().digest_size
    with contextlib.suppress(zlib.error):
        inflate = zlib.decompressobj()
        content = inflate.decompress(packed[start:], 16 * MAX_ENTRY)
        digest = packed[len(MAGIC) : start]
        if packed.startswith(MAGIC) and hashlib.sha256(content).digest() == digest:
            return content
    return None


def _warn_once(why: str) -> None:
    """Warn, once a process for each reason, that programs are compiled anew."""
    if why not in _warned:
        _warned.add(why)
        warnings.warn(
            f"compiled programs are not kept: {why}; {VARIABLE}=off turns this off", stacklevel=4
        )
