"""What a setting is: its kind, its range, and how a value is checked. No JAX or NumPy here."""

from __future__ import annotations

import dataclasses
import numbers
from collections.abc import Callable, Iterable
from dataclasses import field
from typing import Any, Literal, NamedTuple, get_args, get_origin


class ConfigError(ValueError):
    """A setting or an argument that cannot be used.

    The message is one line: its name, the value, what is allowed.
    """


MOST = 2**128 - 2**104
"""The largest float32."""

LONGEST = 200
"""Characters shown of a text from outside."""


def refuse(name: str, value: object, allowed: str) -> ConfigError:
    """The one form of every refusal, to be raised by the caller."""
    return ConfigError(f"{name}: {shown(repr(value))} is not allowed; {allowed}")


def near(name: object, names: Iterable[str]) -> str:
    """`did you mean X?`, or all names where none is like `name`."""
    known = list(names)
    close = alike(name, known)
    return f"did you mean {' or '.join(close)}?" if close else f"one of {', '.join(known)}"


def alike(name: object, names: Iterable[str]) -> list[str]:
    """The names for which `name` may stand: by its initials (lr, wd), a word or its spelling."""
    import difflib

    text, known = name[:LONGEST].lower() if isinstance(name, str) else "", list(names)
    close = [n for n in known if "".join(word[0] for word in n.split("_")) == text]
    close = close or difflib.get_close_matches(text, known, n=2, cutoff=0.7)
    return close or [n for n in known if text in n.split("_")]


def shown(text: object) -> str:
    """A text from outside as it can be printed: short, on one line, without control characters."""
    short = str(text)[:LONGEST]
    plain = "".join(c if c.isprintable() else repr(c)[1:-1] for c in short)
    return plain + ("..." if len(str(text)) > LONGEST else "")


def setting(
    default: Any,
    kind: str,
    help: str,
    allowed: str = "",
    ok: Callable[[Any], bool] | None = None,
    brief: str = "",
    *,
    switch: bool = False,
) -> Any:
    """A field of `grokjax.config.Config`.

    allowed, ok, brief: a `Range`.
    switch: a traced setting that is compiled in only where it is not 0, so that
      programs without it pay nothing for it.
    """
    metadata = {"kind": kind, "help": help, "allowed": allowed, "ok": ok, "brief": brief}
    return field(default=default, metadata=metadata | {"switch": switch})


class Range(NamedTuple):
    """The values that a setting may have."""

    allowed: str
    """In words, for a refusal."""
    ok: Callable[[Any], bool]
    brief: str = ""
    """In as few words as `--help` needs; empty where it is plain what a value may be."""


def at_least(bound: int | float) -> Range:
    """A lower bound."""
    return Range(f"at least {bound}", lambda value: value >= bound)


def whole(bound: int) -> Range:
    """Whole numbers from a bound on, as the program counts: in int32."""
    most = 2**31 - 1
    return Range(f"at least {bound} and at most {most}", lambda value: bound <= value <= most)


def at_most(low: int, high: int) -> Range:
    """A range, ends included."""
    text = f"from {low} to {high}"
    return Range(text, lambda value: low <= value <= high, text)


POSITIVE = Range(
    "greater than 0, and at least 1.2e-38, float32's least", lambda value: value >= 1.2e-38
)
SHARE = Range("at least 0 and at most 1", lambda value: 0 <= value <= 1, "from 0 to 1")
SQUARABLE = Range("greater than 0, and at least 1e-15", lambda value: value >= 1e-15)
"""Squares of weights that are smaller are 0 in float32, and with them norms and spectra."""
BELOW_ONE = Range(
    "at least 0 and less than 1 in float32",
    lambda value: 0 <= value < 1 - 2**-25,  # halfway to the float32 below 1
    "from 0 to below 1",
)
"""What is 1 in float32 makes Adam divide by zero: it corrects by 1 - beta**steps."""
FRACTION = Range("greater than 0 and less than 1", lambda value: 0 < value < 1, "between 0 and 1")
SEED = Range(f"from 0 to {2**32 - 1}", lambda value: 0 <= value < 2**32)
MODULUS = Range("at least 2 and at most 46340", lambda value: 2 <= value <= 46_340)
"""Pairs are numbered in int32."""


def checked(f: dataclasses.Field[Any], hint: Any, value: Any) -> Any:
    """`value` as a plain Python value of the field's type, or a refusal."""
    allowed, ok = f.metadata["allowed"], f.metadata["ok"]
    if get_origin(hint) is Literal:
        if not isinstance(value, str) or value not in get_args(hint):
            raise refuse(f.name, value, "one of " + ", ".join(get_args(hint)))
        return str(value)
    if value is None and type(None) in get_args(hint):
        return None
    if hint is bool:
        if type(value).__name__ != "bool":  # Python's and NumPy's
            raise refuse(f.name, value, "True or False")
        return bool(value)
    real = float in (hint, *get_args(hint))
    if isinstance(value, bool) or not isinstance(value, numbers.Real if real else numbers.Integral):
        number = "number" if real else "whole number"
        raise refuse(f.name, value, f"a {number} {allowed}")
    if not -MOST <= value <= MOST:  # pyright: ignore[reportOperatorIssue]; nor NaN
        raise refuse(f.name, value, f"a finite number {allowed}")
    plain = float(value) if real else int(value)  # pyright: ignore[reportArgumentType]
    if ok is not None and not ok(plain):
        raise refuse(f.name, value, f"it must be {allowed}")
    return plain
