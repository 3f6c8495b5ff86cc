"""The tasks, models and update rules that can be named, built in and user-made."""

from __future__ import annotations

import contextlib
import pkgutil
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from grokjax.errors import ConfigError, invalid, printable, similar_names, suggest

_defined: set[tuple[str, str]] | None = None
"""Group and name of each piece that the file being imported has defined; None outside of one."""


@contextlib.contextmanager
def importing_file() -> Iterator[None]:
    """Within this context a piece that is defined twice is refused, and not taken as reloaded."""
    global _defined
    before, _defined = _defined, set()
    try:
        yield
    finally:
        _defined = before


def check_defined_once(group: str, name: str) -> None:
    """Raise ConfigError if the file being imported has defined a piece of this name before."""
    if _defined is None:
        return
    if (group, name) in _defined:
        raise ConfigError(
            f"{group}: the name {printable(name)} is used twice in this file; rename one"
        )
    _defined.add((group, name))


class Library(NamedTuple):
    """Pieces of another package that can be named as they are there, such as the rules of optax.

    title: what they are. owner: the package. search: finds the class of a piece's settings by its
    name, or returns None. name_of: finds the name of a piece, or returns None. names: all names.
    """

    title: str
    owner: str
    search: Callable[[str], type | None]
    name_of: Callable[[Any], str | None]
    names: Callable[[], Iterable[str]]


class Registry:
    """The kinds of one group by name, such as all models.

    Args:
      group: the setting whose value is a name: `task`, `model`, `optimizer` or `interventions`.
      builtin: the package's own, by name; each as `module:class`, imported when it is used.
      adapt: makes a class of settings from what a user registers, given its name.
      library: further pieces that can be named.
    """

    def __init__(
        self,
        group: str,
        builtin: dict[str, str],
        adapt: Callable[[str, Any], type],
        library: Library | None = None,
    ) -> None:
        self.group, self._builtin, self._adapt = group, builtin, adapt
        self._library = library
        self._classes: dict[str, type] = {}
        self._sources: dict[str, Any] = {}

    def __iter__(self) -> Iterator[str]:
        return iter([*self._builtin, *self._sources])

    @property
    def noun(self) -> str:
        """What one of its pieces is, for messages: `task`, `intervention`."""
        return self.group.removesuffix("s")

    def names_in(self, value: str) -> tuple[str, ...]:
        """Return the names of the pieces that a value of the setting stands for."""
        return (value,)

    def add(self, name: str, source: Any) -> str:
        """Register a user's piece; the same one again, or one reloaded from its file, replaces it.

        Raises ConfigError if the name belongs to another piece, or the piece cannot be used.
        """
        if not isinstance(name, str) or not name.isprintable() or not name.strip():
            raise invalid(self.group, name, "must have a name that can be printed")
        known = self._sources.get(name)
        if known is source:
            return name
        if known is None or source_location(known) != source_location(source):
            self._refuse_taken(name)
        check_defined_once(self.group, name)
        self._classes[name] = self._adapt(name, source)
        self._sources[name] = source
        return name

    def _refuse_taken(self, name: str) -> None:
        """Raise ConfigError, naming the owner, if the name belongs to a piece."""
        owner = None
        if name in self._builtin:
            owner = "grokjax"
        elif name in self._sources:
            owner = source_location(self._sources[name])["module"]
        elif self._library is not None and self._library.search(name) is not None:
            owner = self._library.owner
        if owner is not None:
            raise ConfigError(
                f"{self.group}: the name {name} is used twice: {owner} has one of that name; "
                "rename yours"
            )

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
        if self._library is not None and (name := self._library.name_of(value)):
            return name
        name = getattr(value, "__name__", None)
        if name in (None, "<lambda>") or not callable(value):
            raise invalid(self.group, value, "must be a name, a class or a named function")
        return self.add(name, value)

    def get(self, name: str, known: Mapping[str, type] = MappingProxyType({})) -> type:
        """Return the class of settings with this name. Raises ConfigError if it is unknown.

        known: further classes by name, which come first.
        """
        if name in known:
            return known[name]
        if name not in self._classes:
            builtin = self._builtin.get(name)
            found = pkgutil.resolve_name(builtin) if builtin else None
            if found is None and self._library is not None:
                found = self._library.search(name)
            if found is None:
                raise invalid(self.group, name, f"must be a known {self.noun}", self.hint(name))
            self._classes[name] = found
        return self._classes[name]

    def hint(self, name: str) -> str:
        """Return similar names, or all but the library's, and how to make one's own known."""
        library = self._library
        close = similar_names(name, [*self, *(library.names() if library else ())])
        names = suggest(name, close or self)
        if library and not close:
            names += f", or {library.title}"
        return f"{names}; --import FILE makes your own known"

    def piece(self, name: str) -> Any:
        """Return what the user registered under this name; None where nobody did."""
        return self._sources.get(name)

    def source_of(self, name: str) -> dict[str, str] | None:
        """Say where a piece is defined that may be missing elsewhere, or have other data there.

        None for one that every installation has: all built-in ones but those that read files.
        """
        if name in self._sources:
            return source_location(self._sources[name])
        cls = self._classes.get(name)
        return source_location(cls) if getattr(cls, "reads_files", False) else None


def source_location(source: Any) -> dict[str, str]:
    """Return the module and the name of a function or class; the module of a script is its file."""
    module = getattr(source, "__module__", "")
    file = getattr(sys.modules.get(module), "__file__", None)
    if module == "__main__" and file is not None:
        module = Path(file).stem
    return {"module": printable(module), "name": printable(getattr(source, "__qualname__", ""))}
