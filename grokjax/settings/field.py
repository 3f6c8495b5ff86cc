"""Settings: their kinds, their ranges, and the check of their values."""

from __future__ import annotations

import dataclasses
import functools
import numbers
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, TypeVar, get_args, get_origin, get_type_hints

import numpy as np

from grokjax.errors import invalid

Kind = Literal["static", "traced", "variant", "run"]
"""How a setting enters a program.

static: it fixes shapes and compiled code; members that differ in it need programs of their own.
traced: it is data, one value a member. variant: it chooses a row of the data set's targets, and is
data too. run: it has one value for a whole run, such as how long members train.
"""

PLAIN = (int, float, bool, str)
"""Types of the values that flags, files and axes can hold."""

PLAIN_VALUE = int | float | bool | str
"""The type of a setting that may have any of them, such as a parameter without annotation."""

LARGEST_FLOAT32 = 2**128 - 2**104


class Range(NamedTuple):
    """The values that a setting may have."""

    text: str
    """The end of a message that begins with `must be`."""
    contains: Callable[[Any], bool]
    brief: str = ""
    """A short form for `--help`; empty where the help needs none."""


def at_least(bound: int | float) -> Range:
    return Range(f"at least {bound}", lambda value: value >= bound)


def whole(bound: int) -> Range:
    """Return the range of whole numbers from a bound to the largest int32."""
    largest = 2**31 - 1
    return Range(f"at least {bound} and at most {largest}", lambda value: bound <= value <= largest)


def between(low: int, high: int) -> Range:
    """Return the range from `low` to `high`, which includes both."""
    text = f"from {low} to {high}"
    return Range(text, lambda value: low <= value <= high, text)


POSITIVE = Range("at least 1.2e-38, the smallest normal float32", lambda value: value >= 1.2e-38)
SHARE = Range("at least 0 and at most 1", lambda value: 0 <= value <= 1, "from 0 to 1")
FRACTION = Range("greater than 0 and less than 1", lambda value: 0 < value < 1, "between 0 and 1")
SEED = Range(f"from 0 to {2**32 - 1}", lambda value: 0 <= value < 2**32)
SCALE = Range("at least 1e-15, so that float32 can square it", lambda value: value >= 1e-15)
DECAY_RATE = Range(
    "at least 0 and less than 1 in float32",  # 1 would make Adam divide by zero
    lambda value: 0 <= value < 1 - 2**-25,  # halfway to the float32 below 1
    "from 0 to below 1",
)


@dataclass(frozen=True)
class Field:
    """One setting of a group; `setting` documents the attributes."""

    name: str
    hint: Any
    default: Any
    help: str = ""
    allowed: Range | None = None
    kind: Kind = "static"
    switch: bool = False
    traced_name: str = ""
    traced_value: Callable[[Any], Any] | None = None

    @property
    def plain_hint(self) -> Any:
        """The type of a value that is not None: `int | None` is `int`."""
        plain = [each for each in get_args(self.hint) if each is not type(None)]
        return plain[0] if type(None) in get_args(self.hint) else self.hint

    @property
    def required(self) -> bool:
        """Whether a value must be given: the default is None, and the value cannot be None."""
        return self.default is None and type(None) not in get_args(self.hint)

    @property
    def choices(self) -> tuple[str, ...]:
        """The values of a `Literal`; empty for any other type."""
        return get_args(self.plain_hint) if get_origin(self.plain_hint) is Literal else ()

    def checked(self, value: Any) -> Any:
        """Return `value` as a plain Python value of this field's type.

        Raises ConfigError if it has another type or is out of range.
        """
        if self.choices:
            if not isinstance(value, str) or value not in self.choices:
                raise invalid(self.name, value, f"must be one of {', '.join(self.choices)}")
            return str(value)
        if value is None and type(None) in get_args(self.hint):
            return None
        if set(PLAIN) <= set(get_args(self.hint)):
            types = {bool: bool, np.bool_: bool, str: str, numbers.Integral: int}
            hint = next((hint for cls, hint in types.items() if isinstance(value, cls)), float)
            return dataclasses.replace(self, hint=hint).checked(value)
        if self.plain_hint is bool:
            if type(value).__name__ not in ("bool", "bool_"):  # Python's and NumPy's
                raise invalid(self.name, value, "must be True or False")
            return bool(value)
        if self.plain_hint is str:
            if not isinstance(value, str):
                raise invalid(self.name, value, "must be a string")
            return str(value)
        return self._number(value)

    def _number(self, value: Any) -> Any:
        real = float in (self.hint, *get_args(self.hint))
        text = self.allowed.text if self.allowed else ""
        kind = numbers.Real if real else numbers.Integral
        if isinstance(value, bool) or not isinstance(value, kind):
            what = "a number" if real else "a whole number"
            raise invalid(self.name, value, f"must be {what} {text}".rstrip())
        if not -LARGEST_FLOAT32 <= value <= LARGEST_FLOAT32:  # pyright: ignore[reportOperatorIssue]; also for NaN
            raise invalid(self.name, value, f"must be a finite number {text}".rstrip())
        plain = float(value) if real else int(value)  # pyright: ignore[reportArgumentType]
        if self.allowed is not None and not self.allowed.contains(plain):
            raise invalid(self.name, value, f"must be {text}")
        return plain


def setting(
    default: Any,
    help: str,
    allowed: Range | None = None,
    *,
    kind: Kind = "static",
    switch: bool = False,
    traced_name: str = "",
    traced_value: Callable[[Any], Any] | None = None,
) -> Any:
    """Return a dataclass field that is a setting.

    Args:
      default: its value where none is given.
      help: one line for `--help`.
      allowed: the values it may have.
      kind: how it enters a program, see `Kind`.
      switch: for a traced setting: compile it only where it is not the default, so that other
        programs are not slowed down.
      traced_name: for a traced setting: its name in compiled code, where it is not `name`.
      traced_value: for a traced setting: a function of the whole config to the number that
        compiled code gets, where it is not the setting's own value.
    """
    metadata = {
        "help": help,
        "allowed": allowed,
        "kind": kind,
        "switch": switch,
        "traced_name": traced_name,
        "traced_value": traced_value,
    }
    # A factory leaves no default on the class. A view without traced fields then raises
    # AttributeError for them, where it would otherwise silently give the default.
    return dataclasses.field(default_factory=lambda: default, metadata=metadata)


def plain_value(default: Any) -> Any:
    """Return a NumPy number as a Python number, and any other value as it is."""
    return default.item() if isinstance(default, np.generic) else default


@functools.cache
def fields_of(group: type) -> dict[str, Field]:
    """Return the settings of a group, a dataclass, by name; plain fields are static ones."""
    hints = get_type_hints(group)
    found = {}
    for f in dataclasses.fields(group):
        factory = f.default_factory
        default = plain_value(f.default if factory is dataclasses.MISSING else factory())
        found[f.name] = Field(f.name, hints[f.name], default, **f.metadata)
    return found


Group = TypeVar("Group")


@functools.cache
def _view_class(group: type) -> type:
    """Return a subclass that compares and hashes by the fields that an instance has."""

    def values(self: Any) -> tuple:
        own = vars(self)  # it may also have values of cached properties
        return tuple((name, own[name]) for name in fields_of(group) if name in own)

    return type(
        group.__name__,
        (group,),
        {
            "__eq__": lambda self, other: (
                type(self) is type(other) and values(self) == values(other)
            ),
            "__hash__": lambda self: hash(values(self)),
            "__repr__": lambda self: f"{group.__name__}({values(self)})",
        },
    )


def view(group: type[Group], values: dict[str, Any]) -> Group:
    """Return an instance of a group that has only these fields.

    Reading another one raises AttributeError, so code that is compiled for many members cannot
    read a setting in which they differ.
    """
    instance = object.__new__(_view_class(group))
    instance.__dict__.update(values)
    return instance


def values_of(group: Any, hypers: Any) -> dict[str, Any]:
    """Return the settings of an instance by name: traced ones of the hyperparameters, own ones."""
    return {
        name: getattr(hypers, field.traced_name or name)
        if field.kind == "traced"
        else getattr(group, name)
        for name, field in fields_of(type(group)).items()
    }
