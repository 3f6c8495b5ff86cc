"""`config.json`: what a run directory says of itself."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

from grokjax import files, sessions
from grokjax.config import SCHEMA_VERSION, ConfigError, check_schema
from grokjax.files import DamagedRun
from grokjax.settings import LONGEST
from grokjax.sweep import Sweep

NAME = files.CONFIG

UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError)
"""What comes of values that are not what was written."""


def write(directory: Path, info: dict[str, Any]) -> None:
    """Replaces it as a whole."""
    with files.listing(directory, NAME) as temporary:
        temporary.write_text(json.dumps(info, indent=1) + "\n")


def read(directory: Path) -> tuple[dict[str, Any], Sweep]:
    """All that it says, and the sweep; warns where it is not what was written.

    Raises:
      FileNotFoundError: there is none.
      DamagedRun: it cannot be read, or the run leads to files outside of it.
      ConfigError: another grokjax wrote it.
    """
    if not (directory / NAME).is_file():
        raise FileNotFoundError(f"{directory}: holds no run (it has no {NAME})")
    files.closed(directory)
    info = files.read_json(directory / NAME)
    try:
        schema = info["schema"]
        sweep = Sweep.from_dict(info["sweep"]) if schema == SCHEMA_VERSION else Sweep()
        if schema == SCHEMA_VERSION:
            _printable([info["recipe"], *info.get("extended_from", [])])
            for made in sessions.of(info):
                _printable([made, *made["devices"], made["versions"]["jax"]])
            sessions.changes(info)
    except UNREADABLE as error:
        raise DamagedRun(f"{directory}: {NAME} cannot be read ({error})") from error
    check_schema(directory, schema)
    if files.altered(directory, NAME):
        text = f"{directory / NAME}: is not what was written; its settings may be wrong"
        warnings.warn(text, stacklevel=3)
    return info, sweep


def refuse_altered(directory: Path) -> None:
    """Raises ConfigError where it is not what was written."""
    if files.altered(directory, NAME):
        text = f"{directory / NAME}: was changed by hand; a resume keeps its settings"
        raise ConfigError(text)


def _printable(value: Any) -> None:
    """Raises ValueError unless all texts in it are short and hold no control characters."""
    if isinstance(value, dict | list):
        for each in [*value, *(value.values() if isinstance(value, dict) else ())]:
            _printable(each)
    elif not isinstance(value, str | int | float | None):
        raise ValueError(f"{type(value).__name__} in it")
    elif isinstance(value, str) and not (len(value) <= LONGEST and value.isprintable()):
        raise ValueError(f"{value[:50]!r} in it")
