"""Read images and their classes from npz and IDX files, such as those of MNIST.

IDX is the format of LeCun's files: two zero bytes, a type (8: unsigned byte), the number of
dimensions, each dimension as a big-endian int32, and the numbers. Letters: N images.
"""

from __future__ import annotations

import gzip
import math
import struct
import zipfile
from pathlib import Path
from typing import IO

import numpy as np

from grokjax.errors import ConfigError, invalid, reason
from grokjax.runtime import memory, paths

SPLITS = ("train", "t10k")
"""How names of MNIST's files begin: the train split comes first."""

UNSIGNED_BYTE = 8


def read(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return images `[N, Y, X]` and classes `[N]` of a folder of IDX files or of an npz file.

    Raises ConfigError, naming the setting, where they cannot be read.
    """
    path = paths.parse_path("images", name)
    try:
        if path.is_dir():
            images, labels = _idx_folder(path)
        elif path.is_file():
            images, labels = _npz(path)
        else:
            raise invalid("images", name, "must be digits, a folder or an npz file that exists")
    except ConfigError:
        raise
    except Exception as error:  # files of strangers may hold anything
        raise ConfigError(f"images: {path.name} cannot be read ({reason(error)})") from error
    whole = labels.dtype.kind in "iu" and labels.ndim == 1
    if images.ndim < 2 or images.dtype.kind not in "iuf" or not whole or not len(labels):
        raise ConfigError(f"images: {path.name} must hold images [N, ...] and whole numbers [N]")
    if len(images) != len(labels) or labels.min() < 0:
        raise ConfigError(f"images: {path.name} must hold a class of at least 0 for each image")
    return images, labels


def _npz(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the arrays of an npz file, the train split first; other names are not read."""
    with zipfile.ZipFile(path) as archive:
        memory.require(path.name, 3 * sum(info.file_size for info in archive.infolist()))
    with np.load(path, allow_pickle=False) as arrays:
        names = [n for n in ("train", "test") if f"x_{n}" in arrays]
        if not names:
            raise ConfigError(f"images: {path.name} must have arrays x_train and y_train")
        images = np.concatenate([arrays[f"x_{n}"] for n in names])
        return images, np.concatenate([arrays[f"y_{n}"] for n in names])


def _idx_folder(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return the images of a folder with MNIST's file names, gzipped or not."""
    images, labels = [], []
    for split in SPLITS:
        if (folder / f"{split}-images-idx3-ubyte").exists() or (
            folder / f"{split}-images-idx3-ubyte.gz"
        ).exists():
            images.append(_idx(folder, f"{split}-images-idx3-ubyte", 3))
            labels.append(_idx(folder, f"{split}-labels-idx1-ubyte", 1))
    if not images:
        raise ConfigError(f"images: {folder.name} must have a file train-images-idx3-ubyte")
    return np.concatenate(images), np.concatenate(labels)


def _idx(folder: Path, name: str, ndim: int) -> np.ndarray:
    """Return the numbers of an IDX file of bytes with so many dimensions."""
    plain, packed = folder / name, folder / f"{name}.gz"
    with plain.open("rb") if plain.is_file() else gzip.open(packed, "rb") as file:
        return _read_idx(file, name, ndim)  # pyright: ignore[reportArgumentType]


def _read_idx(file: IO[bytes], name: str, ndim: int) -> np.ndarray:
    if file.read(4) != bytes((0, 0, UNSIGNED_BYTE, ndim)):
        raise ConfigError(f"images: {name} must be an IDX file of bytes in {ndim} dimensions")
    shape = struct.unpack(f">{ndim}i", file.read(4 * ndim))
    count = math.prod(shape)
    if min(shape) < 1:
        raise ConfigError(f"images: {name} must not be empty")
    memory.require(name, 5 * count)
    data = file.read(count)
    if len(data) < count:
        raise ConfigError(f"images: {name} ends after {len(data)} of {count} numbers")
    return np.frombuffer(data, np.uint8).reshape(shape)
