"""Check paths that users give, and expand `~` to the home directory."""

from __future__ import annotations

import dataclasses
import os
import tempfile
from pathlib import Path
from typing import TypeVar

from grokjax.errors import ConfigError, invalid, printable


def parse_path(name: str, path: str | os.PathLike[str]) -> Path:
    """Return the path that the argument `name` gives, with `~` and `~user` expanded.

    Raises ConfigError if it cannot be a path.
    """
    text = os.fspath(path) if isinstance(path, str | os.PathLike) else path
    if not isinstance(text, str) or not text.strip() or "\0" in text:
        raise invalid(name, path, "must be a path", "'.' is the working directory")
    try:
        return Path(text).expanduser()
    except RuntimeError as error:  # the system does not know this user
        fix = "./~ is a file named ~"
        raise invalid(name, path, "must name a home directory that exists", fix) from error


Arguments = TypeVar("Arguments")


def expand_paths(arguments: Arguments) -> Arguments:
    """Expand `~` in every path of a command's arguments, a dataclass, in place.

    The shell does not expand it in `--out=~/run`.
    """
    for f in dataclasses.fields(arguments):  # pyright: ignore[reportArgumentType]
        value = getattr(arguments, f.name)
        if isinstance(value, Path):
            setattr(arguments, f.name, parse_path(f.name, value))
    return arguments


def require_writable(name: str, path: Path, fix: str) -> None:
    """Raise ConfigError unless a file can be written at `path`; missing folders are no error.

    Call it before long work whose result goes there. `fix` says what to do instead.
    """
    folder = path.absolute().parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if path.is_dir() or not folder.is_dir():
        raise invalid(name, str(path), "must be a file in a folder that can be made", fix)
    try:  # os.access says yes on some file systems that refuse later
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        reason = error.strerror or error
        raise ConfigError(
            f"{name}: {printable(path)} cannot be written ({reason}); {fix}"
        ) from error
