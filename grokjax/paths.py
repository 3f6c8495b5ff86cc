"""Paths that users give: `~` is the home directory, and what cannot be a path is refused."""

from __future__ import annotations

import dataclasses
import os
import tempfile
from pathlib import Path
from typing import TypeVar

from grokjax.settings import ConfigError, refuse, shown


def given(name: str, path: str | os.PathLike[str]) -> Path:
    """The path that the argument `name` gives, `~` and `~user` expanded.

    Raises ConfigError if it is no path.
    """
    text = os.fspath(path) if isinstance(path, str | os.PathLike) else path
    if not isinstance(text, str) or not text.strip() or "\0" in text:
        raise refuse(name, path, "it must be a path; '.' is the working directory")
    try:
        return Path(text).expanduser()
    except RuntimeError as error:  # ~user for a user that the system does not know
        raise refuse(
            name, path, "there is no such home directory; ./~ is a file named ~"
        ) from error


Arguments = TypeVar("Arguments")


def expanded(arguments: Arguments) -> Arguments:
    """The arguments of a command, a dataclass, with `~` in its paths expanded.

    A shell leaves it in `--out=~/run`.
    """
    for f in dataclasses.fields(arguments):  # pyright: ignore[reportArgumentType]
        value = getattr(arguments, f.name)
        if isinstance(value, Path):
            setattr(arguments, f.name, given(f.name, value))
    return arguments


def writable(name: str, path: Path, fix: str) -> None:
    """Raises ConfigError unless a file can be written at `path`; folders may have to be made.

    For what is written only after long work. `fix` says what to do instead.
    """
    folder = path.absolute().parent
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    if path.is_dir() or not folder.is_dir():
        raise refuse(name, str(path), f"it must be a file, in a folder that can be made; {fix}")
    try:  # `os.access` says yes where a file system refuses later
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        why = error.strerror or error
        raise ConfigError(f"{name}: {shown(path)} cannot be written ({why}); {fix}") from error
