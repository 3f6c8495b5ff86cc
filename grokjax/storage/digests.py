"""`SHA256SUMS`, the list of digests of the files in a folder; `sha256sum -c` checks it too.

Its last line, a comment to `sha256sum`, is the digest of the lines above it. A list that was cut
or altered is read as empty and reported like any damaged file, and so is a list that is missing.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
from collections.abc import Iterator
from pathlib import Path

from grokjax.storage.files import atomic_write, read_bytes

NAME = "SHA256SUMS"


@contextlib.contextmanager
def write_listed(folder: Path, name: str) -> Iterator[Path]:
    """Like `atomic_write`, and list the file's digest.

    The old digest is removed first: a kill in between leaves the file unlisted, never with the
    digest of another one.
    """
    delist(folder, name)
    lost, listed = list_problem(folder), read(folder)
    with atomic_write(folder / name) as temporary:
        yield temporary
        digest = sha256(temporary)
    if not lost:  # a new list of this file alone would hide the loss
        _write(folder, listed | {name: digest})


def list_unlisted(folder: Path, names: list[str]) -> None:
    """List those of the files that have no digest yet. Only the folder's writer may call this."""
    listed = read(folder)
    if missing := {name: sha256(folder / name) for name in names if name not in listed}:
        _write(folder, listed | missing)


def list_all(folder: Path) -> None:
    """List every file in a folder that no other process writes."""
    found = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != NAME)
    _write(folder, {str(path.relative_to(folder)): sha256(path) for path in found})


def delist(folder: Path, name: str) -> None:
    """Remove a file from the list, if it is listed."""
    listed = read(folder)
    if listed.pop(name, None):
        _write(folder, listed)


def remove(folder: Path, name: str) -> None:
    """Remove a file from the list and from the folder, if it exists."""
    delist(folder, name)
    (folder / name).unlink(missing_ok=True)


def read(folder: Path) -> dict[str, str]:
    """File name to SHA-256; empty if the list is missing, cut or altered."""
    text = (_intact_lines(folder) or b"").decode(errors="replace")
    lines = [line.partition("  ") for line in text.split("\n")]
    return {name: digest for digest, _, name in lines if name}


def _write(folder: Path, listed: dict[str, str]) -> None:
    lines = "".join(f"{digest}  {name}\n" for name, digest in listed.items())
    with atomic_write(folder / NAME) as temporary:
        temporary.write_bytes(_with_own_digest(lines.encode()))


def _with_own_digest(lines: bytes) -> bytes:
    return lines + f"# {hashlib.sha256(lines).hexdigest()}\n".encode()


def _intact_lines(folder: Path) -> bytes | None:
    """The list without its last line, or None if it is missing, cut or altered."""
    try:
        content = read_bytes(folder / NAME)
    except OSError:  # missing, or a link to itself
        return None
    lines = content.rpartition(b"# ")[0]
    return lines if content == _with_own_digest(lines) else None


def list_problem(folder: Path) -> str | None:
    """`missing` or `altered since it was written`, said of the list itself; None if it is intact.

    A run directory has no list until it has its first folder.
    """
    exists = (folder / NAME).exists()  # before the list is read, for it may be written meanwhile
    begun = any(path.is_dir() for path in folder.iterdir())
    if _intact_lines(folder) is not None:
        return None
    if exists:
        return "altered since it was written"
    return "missing" if begun else None


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def problem(folder: Path, name: str, digest: str) -> str | None:
    """`missing` or `altered since it was written`, or why the file cannot be read; else None."""
    path = folder / name
    if ".." in Path(name).parts or Path(name).is_absolute():
        return "outside of the run"
    try:
        if not path.is_file():
            return "missing"
        status = path.stat()
        if digest != _sha256_of_version(path, status.st_size, status.st_mtime_ns):
            return "altered since it was written"
    except OSError as error:  # among others, the name may be too long for a file
        return f"unreadable ({error.strerror})"
    return None


@functools.lru_cache(maxsize=10_000)
def _sha256_of_version(path: Path, size: int, mtime: int) -> str:
    """The digest of a file, computed again only when its size or time has changed."""
    return sha256(path)


def problems(folder: Path) -> dict[str, str]:
    """The problem of each listed file that is missing or altered, by name."""
    found = {name: problem(folder, name, digest) for name, digest in read(folder).items()}
    return {name: what for name, what in found.items() if what}


def is_altered(folder: Path, name: str) -> bool:
    """Whether a listed file is missing or differs from what was written."""
    digest = read(folder).get(name)
    wrong = digest is not None and problem(folder, name, digest) is not None
    return wrong and read(folder).get(name) == digest  # else a writer has just replaced it
