"""What a launch is refused for at the door, before JAX is imported."""

from __future__ import annotations

import re
from pathlib import Path

from grokjax import files, lock
from grokjax.settings import ConfigError, refuse


def settled(lanes: int | str, devices: int | str, checkpoint_every: float) -> None:
    """Raises ConfigError where one of these cannot be, on any machine."""
    number("lanes", lanes)
    number("devices", devices)
    if not checkpoint_every > 0:
        raise refuse("checkpoint_every", checkpoint_every, "a number of seconds above 0")


def number(name: str, value: int | str) -> int | None:
    """The number that was asked for, None for auto. Raises ConfigError if it is neither."""
    if value == "auto":
        return None
    try:
        found = int(value)
    except ValueError:
        found = 0
    if found < 1:
        raise refuse(name, value, "auto or a whole number of at least 1")
    return found


def empty(directory: Path) -> None:
    """Raises ConfigError unless a run can be begun there, DamagedRun where it leads out."""
    if (directory / files.CONFIG).exists():
        raise ConfigError(f"out: {directory} holds a run already; resume it, or name another")
    if any(place.is_file() for place in (directory, *directory.parents)):
        raise ConfigError(f"out: {directory} is not a directory; name another")
    ours = re.compile(rf"{re.escape(lock.NAME)}|\..*\.tmp")  # a launch killed at its start
    if directory.is_dir() and not all(ours.fullmatch(path.name) for path in directory.iterdir()):
        raise ConfigError(f"out: {directory} is not an empty directory; name another")
    files.closed(directory)
