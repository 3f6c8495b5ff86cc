"""What a run directory holds besides checkpoints: parts, each written once and whole.

A part is an `.npz` of arrays in one of three folders, numbered upwards:

* `records/`: one row an evaluation: `member`, `epoch` (int32 `[R]`) and every
  metric (float32 `[R]` or `[R, F]`);
* `params/`: one row a finished member: `member`, `epochs` (int32 `[R]`),
  `status` (text `[R]`) and its parameters, as `embed/embedding [R, P, D]`;
* `snapshots/`: one row a kept embedding: `member`, `epoch`, `embedding [R, P, D]`.

Members are deterministic, so a row is the same however often it is written:
nothing is ever taken back after a crash, and of two equal rows a reader takes
the last. `SHA256SUMS` lists every part; `sha256sum -c` checks it too.
"""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

KINDS = ("records", "params", "snapshots")
SUMS = "SHA256SUMS"


class DamagedRun(RuntimeError):
    """A run directory that cannot be read, in one line."""


def write(path: Path, content: bytes) -> None:
    """Replaces `path` as a whole: written under a temporary name, synced, renamed."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def append(directory: Path, kind: str, arrays: dict[str, np.ndarray]) -> None:
    """Adds one part of this kind and its digest."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    numbers = [int(path.stem) for path in _paths(directory, kind)]
    write_listed(directory, f"{kind}/{max(numbers, default=0) + 1:06d}.npz", buffer.getvalue())


def write_listed(directory: Path, name: str, content: bytes) -> None:
    """As `write`, and lists the digest in SHA256SUMS, in place of an earlier one."""
    write(directory / name, content)
    _write_digests(directory, digests(directory) | {name: _sha256(content)})


def altered(directory: Path, name: str) -> bool:
    """Whether a listed file is not what was written."""
    digest = digests(directory).get(name)
    return digest is not None and digest != _sha256((directory / name).read_bytes())


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _write_digests(directory: Path, sums: dict[str, str]) -> None:
    lines = "".join(f"{digest}  {name}\n" for name, digest in sums.items())
    write(directory / SUMS, lines.encode())


def remove(directory: Path, name: str) -> None:
    """Takes a file out of SHA256SUMS and of the directory, if it is there."""
    sums = digests(directory)
    if sums.pop(name, None):
        _write_digests(directory, sums)
    (directory / name).unlink(missing_ok=True)


def digests(directory: Path) -> dict[str, str]:
    """File name to SHA-256, as listed."""
    path = directory / SUMS
    if not path.exists():
        return {}
    try:
        lines = path.read_text().splitlines()
    except UnicodeDecodeError as error:
        raise DamagedRun(f"{path}: cannot be read ({error})") from error
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


def parts(directory: Path, kind: str, *keys: str) -> Iterator[dict[str, np.ndarray]]:
    """The parts of this kind in order; with `keys`, only these arrays of each.

    Raises DamagedRun if one cannot be read.
    """
    for path in _paths(directory, kind):
        yield _read(directory, path, keys)


def _read(directory: Path, path: Path, keys: tuple[str, ...] = ()) -> dict[str, np.ndarray]:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as part:
            return {key: part[key] for key in keys or part.files}
    except Exception as error:  # zipfile, zlib and NumPy each raise their own
        name = path.relative_to(directory)
        raise DamagedRun(f"{directory}: {name} cannot be read ({error})") from error


def _paths(directory: Path, kind: str) -> list[Path]:
    return sorted(p for p in (directory / kind).glob("[0-9]*.npz") if p.stem.isdigit())


def verify(directory: Path) -> list[str]:
    """One line for each listed file that is missing or altered, and each part that cannot be read.

    A kill may leave the last part unlisted; it is whole, being renamed when it was.
    """
    listed = digests(directory)
    problems = []
    for name in listed:
        path = directory / name
        if ".." in Path(name).parts or Path(name).is_absolute():
            problems.append(f"{SUMS}: names a file outside the run ({name!r})")
        elif not path.is_file():
            problems.append(f"{name}: missing")
        elif altered(directory, name):
            problems.append(f"{name}: altered since it was written")
    for path in (path for kind in KINDS for path in _paths(directory, kind)):
        if f"{path.parent.name}/{path.name}" not in listed:
            try:
                _read(directory, path)
            except DamagedRun as error:
                problems.append(str(error))
    return problems


def finished(directory: Path) -> dict[int, tuple[str, int]]:
    """Member to (status, epochs run), of the members whose parameters are written."""
    done = {}
    for part in parts(directory, "params", "member", "status", "epochs"):
        for member, status, epochs in zip(*part.values(), strict=True):
            done[int(member)] = (str(status), int(epochs))
    return done
