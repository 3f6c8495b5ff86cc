"""What a launch is refused for at the door, before JAX is imported."""

from __future__ import annotations

import numbers
import operator
import re
from pathlib import Path

from grokjax import files, lock, paths
from grokjax.settings import LONGEST, ConfigError, refuse, shown


def settled(lanes: int | str, devices: int | str, checkpoint_every: float) -> None:
    """Raises ConfigError where one of these cannot be, on any machine."""
    number("lanes", lanes)
    number("devices", devices)
    seconds = isinstance(checkpoint_every, numbers.Real) and not isinstance(checkpoint_every, bool)
    if not (seconds and checkpoint_every > 0):
        raise refuse("checkpoint_every", checkpoint_every, "a number of seconds above 0")


def named(recipe: str | None) -> None:
    """Raises ConfigError unless config.json can hold it and be read again."""
    text = isinstance(recipe, str) and recipe.isprintable() and len(recipe) <= LONGEST
    if recipe is not None and not text:
        raise refuse("recipe", recipe, f"a line of at most {LONGEST} characters")


def number(name: str, value: int | str) -> int | None:
    """The number that was asked for, None for auto. Raises ConfigError if it is neither."""
    if value == "auto":
        return None
    try:
        found = int(value) if isinstance(value, str) else operator.index(value)
    except (ValueError, TypeError):
        found = 0
    if found < 1 or isinstance(value, bool):
        raise refuse(name, value, "auto or a whole number of at least 1")
    return found


def flag(name: str, value: object) -> bool:
    """The value. Raises ConfigError unless it is True or False."""
    if not isinstance(value, bool):
        raise refuse(name, value, "it must be True or False")
    return value


def place(out: str | Path) -> Path:
    """The path of a run to be, whole. Raises ConfigError where there can be no folder."""
    path = paths.given("out", out)
    try:
        directory = path.resolve()
        for each in (directory, *directory.parents):
            # What is a link still leads to itself: from Python 3.13 on `resolve` lets it pass.
            if (each.exists() or each.is_symlink()) and not each.is_dir():
                raise ConfigError(f"out: {directory} is not a directory; name another")
    except (OSError, RuntimeError) as error:  # too long a name, links in a loop
        why = getattr(error, "strerror", None) or error
        raise ConfigError(f"out: {shown(out)} cannot be a directory ({why})") from error
    spelt(directory)
    return directory


def spelt(directory: Path) -> None:
    """Raises ConfigError where Orbax could not write or read a checkpoint for the folder's name."""
    try:
        str(directory).encode()
    except UnicodeEncodeError as error:
        raise ConfigError(f"out: {shown(directory)} is no name in UTF-8; name another") from error


def empty(directory: Path) -> None:
    """Raises ConfigError unless a run can be begun there, DamagedRun where it leads out."""
    if (directory / files.CONFIG).exists():
        raise ConfigError(f"out: {directory} holds a run already; resume it, or name another")
    ours = re.compile(rf"{re.escape(lock.NAME)}|\..*\.tmp")  # a launch killed at its start
    if directory.is_dir() and not all(ours.fullmatch(path.name) for path in directory.iterdir()):
        raise ConfigError(f"out: {directory} is not an empty directory; name another")
    files.closed(directory)
