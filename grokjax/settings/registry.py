"""The tasks, models and update rules that can be named, built in and user-made."""

from __future__ import annotations

import pkgutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from grokjax.errors import ConfigError, invalid, printable, suggest


class Registry:
    """The kinds of one group by name, such as all models.

    Args:
      group: the setting whose value is a name: `task`, `model` or `optimizer`.
      builtin: the package's own, by name; each as `module:class`, imported when it is used.
      adapt: makes a class of settings from what a user registers, given its name.
      search: finds the class of a library's piece by its name, or returns None.
      library_name: finds the name of a library's piece, or returns None.
    """

    def __init__(
        self,
        group: str,
        builtin: dict[str, str],
        adapt: Callable[[str, Any], type],
        search: Callable[[str], type | None] = lambda name: None,
        library_name: Callable[[Any], str | None] = lambda source: None,
    ) -> None:
        self.group, self._builtin, self._adapt = group, builtin, adapt
        self._search, self._library_name = search, library_name
        self._classes: dict[str, type] = {}
        self._sources: dict[str, Any] = {}

    def __iter__(self) -> Iterator[str]:
        return iter([*self._builtin, *self._sources])

    def add(self, name: str, source: Any) -> str:
        """Register a user's piece; the same one again, or one reloaded from its file, replaces it.

        Raises ConfigError if the name belongs to another piece, or the piece cannot be used.
        """
        if not isinstance(name, str) or not name.isprintable() or not name.strip():
            raise invalid(self.group, name, "must have a name that can be printed")
        known = self._sources.get(name)
        if known is source:
            return name
        if name in self._builtin or (
            known is not None and source_location(known) != source_location(source)
        ):
            raise ConfigError(f"{self.group}: the name {name} is used twice; choose another name")
        self._classes[name] = self._adapt(name, source)
        self._sources[name] = source
        return name

    def name_of(self, value: Any) -> str:
        """Return the name that `value` stands for: a name, or a piece, which is then registered."""
        if isinstance(value, str):
            self.get(value)
            return str(value)
        for name, known in self._sources.items():
            if known is value:
                return name
        location = ":".join(source_location(value).values())
        for name, builtin in self._builtin.items():
            if builtin == location:
                return name
        # A run of a library's own function is resumed without a file of the user's.
        if name := self._library_name(value):
            return name
        name = getattr(value, "__name__", None)
        if name in (None, "<lambda>") or not callable(value):
            raise invalid(self.group, value, "must be a name, a class or a named function")
        return self.add(name, value)

    def get(self, name: str) -> type:
        """Return the class of settings with this name. Raises ConfigError if there is none."""
        if name not in self._classes:
            builtin = self._builtin.get(name)
            found = pkgutil.resolve_name(builtin) if builtin else self._search(name)
            if found is None:
                raise invalid(self.group, name, f"must be a known {self.group}", self.hint(name))
            self._classes[name] = found
        return self._classes[name]

    def hint(self, name: str) -> str:
        """Return a similar name, and how to make a piece of the user's own known."""
        return f"{suggest(name, self)}; --import FILE makes your own known"

    def piece(self, name: str) -> Any:
        """Return what the user registered under this name; None where nobody did."""
        return self._sources.get(name)

    def source_of(self, name: str) -> dict[str, str] | None:
        """Say where a user's piece is defined; None for one that every installation has."""
        if name not in self._sources:
            return None
        return source_location(self._sources[name])


def source_location(source: Any) -> dict[str, str]:
    """Return the module and the name of a function or class; the module of a script is its file."""
    module = getattr(source, "__module__", "")
    file = getattr(sys.modules.get(module), "__file__", None)
    if module == "__main__" and file is not None:
        module = Path(file).stem
    return {"module": printable(module), "name": printable(getattr(source, "__qualname__", ""))}
