"""Optional libraries: import one where it is used, or say how to install it."""

from __future__ import annotations

import importlib
from typing import Any

from grokjax.errors import ConfigError

EXTRAS = {
    "safetensors": "interop",
    "pyarrow": "export",
    "zarr": "export",
    "tensorboard": "tensorboard",
    "wandb": "wandb",
    "optuna": "optuna",
}
"""The extra of grokjax that has a library; without torch, which has none."""


def import_library(name: str, needed_by: str) -> Any:
    """Import an optional library, or a module of it, and return it.

    needed_by: what needs it, such as `path: a .zarr file`, for the message.

    Raises ConfigError, which says how to install it.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        package = name.partition(".")[0]
        extra = f"grokjax's extra {EXTRAS[package]}" if package in EXTRAS else "it"
        raise ConfigError(
            f"{needed_by} needs {package}; install {extra}, python -m pip install {package}"
        ) from error
