"""Check the arguments of public functions, with a one-line error for a value they cannot take."""

from __future__ import annotations

import functools
import inspect
import operator
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import numpy as np

from grokjax.errors import ConfigError, invalid

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

Spec = str | type | tuple[type, ...] | Callable[[str, Any], None]


def takes(**specs: Spec) -> Callable[[Callable[Parameters, Result]], Callable[Parameters, Result]]:
    """Decorate a function to check its arguments before it runs.

    Args:
      **specs: what each named argument must be. A string gives the dimensions of an array of
        numbers, `"P 2"` or `"... K"`; a letter stands for the same length in all arguments.
        A type or a tuple of types: an instance of it. A function of (name, value): it raises
        ConfigError itself.

    An argument of None is not checked where None is the default. Raises ConfigError that
    names the argument.
    """

    def decorate(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
        signature = inspect.signature(function)
        defaults = {name: p.default for name, p in signature.parameters.items()}

        @functools.wraps(function)
        def wrapper(*args: Parameters.args, **kwargs: Parameters.kwargs) -> Result:
            bound = signature.bind(*args, **kwargs).arguments
            lengths: dict[str, int] = {}
            for name, spec in specs.items():
                if name not in bound or (bound[name] is None and defaults[name] is None):
                    continue
                value = bound[name]
                if isinstance(spec, str):
                    _check_shape(name, value, spec.split(), lengths)
                elif not isinstance(spec, type | tuple):
                    spec(name, value)
                elif not isinstance(value, spec):
                    types = spec if isinstance(spec, tuple) else (spec,)
                    names = " or ".join(f"{kind.__module__}.{kind.__name__}" for kind in types)
                    raise invalid(name, value, f"must be a {names.replace('builtins.', '')}")
            return function(*args, **kwargs)

        return wrapper

    return decorate


def _check_shape(name: str, value: Any, dims: list[str], lengths: dict[str, int]) -> None:
    """Raise ConfigError unless the value is an array of numbers with these dimensions.

    lengths: the length of each letter so far; this argument's letters are added.
    """
    requirement = f"must be numbers of shape [{', '.join(dims)}]"
    if not hasattr(value, "shape") or not hasattr(value, "dtype"):
        try:
            value = np.asarray(value)
        except ValueError:  # rows of unequal lengths
            raise invalid(name, value, requirement) from None
    shape = tuple(value.shape)
    found = f"got {value.dtype} of shape {shape}"
    any_leading = dims[:1] == ["..."]
    named = dims[1:] if any_leading else dims
    fits = len(shape) >= len(named) if any_leading else len(shape) == len(named)
    if getattr(value.dtype, "kind", "O") not in "fiub" or not fits:
        raise ConfigError(f"{name} {requirement}, {found}")
    for dim, length in zip(named, shape[len(shape) - len(named) :], strict=True):
        expected = int(dim) if dim.isdigit() else lengths.setdefault(dim, length)
        if length != expected:
            other = "" if dim.isdigit() else f" with {dim} = {expected} as in another argument"
            raise ConfigError(f"{name} {requirement}{other}, {found}")


def integer_at_least(minimum: int) -> Callable[[str, Any], None]:
    """Return a check for `takes`: the value is a whole number of at least `minimum`."""

    def check(name: str, value: Any) -> None:
        try:
            found = operator.index(value)
        except TypeError:
            found = minimum - 1
        if found < minimum or isinstance(value, bool):
            raise invalid(name, value, f"must be a whole number of at least {minimum}")

    return check


def _check(accepts: Callable[[Any], bool], requirement: str) -> Callable[[str, Any], None]:
    """Return a check for `takes`: the value is one that `accepts` is true of."""

    def check(name: str, value: Any) -> None:
        if not accepts(value):
            raise invalid(name, value, requirement)

    return check


def _is_positive(value: Any) -> bool:
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    return number and bool(value > 0)


def _is_sequence(value: Any) -> bool:
    scalar = getattr(value, "ndim", 1) == 0
    return not isinstance(value, str | bytes | dict) and hasattr(value, "__len__") and not scalar


positive_number = _check(_is_positive, "must be a number above 0")
sequence = _check(_is_sequence, "must be a list")
nonempty_dict = _check(
    lambda value: isinstance(value, dict) and bool(value), "must be a dict with at least one entry"
)
history_like = _check(
    lambda value: hasattr(value, "data_vars"), "must be a history, such as run.history"
)
run_like = _check(
    lambda value: hasattr(value, "config") and hasattr(value, "history"),
    "must be a Run, such as grokjax.load('runs/mine')",
)


def parse_auto_or_count(name: str, value: int | str) -> int | None:
    """Return a count of at least 1, or None for `auto`; raise ConfigError otherwise."""
    if value == "auto":
        return None
    try:
        found = int(value) if isinstance(value, str) else operator.index(value)
    except (ValueError, TypeError):
        found = 0
    if found < 1 or isinstance(value, bool):
        raise invalid(name, value, "must be auto or a whole number of at least 1")
    return found


def check_bool(name: str, value: object) -> bool:
    """Return the value; raise ConfigError unless it is True or False."""
    if not isinstance(value, bool):
        raise invalid(name, value, "must be True or False")
    return value
