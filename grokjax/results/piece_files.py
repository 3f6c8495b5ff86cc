"""Where the files with the user's own pieces are, for messages that say what to import."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from grokjax.terminal.printed_commands import quote

_found: dict[tuple[str, str], Path] = {}
"""The file of each piece, by its module and its name, as the run that was read last says."""


def describe_file(source: Any, directory: Path) -> dict[str, str]:
    """Return `file`, the path of the file that defines a piece, from the run directory.

    It is empty for a piece without a file, such as one of a notebook.
    """
    module = sys.modules.get(getattr(source, "__module__", ""))
    file = getattr(module, "__file__", None)
    if file is None or not os.path.isfile(file):  # a notebook's cell has a file that never was
        return {}
    return {"file": os.path.relpath(file, directory)}


def note_files(pieces: dict[str, Any], directory: Path) -> None:
    """Note where a run says that its pieces are defined.

    A run may come from a stranger, so only a file of the module's own name outside of the run
    counts.
    """
    for piece in (piece for group in pieces.values() for piece in group.values()):
        file = piece.get("file")
        if not isinstance(file, str) or not file.isprintable():
            continue
        path = Path(os.path.normpath(directory.resolve() / file))
        own_name = f"{str(piece['module']).rpartition('.')[2]}.py"
        if path.name == own_name and not path.is_relative_to(directory.resolve()):
            _found[piece["module"], piece["name"]] = path


def path_to_import(module: str, name: str) -> str:
    """Return the path for `--import` of a piece's file, from here; its name alone if unknown."""
    path = _found.get((module, name))
    if path is None or not path.is_file():
        return quote(f"{module}.py")
    here = Path.cwd()
    return quote(str(path.relative_to(here) if path.is_relative_to(here) else path))


def how_to_import(module: str, name: str) -> str:
    """Return what to do so that a piece is known."""
    if module == "__main__":
        return "it was defined in a notebook or at a prompt; define it there again"
    return (
        f"it is defined in {module}; give --import {path_to_import(module, name)}, or import "
        f"{module} in Python"
    )
