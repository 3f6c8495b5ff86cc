"""Read one part of the journal, and check it first: run directories come from strangers too."""

from __future__ import annotations

import functools
import math
import re
import struct
import zipfile
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path

import numpy as np

from grokjax.errors import DamagedRun, printable
from grokjax.runtime import memory
from grokjax.storage import digests
from grokjax.storage.member_state import FINAL_STATUSES, PARAM_DTYPES, STATE_DTYPES, StopState

STOP_STATE = tuple(field.name for field in fields(StopState))

KINDS = {
    "records": ("member", "epoch"),
    "params": ("member", "epochs", "status", *STOP_STATE),
    "optimizer": ("member", "epochs"),
    "snapshots": ("member", "epoch"),
    "rounds": ("session", "seconds", "training", "steps", "lanes", "busy", "waiting"),
}
"""Kinds of parts, which are their folders, and the arrays that each part of a kind needs."""

DTYPES = {
    **dict.fromkeys(("member", "epoch", "epochs", *STOP_STATE), "i4"),
    **dict.fromkeys(("lanes", "busy", "waiting"), "i4"),
    **dict.fromkeys(("session", "seconds", "training"), "f8"),
    "steps": "i8",
}
"""Dtypes by name of array; `_has_allowed_dtype` knows those of the others."""


SNAPSHOT_DTYPES = ("float32", "float64", "uint16")
"""Dtypes of the arrays of snapshots; uint16 has the bits of bfloat16, which NumPy lacks."""


def read_part(path: Path, *keys: str) -> dict[str, np.ndarray]:
    """Return all arrays of a part, or those named. Raises DamagedRun if it cannot be read."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as part:
            return {key: part[key] for key in keys or part.files}
    except Exception as error:  # zipfile, zlib and NumPy each raise their own
        raise DamagedRun(f"{path}: cannot be read ({error})") from error


def array_names(path: Path) -> list[str]:
    """Return the names of the arrays of an intact part. Raises DamagedRun if it cannot be read."""
    try:
        with zipfile.ZipFile(path) as archive:
            return [name.removesuffix(".npy") for name in archive.namelist()]
    except Exception as error:
        raise DamagedRun(f"{path}: cannot be read ({error})") from error


def read_rows(path: Path, name: str, rows: Sequence[int]) -> np.ndarray:
    """Return some rows `[R, ...]` of an array of an intact part, and read no others.

    Raises DamagedRun if they cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as archive, path.open("rb") as file:
            info = archive.getinfo(f"{name}.npy")
            shape, by_column, dtype, stored = _header(archive, info)
            if by_column:  # its rows do not lie together; grokjax writes no such array
                return read_part(path, name)[name][list(rows)]
            file.seek(info.header_offset + 26)  # of a zip's local header: lengths of name and extra
            start = info.header_offset + 30 + sum(struct.unpack("<HH", file.read(4)))
            start += info.file_size - stored  # after the array's own header
            found = np.empty((len(rows), *shape[1:]), dtype)
            for i, row in enumerate(rows):
                file.seek(start + row * found[i].nbytes)
                found[i] = np.fromfile(file, dtype, found[i].size).reshape(found[i].shape)
            return found
    except Exception as error:  # zipfile and NumPy each raise their own
        raise DamagedRun(f"{path}: {name} cannot be read ({error})") from error


def part_paths(directory: Path, kind: str) -> list[Path]:
    """Return the numbered parts of a kind in order."""
    return sorted(p for p in (directory / kind).glob("[0-9]*.npz") if p.stem.isdigit())


def part_name(path: Path) -> str:
    """Return the name of a part in its run directory, `kind/000001.npz`."""
    return f"{path.parent.name}/{path.name}"


def problems(directory: Path, kind: str) -> dict[str, str]:
    """Return the problem of each missing or damaged part of a kind, by name.

    A part that is not listed is no problem if it is valid: a kill may leave the last one so.
    """
    pattern = re.compile(rf"{kind}/\d+\.npz")
    listed = {n: d for n, d in digests.read(directory).items() if pattern.fullmatch(n)}
    names = dict.fromkeys([*listed, *map(part_name, part_paths(directory, kind))])
    found = {name: problem(directory, name, listed.get(name)) for name in names}
    return {name: what for name, what in found.items() if what}


def problem(directory: Path, name: str, digest: str | None) -> str | None:
    """Return what is wrong with one part, or None. digest: as listed, None if it is unlisted."""
    path = directory / name
    if not path.is_file():
        return "missing"
    status = path.stat()
    if 2 * status.st_size > memory.available():
        return f"unreadable ({status.st_size / 1e9:.1f} GB do not fit into memory)"
    if digest is not None and (altered := digests.problem(directory, name, digest)):
        return altered
    wrong = _format_problem(path, status.st_size, status.st_mtime_ns, digest is None)
    return wrong and f"unreadable ({printable(wrong)})"


@functools.lru_cache(maxsize=10_000)
def _format_problem(path: Path, size: int, mtime: int, unlisted: bool) -> str | None:
    """Return why a file cannot be a part of the journal, or None.

    The headers of all arrays are checked before any array is read, so that a header cannot
    request more memory than the file has bytes. Only an unlisted part needs its CRCs checked.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            shapes: dict[str, tuple[int, ...]] = {}
            for info in archive.infolist():
                name = info.filename.removesuffix(".npy")
                if info.compress_type != zipfile.ZIP_STORED or info.file_size > size:
                    return f"{name}: compressed"
                shapes[name], _, dtype, stored = _header(archive, info)
                allowed = _has_allowed_dtype(path.parent.name, name, dtype)
                if not allowed or math.prod(shapes[name]) * dtype.itemsize != stored:
                    return f"{name}: {dtype} {shapes[name]} in {stored} bytes"
            if unlisted and (broken := archive.testzip()):
                return f"{broken}: CRC"
        return _shape_problem(path.parent.name, shapes) or _value_problem(path, set(shapes))
    except Exception as error:  # zipfile, NumPy and its parser of headers each raise their own
        return " ".join(str(error).split())


def _header(
    archive: zipfile.ZipFile, info: zipfile.ZipInfo
) -> tuple[tuple[int, ...], bool, np.dtype, int]:
    """Return shape, whether by column, and dtype in an array's header; the bytes that follow it."""
    with archive.open(info) as file:
        version = np.lib.format.read_magic(file)
        read = np.lib.format.read_array_header_1_0
        if version != (1, 0):
            read = np.lib.format.read_array_header_2_0
        shape, by_column, dtype = read(file)
        return shape, by_column, dtype, info.file_size - file.tell()


def _has_allowed_dtype(kind: str, name: str, dtype: np.dtype) -> bool:
    """Return whether an array of this kind and name may have this dtype."""
    if name == "status":
        return dtype.kind == "U"
    if name in DTYPES:
        return dtype == DTYPES[name]
    if name.startswith(("opt_state/", "interventions/")):
        return dtype in STATE_DTYPES
    others = {"optimizer": STATE_DTYPES, "snapshots": SNAPSHOT_DTYPES}
    return dtype in others.get(kind, PARAM_DTYPES)


def _shape_problem(kind: str, shapes: dict[str, tuple[int, ...]]) -> str | None:
    """Return what is wrong with the shapes of a part's arrays: all need as many rows."""
    for name in KINDS[kind]:
        if name not in shapes:
            return f"{name}: missing"
        if len(shapes[name]) != 1:
            return f"{name}: not one-dimensional"
    if kind == "snapshots" and len(shapes) == len(KINDS[kind]):
        return "embedding or parameters: missing"
    if len({shape[:1] for shape in shapes.values()}) != 1:
        return "arrays of unequal lengths"
    return None


def _value_problem(path: Path, names: set[str]) -> str | None:
    """Return what is wrong with the members, epochs or statuses in a part."""
    numbers = read_part(path, *(names & {"member", "epoch", "epochs"}))
    if any((values < 0).any() for values in numbers.values()):
        return "a negative number"
    if (
        "status" in names
        and not set(read_part(path, "status")["status"].tolist()) <= FINAL_STATUSES
    ):
        return "status: unknown"
    return None
