"""What a run directory holds besides checkpoints: parts, each written once and whole.

A part is an `.npz` of arrays in one of five folders, numbered upwards:

* `records/`: one row an evaluation: `member`, `epoch` (int32 `[R]`) and every
  metric (float32 `[R]` or `[R, F]`);
* `params/`: one row a finished member: `member`, `epochs`, `streak`,
  `grokked_epoch` (int32 `[R]`), `status` (text `[R]`) and its parameters, as
  `embed/embedding [R, P, D]`;
* `optimizer/`: for members that ended at `max_epochs` the rest of their state,
  so that a resume can train them on: `member`, `epochs`, `opt_state/...`;
* `snapshots/`: one row a kept embedding: `member`, `epoch`, `embedding [R, P, D]`;
* `rounds/`: one row a round, the only ones that differ from run to run:
  `session`, `seconds`, `training` (float64: Unix time of the start, time since
  then, time that the round took), `steps` (int64), `lanes`, `busy`, `waiting`
  (int32).

Members are deterministic, so a row is the same however often it is written:
nothing is ever taken back after a crash, and of two equal rows a reader takes
the last. `SHA256SUMS` lists every part; `sha256sum -c` checks it too.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from grokjax.stopping import Ended, Standing

KINDS = ("records", "params", "optimizer", "snapshots", "rounds")
SUMS = "SHA256SUMS"


class DamagedRun(RuntimeError):
    """A run directory that cannot be read, in one line."""


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary name to write to; what is there then replaces `path` as a whole, synced."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextlib.contextmanager
def listing(directory: Path, name: str) -> Iterator[Path]:
    """As `replacing`, and lists the digest in SHA256SUMS.

    A file that is replaced is taken out of the list first, so that a kill in
    between leaves it unlisted and never with another's digest.
    """
    sums = digests(directory)
    if sums.pop(name, None):
        _write_digests(directory, sums)
    with replacing(directory / name) as temporary:
        yield temporary
        digest = _sha256(temporary)
    _write_digests(directory, sums | {name: digest})


def append(directory: Path, kind: str, arrays: dict[str, np.ndarray]) -> None:
    """Adds one part of this kind and its digest."""
    numbers = [int(path.stem) for path in _paths(directory, kind)]
    name = f"{kind}/{max(numbers, default=0) + 1:06d}.npz"
    with listing(directory, name) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def altered(directory: Path, name: str) -> bool:
    """Whether a listed file is not what was written."""
    digest = digests(directory).get(name)
    return digest is not None and digest != _sha256(directory / name)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _write_digests(directory: Path, sums: dict[str, str]) -> None:
    lines = "".join(f"{digest}  {name}\n" for name, digest in sums.items())
    with replacing(directory / SUMS) as temporary:
        temporary.write_text(lines)


def remove(directory: Path, name: str) -> None:
    """Takes a file out of SHA256SUMS and of the directory, if it is there."""
    sums = digests(directory)
    if sums.pop(name, None):
        _write_digests(directory, sums)
    (directory / name).unlink(missing_ok=True)


def tidy(directory: Path) -> None:
    """Removes what writers that were killed had not renamed yet; for the holder of the lock."""
    for folder in (directory, *(directory / kind for kind in KINDS)):
        for path in folder.glob(".*.tmp"):
            path.unlink(missing_ok=True)


def size(directory: Path) -> int:
    """Bytes of all files; what a live trainer removes meanwhile is passed over."""
    total = 0
    for folder, _, names in os.walk(directory):
        for name in names:
            with contextlib.suppress(FileNotFoundError):
                total += os.stat(os.path.join(folder, name)).st_size
    return total


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
        if name not in digests(directory):
            continue  # a live trainer has taken it out meanwhile
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


def finished(directory: Path) -> dict[int, Ended]:
    """How each member ended whose parameters are written; of several times the last."""
    done = {}
    for part in parts(directory, "params", "member", "status", "epochs", "streak", "grokked_epoch"):
        for member, status, epochs, streak, grokked_epoch in zip(*part.values(), strict=True):
            standing = Standing(int(streak), int(grokked_epoch))
            done[int(member)] = Ended(str(status), int(epochs), standing)
    return done


class Shelf:
    """The whole state of members that ended at `max_epochs`, read when it is asked for."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._places: dict[str, dict[tuple[int, int], tuple[Path, int]]] = {}
        for kind in ("params", "optimizer"):
            self._places[kind] = {}
            for path in _paths(directory, kind):
                part = _read(directory, path, ("member", "epochs"))
                for i, key in enumerate(zip(*(x.tolist() for x in part.values()), strict=True)):
                    self._places[kind][key] = path, i
        # The part read last is likely the next member's too.
        self._read = functools.lru_cache(maxsize=2)(functools.partial(_read, directory))

    def holds(self, member: int, epochs: int) -> bool:
        """Whether `state` has it."""
        return all((member, epochs) in places for places in self._places.values())

    def state(self, member: int, epochs: int) -> dict[str, np.ndarray] | None:
        """The state in which the member ended, or None if it was not kept."""
        if not self.holds(member, epochs):
            return None
        found: dict[str, np.ndarray] = {"epoch": np.array(epochs, np.int32)}
        for kind, prefix in (("params", "params/"), ("optimizer", "")):
            path, i = self._places[kind][member, epochs]
            found |= {f"{prefix}{n}": x[i] for n, x in self._read(path).items() if "/" in n}
        return found
