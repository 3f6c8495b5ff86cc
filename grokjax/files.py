"""Files of a run directory: written whole or not at all, read only where they can be trusted.

`SHA256SUMS` in a folder lists digests of the files below it; `sha256sum -c` checks them too. Its
last line, a comment to `sha256sum`, is the digest of those above: a list that was altered or cut
lists nothing, and one that is lost where there was one is a fault like any other.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CONFIG = "config.json"
SUMS = "SHA256SUMS"

MOST_TEXT = 16 * 2**20
"""Bytes of the largest text file that is read; config.json has some 100 a member at most."""


class DamagedRun(RuntimeError):
    """A run directory that cannot be read, in one line."""


@contextlib.contextmanager
def replacing(path: Path, synced: bool = True) -> Iterator[Path]:
    """A temporary name to write to; what is there then replaces `path` as a whole.

    Without `synced` it may be empty after a power failure, and only then.
    """
    path.parent.mkdir(exist_ok=True)  # not its parents: a run that is gone is not begun again
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


@contextlib.contextmanager
def listing(folder: Path, name: str) -> Iterator[Path]:
    """As `replacing`, and lists the digest in SHA256SUMS.

    A file that is replaced is taken out of the list first, so that a kill in
    between leaves it unlisted and never with another's digest.
    """
    delist(folder, name)
    lost, sums = list_problem(folder), digests(folder)
    with replacing(folder / name) as temporary:
        yield temporary
        digest = sha256(temporary)
    if not lost:  # a new list of this file alone would hide that
        _write_digests(folder, sums | {name: digest})


def list_also(folder: Path, names: list[str]) -> None:
    """Lists what is there and in no list, or in one that was lost. For the only writer."""
    sums = digests(folder)
    if missing := {name: sha256(folder / name) for name in names if name not in sums}:
        _write_digests(folder, sums | missing)


def list_all(folder: Path) -> None:
    """Lists every file that is in a folder, which nobody else writes."""
    found = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != SUMS)
    _write_digests(folder, {str(path.relative_to(folder)): sha256(path) for path in found})


def delist(folder: Path, name: str) -> None:
    """Takes a file out of SHA256SUMS, if it is there."""
    sums = digests(folder)
    if sums.pop(name, None):
        _write_digests(folder, sums)


def remove(folder: Path, name: str) -> None:
    """Takes a file out of SHA256SUMS and of the folder, if it is there."""
    delist(folder, name)
    (folder / name).unlink(missing_ok=True)


def _write_digests(folder: Path, sums: dict[str, str]) -> None:
    lines = "".join(f"{digest}  {name}\n" for name, digest in sums.items())
    with replacing(folder / SUMS) as temporary:
        temporary.write_bytes(_closed(lines.encode()))


def _closed(lines: bytes) -> bytes:
    """A list with the line that says what it was."""
    return lines + f"# {hashlib.sha256(lines).hexdigest()}\n".encode()


def _lines(folder: Path) -> bytes | None:
    """The list, less its last line; None unless it is there and what was written."""
    try:
        content = _read(folder / SUMS)
    except OSError:  # also a link to itself
        return None
    lines = content.rpartition(b"# ")[0]
    return lines if content == _closed(lines) else None


def digests(folder: Path) -> dict[str, str]:
    """File name to SHA-256, as listed; nothing if the list is not what was written."""
    text = (_lines(folder) or b"").decode(errors="replace")
    lines = [line.partition("  ") for line in text.split("\n")]
    return {name: digest for digest, _, name in lines if name}


def list_problem(folder: Path) -> str | None:
    """What is wrong with the list itself, as `problem` says it; or None.

    A run has none only until its first folder is made.
    """
    there = (folder / SUMS).exists()  # asked first, both: a run may begin now
    begun = any(path.is_dir() for path in folder.iterdir())
    if _lines(folder) is not None:
        return None
    if there:
        return "altered since it was written"
    return "missing" if begun else None


def sha256(path: Path) -> str:
    """The digest of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def problem(folder: Path, name: str, digest: str) -> str | None:
    """What is wrong with a listed file: `missing` or `altered since it was written`; or None."""
    path = folder / name
    if ".." in Path(name).parts or Path(name).is_absolute():
        return "outside of the run"
    try:
        if not path.is_file():
            return "missing"
        at = path.stat()
        if digest != _sha256_once(path, at.st_size, at.st_mtime_ns):
            return "altered since it was written"
    except OSError as error:  # also a name that is too long to be one
        return f"not to be read ({error.strerror})"
    return None


@functools.lru_cache(maxsize=10_000)
def _sha256_once(path: Path, size: int, mtime: int) -> str:
    """A file that has not changed is read only once by a process that asks for it often."""
    return sha256(path)


def problems(folder: Path) -> dict[str, str]:
    """What is wrong with each listed file of a folder, by name."""
    found = {name: problem(folder, name, digest) for name, digest in digests(folder).items()}
    return {name: what for name, what in found.items() if what}


def read_text(path: Path) -> str:
    """A text file. Raises DamagedRun if it is none, or larger than any that is written here."""
    try:
        return _read(path).decode()
    except UnicodeDecodeError as error:
        raise DamagedRun(f"{path}: cannot be read ({error})") from error


def _read(path: Path) -> bytes:
    """A file. Raises DamagedRun if it is none, or larger than any text that is written here."""
    at = path.stat()
    if not stat.S_ISREG(at.st_mode):  # a pipe may have no end
        raise DamagedRun(f"{path}: is no file")
    if at.st_size > MOST_TEXT:
        raise DamagedRun(f"{path}: {at.st_size / 1e6:.0f} MB are more than it can have")
    return path.read_bytes()


def read_json(path: Path) -> Any:
    """The value in a JSON file. Raises DamagedRun if there is none."""
    try:
        return json.loads(read_text(path))
    except (ValueError, RecursionError) as error:
        raise DamagedRun(f"{path}: cannot be read ({error})") from error


def unused(path: Path) -> Path:
    """The path, or one like it that nothing has."""
    while path.exists():
        path = path.with_name(f"_{path.name}")
    return path


def sizes(directory: Path) -> Iterator[tuple[Path, int]]:
    """All files below a folder, and their bytes; what a trainer removes meanwhile is passed over.

    Not by `rglob`, which raises an error where a folder has just been removed.
    """
    for folder, _, names in os.walk(directory):
        for path in (Path(folder, name) for name in names):
            with contextlib.suppress(FileNotFoundError):
                yield path, path.lstat().st_size


def altered(folder: Path, name: str) -> bool:
    """Whether a listed file is not what was written."""
    digest = digests(folder).get(name)
    wrong = digest is not None and problem(folder, name, digest) is not None
    return wrong and digests(folder).get(name) == digest  # else it was replaced meanwhile


def _walk(root: str) -> Iterator[tuple[str, list[str], list[str]]]:
    try:
        yield from os.walk(root)
    except RecursionError as error:  # before Python 3.12
        raise DamagedRun(f"{root}: has folders deeper than a run's can be") from error


def closed(directory: Path) -> None:
    """Raises DamagedRun where a run directory leads out of itself, or has what is no file.

    A link that leads out could have a run read, and a resume write, anywhere; a
    pipe or a device could be read for ever.
    """
    root = os.path.realpath(directory)
    for folder, folders, names in _walk(root):
        for path in (os.path.join(folder, name) for name in (*folders, *names)):
            with contextlib.suppress(FileNotFoundError):  # a live trainer has removed it
                kind = os.lstat(path).st_mode
                if stat.S_ISLNK(kind):
                    if os.path.commonpath([root, os.path.realpath(path)]) != root:
                        raise DamagedRun(f"{path}: is a link that leads out of the run")
                elif not (stat.S_ISREG(kind) or stat.S_ISDIR(kind)):
                    raise DamagedRun(f"{path}: is neither a file nor a folder")
