"""Read and write `config.json`, which describes a run."""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

from grokjax.config.settings import KINDS
from grokjax.config.sweep import Sweep
from grokjax.errors import MAX_SHOWN, ConfigError, DamagedRun, printable
from grokjax.results.changes import difference_of_piece
from grokjax.results.networks import NetworkInfo, Networks, name_of
from grokjax.results.piece_files import note_files
from grokjax.results.pieces import stand_in, stored_optax_rule
from grokjax.runtime import environment
from grokjax.storage import digests, files
from grokjax.storage.files import SCHEMA_VERSION, check_schema

NAME = files.CONFIG

UNREADABLE = (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError)
"""Errors that unexpected values in config.json lead to."""


def write(directory: Path, info: dict[str, Any]) -> None:
    """Write config.json, and its digest, atomically."""
    with digests.write_listed(directory, NAME) as temporary:
        temporary.write_text(json.dumps(info, indent=1) + "\n")


def read(directory: Path) -> tuple[dict[str, Any], Sweep, Networks]:
    """Return the content of config.json, the sweep and its networks; warn if it was changed.

    Raises:
      FileNotFoundError: the directory has no config.json.
      DamagedRun: it cannot be read, or the run contains links to files outside of it.
      ConfigError: a version of grokjax with another schema wrote it.
    """
    if not (directory / NAME).is_file():
        raise FileNotFoundError(f"{directory}: holds no run (it has no {NAME})")
    files.check_contained(directory)
    info = files.read_json(directory / NAME)
    try:
        schema = info["schema"]
        sweep, networks = Sweep(), Networks(())
        if schema == SCHEMA_VERSION:
            note_files(info["pieces"], directory)
            networks = Networks(map(NetworkInfo.from_dict, info["networks"]))
            sweep = Sweep.from_dict(info["sweep"], _stand_ins(info, networks))
            for member in sweep:
                networks.of(member)
            _printable([info["recipe"], *info.get("extended_from", [])])
            _printable(info.get("merged_from", []))
            if (shard := info.get("shard")) is not None:
                number, of = shard
                if not (type(number) is int and type(of) is int):
                    raise ValueError(f"shard {printable(shard)}")
            if (branch := info.get("branch")) is not None:
                _printable([branch["run"], branch["digest"]])
                numbers = [*branch["members"], *branch["parent_of"], branch["epoch"]]
                if not all(type(number) is int for number in numbers):
                    raise ValueError(f"branch {printable(branch)}")
            if info.get("initial_weights") is not None:
                name_of(info["initial_weights"]["digest"])
            for made in environment.sessions(info):
                _printable([made, *made["devices"], made["versions"]["jax"]])
                environment.differences(made, made)  # fails where a resume could not compare it
    except UNREADABLE as error:
        raise DamagedRun(f"{directory}: {NAME} cannot be read ({printable(error)})") from error
    check_schema(directory, schema)
    if digests.is_altered(directory, NAME):
        text = f"{directory / NAME}: was changed after it was written; its settings may be wrong"
        warnings.warn(text, stacklevel=3)
    return info, sweep, networks


def _stand_ins(info: dict[str, Any], networks: Networks) -> dict[str, dict[str, type]]:
    """Return classes for pieces that are unknown or changed here, and for the rules of optax."""
    stored, found = json.dumps([info["pieces"], info["networks"]]), {}
    for group, registry in KINDS.items():
        found[group] = {}
        for name, piece in info["pieces"].get(group, {}).items():
            if name not in registry:
                found[group][name] = stand_in(group, name, stored)
            elif difference := difference_of_piece(group, name, piece, networks):
                found[group][name] = stand_in(group, name, stored, difference)
    for name, about in info.get("optax_rules", {}).items():
        found["optimizer"][name] = stored_optax_rule(name, about)
    return found


def check_unaltered(directory: Path) -> None:
    """Raise ConfigError if config.json was changed after it was written."""
    if digests.is_altered(directory, NAME):
        text = f"{directory / NAME}: was changed by hand; a resume keeps its settings"
        raise ConfigError(text)


def _printable(value: Any) -> None:
    """Raise ValueError unless all texts in it are short and without control characters."""
    if isinstance(value, dict | list):
        for each in [*value, *(value.values() if isinstance(value, dict) else ())]:
            _printable(each)
    elif not isinstance(value, str | int | float | None):
        raise ValueError(f"{type(value).__name__} in it")
    elif isinstance(value, str) and not (len(value) <= MAX_SHOWN and value.isprintable()):
        raise ValueError(f"{value[:50]!r} in it")
