"""Which members of a run its user means: numbers, masks, and values of settings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from numbers import Integral
from typing import Any

import numpy as np

from grokjax import labels
from grokjax.config import FIELDS, TYPES, Config, check_name
from grokjax.settings import ConfigError, checked, refuse
from grokjax.sweep import Sweep

OTHER_COLUMNS = ("status", "epochs", "train_size")
"""Columns of `Run.members` that are not settings."""


def member(number: Any, there: Collection[int], name: str = "member") -> int:
    """The number of one of the members that are `there`. Raises ConfigError if it is none."""
    whole = isinstance(number, Integral) and not isinstance(number, bool)
    if not whole or number not in there:
        raise refuse(name, number, f"the members here are {_listed(list(there))}")
    return int(number)


def members(given: Any, there: Sequence[int]) -> list[int]:
    """The members, of those that are `there`, that numbers or a mask name.

    Args:
      given: numbers; or True and False for each member that is there, in their order. A
        pandas Series or xarray DataArray of True and False must have their numbers as
        its index or its coordinate `member`.
      there: numbers of the members to choose from.

    Raises:
      ConfigError: a number that is not there or is repeated, or a mask of other members.
    """
    values = _listing(given)
    if values is None:
        raise refuse("members", given, "give a list of member numbers, or a mask")
    if values and all(isinstance(value, bool | np.bool_) for value in values):
        labels = _labels(given)
        if len(values) != len(there) or labels not in (None, list(there)):
            of = f"{len(values)} members" if labels is None else f"members {_listed(labels)}"
            raise ConfigError(
                f"members: a mask of {of} is not allowed; give one of the members "
                f"here, {_listed(there)}"
            )
        return [m for m, wanted in zip(there, values, strict=True) if wanted]
    known = dict.fromkeys(there)
    chosen = [member(value, known, "members") for value in values]
    for number, times in Counter(chosen).items():
        if times > 1:
            raise refuse("members", number, f"it is given {times} times; give it once")
    return chosen


def matching(sweep: Sweep, there: Sequence[int], settings: Mapping[str, Any]) -> list[int]:
    """The members, of those that are `there`, with these settings.

    Args:
      sweep: all members.
      there: numbers of the members to choose from.
      settings: by name a value, or several of which a member has any. `data_seed` is
        also that of members that take it from their `seed`.

    Raises:
      ConfigError: no such setting, or a value that no member has.
    """
    if not there:
        raise ConfigError("select: this Run has no members; select from one that has some")
    wanted = {name: _wanted(name, value) for name, value in settings.items()}
    for name, values in wanted.items():
        have = dict.fromkeys(value for m in there for value in _values_of(sweep[m], name))
        for value in values:
            if value not in have:
                listed = ", ".join(map(repr, list(have)[:8])) + (", ..." if len(have) > 8 else "")
                raise refuse(name, value, f"the members here have {listed}")
    found = [
        m
        for m in there
        if all(not values.isdisjoint(_values_of(sweep[m], n)) for n, values in wanted.items())
    ]
    if not found:
        together = ", ".join(f"{name} {value!r}" for name, value in settings.items())
        raise ConfigError(f"select: no member has {together} together; give fewer settings")
    return found


def _wanted(name: str, value: Any) -> set[Any]:
    """The values that a setting may have, each checked as `Config` does."""
    if name in OTHER_COLUMNS:
        raise ConfigError(f"{name}: is not a setting; use run.of(run.members[{name!r}] == value)")
    check_name(name)
    if getattr(value, "ndim", None) == 0:  # one element of a NumPy or xarray array
        value = value.item()
    values = _listing(value)
    if values is not None and not values:
        raise refuse(name, value, "give a value, or a list of at least one")
    unset = name in labels.NONE  # the history has -1 for None
    return {
        checked(FIELDS[name], TYPES[name], None if unset and v == -1 else v)
        for v in ([value] if values is None else values)
    }


def _values_of(config: Config, name: str) -> tuple[Any, ...]:
    """The values of a setting under which a member is found."""
    value = getattr(config, name)
    return (value, config.seed) if name == "data_seed" and value is None else (value,)


def _listing(given: Any) -> list[Any] | None:
    """The values of a collection, or None where it is none, such as a text or one number."""
    if isinstance(given, str | bytes | Mapping) or not isinstance(given, Iterable):
        return None
    if hasattr(given, "__array__"):  # NumPy's, pandas', xarray's
        values = np.asarray(given).tolist()
        return values if isinstance(values, list) else None
    return list(given)


def _labels(given: Any) -> list[Any] | None:
    """The numbers of members that a labelled array has for its values."""
    if hasattr(given, "iloc"):  # pandas
        return given.index.tolist()
    if "member" in getattr(given, "coords", ()):  # xarray
        return np.atleast_1d(given.coords["member"].values).tolist()
    return None


def _listed(numbers: Sequence[Any]) -> str:
    """`0 to 7`, or the first of them where some are left out."""
    if len(numbers) > 2 and list(numbers) == list(range(numbers[0], numbers[0] + len(numbers))):
        return f"{numbers[0]} to {numbers[-1]}"
    return ", ".join(map(str, numbers[:8])) + (", ..." if len(numbers) > 8 else "") or "none"
