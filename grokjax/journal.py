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
the last. A part that is not what was written is passed over with a warning;
a resume sets it aside and trains what it held again.
"""

from __future__ import annotations

import functools
import math
import re
import warnings
import zipfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from grokjax import files, memory
from grokjax.files import DamagedRun
from grokjax.stopping import Ended, Standing

KINDS = {
    "records": ("member", "epoch"),
    "params": ("member", "epochs", "status", "streak", "grokked_epoch"),
    "optimizer": ("member", "epochs"),
    "snapshots": ("member", "epoch", "embedding"),
    "rounds": ("session", "seconds", "training", "steps", "lanes", "busy", "waiting"),
}
"""Folders, and the arrays that each part in them has, among others."""

DTYPES = {
    **dict.fromkeys(("member", "epoch", "epochs", "streak", "grokked_epoch"), "i4"),
    **dict.fromkeys(("lanes", "busy", "waiting"), "i4"),
    **dict.fromkeys(("session", "seconds", "training"), "f8"),
    "steps": "i8",
}
"""Of arrays by name; `status` is text, all others are float32, or int32 in an optimiser."""

LOST = {
    "records": "members that lack one of their evaluations are trained again by a resume",
    "params": "the members in it are trained again by a resume",
    "optimizer": "the members in it start anew if a resume gives them more epochs",
    "snapshots": "its embeddings are lost",
    "rounds": "the times of its rounds are lost",
}
"""What the loss of a part means."""

ASIDE = "damaged"
"""Folder for what a resume has found damaged."""


def append(directory: Path, kind: str, arrays: dict[str, np.ndarray]) -> None:
    """Adds one part of this kind and its digest."""
    numbers = [int(path.stem) for path in _paths(directory, kind)]
    name = f"{kind}/{max(numbers, default=0) + 1:06d}.npz"
    with files.listing(directory, name) as temporary, temporary.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)


def parts(directory: Path, kind: str, *keys: str) -> Iterator[dict[str, np.ndarray]]:
    """The intact parts of this kind in order; with `keys`, only these arrays of each."""
    for path in intact(directory, kind):
        yield read(path, *keys)


def intact(directory: Path, kind: str) -> list[Path]:
    """The parts of this kind that are what was written; warns of each other one."""
    found = faults(directory, kind)
    for name, what in found.items():
        warnings.warn(f"{directory}: {name} is {what}; passed over: {LOST[kind]}", stacklevel=3)
    return [path for path in _paths(directory, kind) if _name(path) not in found]


def faults(directory: Path, kind: str) -> dict[str, str]:
    """What is wrong with parts of this kind, by name `kind/000001.npz`.

    A kill may leave the last part unlisted; it is whole, being renamed when it was.
    """
    ours = re.compile(rf"{kind}/\d+\.npz")
    listed = {n: d for n, d in files.digests(directory).items() if ours.fullmatch(n)}
    names = dict.fromkeys([*listed, *map(_name, _paths(directory, kind))])
    found = {name: _fault(directory, name, listed.get(name)) for name in names}
    return {name: what for name, what in found.items() if what}


def _fault(directory: Path, name: str, digest: str | None) -> str | None:
    """What is wrong with one part, or None."""
    path = directory / name
    if not path.is_file():
        return "missing"
    at = path.stat()
    if 2 * at.st_size > memory.available():
        return f"not to be read ({at.st_size / 1e9:.1f} GB are more than fit into memory)"
    if digest is not None and (altered := files.problem(directory, name, digest)):
        return altered
    return _malformed(path, at.st_size, at.st_mtime_ns, digest is None)


def read(path: Path, *keys: str) -> dict[str, np.ndarray]:
    """The arrays of a part. Raises DamagedRun if it cannot be read."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as part:
            return {key: part[key] for key in keys or part.files}
    except Exception as error:  # zipfile, zlib and NumPy each raise their own
        raise DamagedRun(f"{path}: cannot be read ({error})") from error


def _paths(directory: Path, kind: str) -> list[Path]:
    return sorted(p for p in (directory / kind).glob("[0-9]*.npz") if p.stem.isdigit())


def _name(path: Path) -> str:
    return f"{path.parent.name}/{path.name}"


@functools.lru_cache(maxsize=10_000)
def _malformed(path: Path, size: int, mtime: int, unlisted: bool) -> str | None:
    """Why a part is not one that `append` wrote, or None.

    Looks at the headers before an array is read, so that none can ask for more than is there.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    try:
        with zipfile.ZipFile(path) as whole:
            for info in whole.infolist():
                name = info.filename.removesuffix(".npy")
                if info.compress_type != zipfile.ZIP_STORED or info.file_size > size:
                    return f"not to be read ({name}: compressed)"
                with whole.open(info) as file:
                    version = np.lib.format.read_magic(file)
                    header = np.lib.format.read_array_header_1_0
                    if version != (1, 0):
                        header = np.lib.format.read_array_header_2_0
                    shapes[name], _, dtype = header(file)
                    there = info.file_size - file.tell()
                if not _allowed(name, dtype) or math.prod(shapes[name]) * dtype.itemsize != there:
                    return f"not to be read ({name}: {dtype} {shapes[name]} in {there} bytes)"
            if unlisted and (broken := whole.testzip()):
                return f"not to be read ({broken}: CRC)"
        if wrong := _misshapen(path.parent.name, shapes):
            return f"not to be read ({wrong})"
        who = read(path, *(shapes.keys() & {"member", "epoch", "epochs"}))
        if any((numbers < 0).any() for numbers in who.values()):
            return "not to be read (a negative number)"
    except Exception as error:  # zipfile, NumPy and its parser of headers each raise their own
        return f"not to be read ({' '.join(str(error).split())[:100]})"
    return None


def _misshapen(kind: str, shapes: dict[str, tuple[int, ...]]) -> str | None:
    """What is wrong with the shapes of a part's arrays: one row each has of everything."""
    for name in KINDS[kind]:
        if name not in shapes:
            return f"{name}: not there"
        if name != "embedding" and len(shapes[name]) != 1:
            return f"{name}: not of one dimension"
    if len({shape[:1] for shape in shapes.values()}) != 1:
        return "arrays of unequal lengths"
    return None


def _allowed(name: str, dtype: np.dtype) -> bool:
    """Whether arrays of this name have this dtype."""
    if name == "status":
        return dtype.kind == "U"
    if name in DTYPES:
        return dtype == DTYPES[name]
    return dtype in ("f4", "i4")


def verify(directory: Path) -> list[str]:
    """One line for each listed file that is missing or altered, and each part that is no part."""
    found = files.problems(directory)
    for kind in KINDS:
        found |= faults(directory, kind)
    still = files.digests(directory) if found else {}  # a live trainer may take one out meanwhile
    return [f"{name}: {what}" for name, what in found.items() if name in still or "/" in name]


def set_aside(directory: Path) -> list[str]:
    """Moves every damaged part into `damaged/`, and returns what was wrong with each. For a writer.

    One that is missing leaves a note there: once there is such a folder, `Backlog` looks
    for members that lack records.
    """
    done = []
    for kind in KINDS:
        for name, what in faults(directory, kind).items():
            files.delist(directory, name)
            path, aside = directory / name, directory / ASIDE
            aside.mkdir(exist_ok=True)
            if path.exists():
                path.rename(files.unused(aside / name.replace("/", "-")))
            else:
                (aside / f"{name.replace('/', '-')}.missing").touch()
            done.append(f"{name} is {what}")
    return done


def tidy(directory: Path) -> None:
    """Removes what writers that were killed had not renamed yet; for the holder of the lock."""
    for folder in (directory, *(directory / kind for kind in KINDS)):
        for path in folder.glob(".*.tmp"):
            path.unlink(missing_ok=True)


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
        self._places: dict[str, dict[tuple[int, int], tuple[Path, int]]] = {}
        for kind in ("params", "optimizer"):
            self._places[kind] = {}
            for path in intact(directory, kind):
                part = read(path, "member", "epochs")
                for i, key in enumerate(zip(*(x.tolist() for x in part.values()), strict=True)):
                    self._places[kind][key] = path, i
        # The part read last is likely the next member's too.
        self._read = functools.lru_cache(maxsize=2)(read)

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
