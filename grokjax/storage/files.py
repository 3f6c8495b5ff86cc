"""Files of a run directory: atomic writes, bounded reads, and the version of their schema."""

from __future__ import annotations

import contextlib
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from grokjax.errors import ConfigError, DamagedRun, printable

CONFIG = "config.json"

INITIAL_WEIGHTS = "initial_weights.npz"
"""Weights that the user gave for members to start from; otherwise the file is absent."""

INITIAL_STATES = "initial_states.npz"
"""Whole states that the members of a branch start from; in other runs the file is absent."""

SCHEMA_VERSION = 4
"""Version of the run directory that this grokjax writes, and the only one that it reads."""

CHECKPOINTS_KEPT = 2
"""The newest checkpoint, and one to fall back to."""

MAX_TEXT_BYTES = 16 * 2**20
"""Largest text file that is read; config.json has at most about 100 bytes a member."""


def check_schema(what: object, schema: object) -> None:
    """Raise ConfigError unless this grokjax reads what was written with `schema`."""
    if schema != SCHEMA_VERSION:
        raise ConfigError(
            f"{what}: has schema {printable(schema)}; this grokjax reads {SCHEMA_VERSION}"
        )


@contextlib.contextmanager
def atomic_write(path: Path, synced: bool = True) -> Iterator[Path]:
    """Yield a temporary path to write to; the file written there then replaces `path`.

    Readers see the old file or the whole new one. Without `synced`, a power failure may leave
    `path` empty.
    """
    path.parent.mkdir(exist_ok=True)  # not its parents: a run that was removed stays removed
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        if synced:
            with open(temporary, "rb") as file:
                os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    if not synced:
        return
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read_bytes(path: Path) -> bytes:
    """The content of a file. Raises DamagedRun for a pipe or device, or a file too large."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):  # a pipe may have no end
        raise DamagedRun(f"{path}: is not a file")
    check_text_size(path, status.st_size)
    return path.read_bytes()


def check_text_size(path: Path, size: int) -> None:
    """Raise DamagedRun if a text file has more than `MAX_TEXT_BYTES`."""
    if size > MAX_TEXT_BYTES:
        raise DamagedRun(
            f"{path}: has {size / 1e6:.0f} MB; it needs at most {MAX_TEXT_BYTES / 1e6:.0f} MB"
        )


def read_json(path: Path) -> Any:
    """The value in a JSON file. Raises DamagedRun if it cannot be read."""
    try:
        return json.loads(read_bytes(path).decode())
    except (ValueError, RecursionError) as error:
        raise DamagedRun(f"{path}: cannot be read ({error})") from error


def unused_path(path: Path) -> Path:
    """The path, with underscores before its name while a file of that name exists."""
    while path.exists():
        path = path.with_name(f"_{path.name}")
    return path


def file_sizes(directory: Path) -> Iterator[tuple[Path, int]]:
    """All files below a folder with their bytes, except those that a writer removes meanwhile.

    `rglob` would raise an error where a folder has just been removed.
    """
    for folder, _, names in os.walk(directory):
        for path in (Path(folder, name) for name in names):
            with contextlib.suppress(FileNotFoundError):
                yield path, path.lstat().st_size


def format_bytes(size: float) -> str:
    """Return a number of bytes in words: `8 300 -> 8.3 kB`, `25 000 000 -> 25 MB`."""
    for unit in ("bytes", "kB", "MB", "GB", "TB"):
        if size < 999.5:
            return f"{size:.1f} {unit}" if size < 9.95 and unit != "bytes" else f"{size:.0f} {unit}"
        size /= 1000
    return f"{size:,.0f} PB"


def check_contained(directory: Path) -> None:
    """Raise DamagedRun for a link that leads out of the run directory, a pipe or a device.

    Through such a link, reading and resuming could read and write anywhere; a pipe or a device
    could be read for ever.
    """
    root = os.path.realpath(directory)
    for folder, folders, names in _walk(root):
        for path in (os.path.join(folder, name) for name in (*folders, *names)):
            with contextlib.suppress(FileNotFoundError):  # a writer has just removed it
                mode = os.lstat(path).st_mode
                if stat.S_ISLNK(mode):
                    if os.path.commonpath([root, os.path.realpath(path)]) != root:
                        raise DamagedRun(f"{path}: is a link that leads out of the run")
                elif not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                    raise DamagedRun(f"{path}: is neither a file nor a folder")


def _walk(root: str) -> Iterator[tuple[str, list[str], list[str]]]:
    try:
        yield from os.walk(root)
    except RecursionError as error:  # before Python 3.12
        raise DamagedRun(f"{root}: has too deeply nested folders") from error
