"""Arguments of public functions: each is what its function takes, or is refused in one line."""

from __future__ import annotations

import functools
import inspect
import operator
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import numpy as np

from grokjax.settings import ConfigError, refuse

Parameters = ParamSpec("Parameters")
Result = TypeVar("Result")

Spec = str | type | tuple[type, ...] | Callable[[str, Any], None]


def takes(**specs: Spec) -> Callable[[Callable[Parameters, Result]], Callable[Parameters, Result]]:
    """Decorator: refuses arguments that the function cannot take, before it is run.

    Args:
      **specs: by name of the argument. A text: an array of numbers with these dimensions,
        `"P 2"` or `"... K"`; those with one letter have one length in all arguments. A type
        or several: an instance. A function of name and value: raises what is to be raised.

    A default of None is taken as it is. Raises ConfigError that names the argument.
    """

    def decorated(function: Callable[Parameters, Result]) -> Callable[Parameters, Result]:
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
                    kinds = spec if isinstance(spec, tuple) else (spec,)
                    allowed = " or ".join(f"{kind.__module__}.{kind.__name__}" for kind in kinds)
                    raise refuse(name, value, f"give a {allowed.replace('builtins.', '')}")
            return function(*args, **kwargs)

        return wrapper

    return decorated


def _check_shape(name: str, value: Any, dims: list[str], lengths: dict[str, int]) -> None:
    """Refuses what is no array of numbers with these dimensions."""
    wanted = f"give numbers of shape [{', '.join(dims)}]"
    if not hasattr(value, "shape") or not hasattr(value, "dtype"):
        try:
            value = np.asarray(value)
        except ValueError:  # rows of unequal lengths
            raise refuse(name, value, wanted) from None
    shape, what = tuple(value.shape), f"{value.dtype} of shape {tuple(value.shape)}"
    some = dims[:1] == ["..."]
    named = dims[1:] if some else dims
    fits = len(shape) >= len(named) if some else len(shape) == len(named)
    if getattr(value.dtype, "kind", "O") not in "fiub" or not fits:
        raise ConfigError(f"{name}: {what} is not allowed; {wanted}")
    for dim, length in zip(named, shape[len(shape) - len(named) :], strict=True):
        expected = int(dim) if dim.isdigit() else lengths.setdefault(dim, length)
        if length != expected:
            other = "" if dim.isdigit() else f", {dim} being {expected} in another argument"
            raise ConfigError(f"{name}: {what} is not allowed; {wanted}{other}")


def whole(least: int) -> Callable[[str, Any], None]:
    """For `takes`: a whole number of at least this."""

    def check(name: str, value: Any) -> None:
        try:
            found = operator.index(value)
        except TypeError:
            found = least - 1
        if found < least or isinstance(value, bool):
            raise refuse(name, value, f"a whole number of at least {least}")

    return check


def positive(name: str, value: Any) -> None:
    """For `takes`: a number above 0."""
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    if not (number and value > 0):
        raise refuse(name, value, "a number above 0")


def labelled(name: str, value: Any) -> None:
    """For `takes`: a run's history, or members or epochs of it."""
    if not hasattr(value, "data_vars"):
        raise refuse(name, value, "give a history, such as run.history")


def sequence(name: str, value: Any) -> None:
    """For `takes`: a list, a tuple or an array, but no text."""
    flat = getattr(value, "ndim", 1) == 0
    if isinstance(value, str | bytes | dict) or not hasattr(value, "__len__") or flat:
        raise refuse(name, value, "give a list")


def ran(name: str, value: Any) -> None:
    """For `takes`: a Run."""
    if not hasattr(value, "config") or not hasattr(value, "history"):
        raise refuse(name, value, "give a Run, such as grokjax.load('runs/mine')")


def filled(name: str, value: Any) -> None:
    """For `takes`: a dict that is not empty."""
    if not isinstance(value, dict) or not value:
        raise refuse(name, value, "give a dict with at least one entry")
