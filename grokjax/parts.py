"""A part of the journal: read, and looked at before it is, for anybody may have made it."""

from __future__ import annotations

import functools
import math
import zipfile
from pathlib import Path

import numpy as np

from grokjax.files import DamagedRun
from grokjax.stopping import OVER

STANDING = ("streak", "grokked_epoch", "train_streak", "memorised_epoch")
"""Fields of `stopping.Standing`, in its order."""

KINDS = {
    "records": ("member", "epoch"),
    "params": ("member", "epochs", "status", *STANDING),
    "optimizer": ("member", "epochs"),
    "snapshots": ("member", "epoch", "embedding"),
    "rounds": ("session", "seconds", "training", "steps", "lanes", "busy", "waiting"),
}
"""Folders, and the arrays that each part in them has, among others."""


DTYPES = {
    **dict.fromkeys(("member", "epoch", "epochs", *STANDING), "i4"),
    **dict.fromkeys(("lanes", "busy", "waiting"), "i4"),
    **dict.fromkeys(("session", "seconds", "training"), "f8"),
    "steps": "i8",
}
"""Of arrays by name; `status` is text, all others are float32, or int32 in an optimiser."""


def read(path: Path, *keys: str) -> dict[str, np.ndarray]:
    """The arrays of a part. Raises DamagedRun if it cannot be read."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as part:
            return {key: part[key] for key in keys or part.files}
    except Exception as error:  # zipfile, zlib and NumPy each raise their own
        raise DamagedRun(f"{path}: cannot be read ({error})") from error


@functools.lru_cache(maxsize=10_000)
def malformed(path: Path, size: int, mtime: int, unlisted: bool) -> str | None:
    """Why a part is not one that `append` wrote, or None.

    Looks at the headers before an array is read, so that none can ask for more than is there.
    """
    shapes: dict[str, tuple[int, ...]] = {}
    try:
        with zipfile.ZipFile(path) as whole:
            for info in whole.infolist():
                name = info.filename.removesuffix(".npy")
                if info.compress_type != zipfile.ZIP_STORED or info.file_size > size:
                    return f"{name}: compressed"
                with whole.open(info) as file:
                    version = np.lib.format.read_magic(file)
                    header = np.lib.format.read_array_header_1_0
                    if version != (1, 0):
                        header = np.lib.format.read_array_header_2_0
                    shapes[name], _, dtype = header(file)
                    there = info.file_size - file.tell()
                if not _allowed(name, dtype) or math.prod(shapes[name]) * dtype.itemsize != there:
                    return f"{name}: {dtype} {shapes[name]} in {there} bytes"
            if unlisted and (broken := whole.testzip()):
                return f"{broken}: CRC"
        if wrong := _misshapen(path.parent.name, shapes):
            return wrong
        who = read(path, *(shapes.keys() & {"member", "epoch", "epochs"}))
        if any((numbers < 0).any() for numbers in who.values()):
            return "a negative number"
        if "status" in shapes and not set(read(path, "status")["status"].tolist()) <= OVER:
            return "status: unknown"
    except Exception as error:  # zipfile, NumPy and its parser of headers each raise their own
        return " ".join(str(error).split())
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
