"""Read and write files of named arrays: npz, safetensors and, to read only, PyTorch's.

Nothing in a file is ever executed: pickles are refused, and PyTorch's files go through its loader
of weights alone.
"""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from grokjax.config.config import Config
from grokjax.errors import ConfigError, invalid, printable, reason
from grokjax.interop.libraries import import_library
from grokjax.models.model import flat_params
from grokjax.runtime import memory, paths
from grokjax.storage.files import atomic_write

Arrays = dict[str, np.ndarray]

CONFIG = "grokjax.config"
"""Name in a file of the settings that the network has, as JSON text."""

STATE_DICTS = ("model", "state_dict", "model_state_dict")
"""Entries of a PyTorch checkpoint that may hold the network's weights."""


class WeightsFile(NamedTuple):
    """The content of a file: arrays by name, and settings of the network if grokjax wrote them."""

    arrays: Arrays
    config: Config | None


def read_weights(path: str | os.PathLike[str]) -> Arrays:
    """Read the arrays of a file, by name and as they are stored.

    Args:
      path: a file whose name ends in .npz, .safetensors, .pth or .pt. The last two need torch; of a
        checkpoint that has more than weights, the entry `model` or `state_dict` is read.

    Raises ConfigError if it cannot be read, or if a library is missing.
    """
    return read_file(path).arrays


def write_weights(
    path: str | os.PathLike[str], params: Mapping[str, Any], config: Config | None = None
) -> None:
    """Write arrays into a file, atomically.

    Args:
      path: a file whose name ends in .npz or .safetensors. One that exists is replaced.
      params: parameters, nested or by name.
      config: the settings of their network; `open_weights` then needs no others.

    Raises ConfigError if it cannot be written, or if a library is missing.
    """
    file = paths.parse_path("path", path)
    if file.suffix not in WRITERS:
        raise invalid("path", str(path), f"must end in {' or '.join(WRITERS)}")
    # A copy in C order; ascontiguousarray would give a number an axis.
    arrays = {name: np.array(x, order="C") for name, x in flat_params(params).items()}
    text = None if config is None else json.dumps(config.to_dict())
    paths.require_writable("path", file, "name another file")
    file.absolute().parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(file.absolute()) as temporary:
        WRITERS[file.suffix](temporary, arrays, text)


def read_file(given: str | os.PathLike[str]) -> WeightsFile:
    """Return the content of a file; see `read_weights`."""
    path = paths.parse_path("path", given)
    if path.suffix not in READERS:
        raise invalid("path", str(given), f"must end in {', '.join(READERS)}")
    if not path.is_file():
        raise invalid("path", str(given), "must be a file that exists")
    try:
        memory.require(str(path), 2 * path.stat().st_size)
        arrays, text = READERS[path.suffix](path)
        config = None if text is None else Config.from_dict(json.loads(text))
    except (ConfigError, MemoryError):
        raise
    except Exception as error:  # zipfile, NumPy, safetensors and torch each raise their own
        raise ConfigError(f"{printable(path)}: cannot be read ({reason(error)})") from error
    if not arrays:
        raise ConfigError(f"{printable(path)}: has no arrays")
    return WeightsFile(arrays, config)


def _read_npz(path: Path) -> tuple[Arrays, str | None]:
    with zipfile.ZipFile(path) as archive:
        memory.require(str(path), 2 * sum(info.file_size for info in archive.infolist()))
    with np.load(path, allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    text = arrays.pop(CONFIG, None)
    return arrays, None if text is None else str(text)


def _write_npz(path: Path, arrays: Arrays, text: str | None) -> None:
    stored = arrays if text is None else arrays | {CONFIG: np.array(text)}
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **stored)


def _read_safetensors(path: Path) -> tuple[Arrays, str | None]:
    library = import_library("safetensors", f"path: a {path.suffix} file")
    with library.safe_open(path, "numpy") as stored:
        arrays = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
        return arrays, (stored.metadata() or {}).get(CONFIG)


def _write_safetensors(path: Path, arrays: Arrays, text: str | None) -> None:
    metadata = None if text is None else {CONFIG: text}
    library = import_library("safetensors.numpy", f"path: a {path.suffix} file")
    library.save_file(arrays, path, metadata)


def _read_torch(path: Path) -> tuple[Arrays, str | None]:
    torch = import_library("torch", f"path: a {path.suffix} file")
    loaded = torch.load(path, map_location="cpu", weights_only=True)
    tensors = _tensors(loaded, torch.Tensor)
    if not tensors and isinstance(loaded, Mapping):
        entries = (loaded[name] for name in STATE_DICTS if name in loaded)
        tensors = next(filter(None, (_tensors(entry, torch.Tensor) for entry in entries)), {})
    if not tensors:
        raise ConfigError(
            f"{printable(path)}: must hold weights by name, itself or in its entry "
            f"{' or '.join(STATE_DICTS)}"
        )
    exact = {torch.bfloat16: torch.float32}  # NumPy has no bfloat16
    return {n: t.to(exact.get(t.dtype, t.dtype)).numpy() for n, t in tensors.items()}, None


def _tensors(entry: Any, kind: type) -> dict[str, Any]:
    """Return the tensors of a dict by name."""
    if not isinstance(entry, Mapping):
        return {}
    return {name: value.detach() for name, value in entry.items() if isinstance(value, kind)}


READERS: dict[str, Callable[[Path], tuple[Arrays, str | None]]] = {
    ".npz": _read_npz,
    ".safetensors": _read_safetensors,
    ".pth": _read_torch,
    ".pt": _read_torch,
}

WRITERS: dict[str, Callable[[Path, Arrays, str | None], None]] = {
    ".npz": _write_npz,
    ".safetensors": _write_safetensors,
}
