"""Pieces of which a member has any number, in order, named by one value of a setting."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from grokjax.errors import ConfigError, invalid
from grokjax.settings.field import fields_of
from grokjax.settings.registry import Registry

NOTHING = "none"
"""The value of a setting that names no piece."""


class Combinations(Registry):
    """The pieces of a group of which a member has several, or none.

    A value of the setting is the pieces' names joined by commas, or `none`. In Python it may also
    be given as a list or tuple of names and pieces.

    Args:
      group, builtin, adapt: as for `Registry`.
      combine: makes the class of settings of several pieces, from their names and classes.
    """

    def __init__(
        self,
        group: str,
        builtin: dict[str, str],
        adapt: Callable[[str, Any], type],
        combine: Callable[[tuple[str, ...], tuple[type, ...]], type],
    ) -> None:
        super().__init__(group, builtin, adapt)
        self._combine = combine

    def names_in(self, value: str) -> tuple[str, ...]:
        return () if value == NOTHING else tuple(name.strip() for name in value.split(","))

    def needed_for(self, name: object) -> str:
        """Say which pieces have a setting of this name; empty if none has it."""
        found = [each for each in self if name in [*fields_of(self.get(each))]]
        return f"it needs {self.group} {' or '.join(found)}" if found else ""

    def add(self, name: str, source: Any) -> str:
        if isinstance(name, str) and ("," in name or name == NOTHING):
            raise invalid(
                self.group, name, f"must have a name without commas that is not {NOTHING}"
            )
        return super().add(name, source)

    def name_of(self, value: Any) -> str:
        """Return the names that a value stands for, joined by commas."""
        if isinstance(value, str):
            pieces: tuple[Any, ...] = self.names_in(value)
        else:
            pieces = tuple(value) if isinstance(value, list | tuple) else (value,)
        names = [super(Combinations, self).name_of(piece) for piece in pieces]
        if twice := [name for name in names if names.count(name) > 1]:
            raise ConfigError(f"{self.group}: {twice[0]} is given twice; give each once")
        return ",".join(names) or NOTHING

    def get(self, name: str, known: Mapping[str, type] = MappingProxyType({})) -> type:
        if name in known:
            return known[name]
        names = self.names_in(name)
        classes = tuple(super(Combinations, self).get(each, known) for each in names)
        return classes[0] if len(classes) == 1 else self._combine(names, classes)
