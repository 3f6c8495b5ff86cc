"""Choose members of a run: by numbers, by a mask, or by values of settings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from numbers import Integral
from typing import Any

import numpy as np

from grokjax.config import labels
from grokjax.config.config import Config
from grokjax.config.settings import check_name
from grokjax.config.sweep import Sweep
from grokjax.errors import ConfigError, invalid
from grokjax.settings.field import Field

OTHER_COLUMNS = ("status", "epochs", "train_size")
"""Columns of `Run.members` that are not settings."""


def member(number: Any, available: Collection[int], name: str = "member") -> int:
    """Return a member's number. Raises ConfigError unless it is one of those available."""
    whole = isinstance(number, Integral) and not isinstance(number, bool)
    if not whole or number not in available:
        raise invalid(name, number, f"must be a member of this Run: {_listed(list(available))}")
    return int(number)


def members(given: Any, available: Sequence[int]) -> list[int]:
    """Return the numbers of the members that are chosen by numbers or by a mask.

    Args:
      given: numbers; or a mask, True or False for each available member in their order. A mask
        that is a pandas Series or an xarray DataArray must have their numbers as its index or
        as its coordinate `member`.
      available: numbers of the members to choose from.

    Raises:
      ConfigError: a number that is not available or is repeated, or a mask of other members.
    """
    values = _as_list(given)
    if values is None:
        raise invalid("members", given, "must be a list of member numbers, or a mask")
    if values and all(isinstance(value, bool | np.bool_) for value in values):
        labels = _labels(given)
        if len(values) != len(available) or labels not in (None, list(available)):
            found = f"{len(values)} members" if labels is None else f"members {_listed(labels)}"
            raise ConfigError(
                f"members: a mask must be of the members of this Run, {_listed(available)}, "
                f"got one of {found}"
            )
        return [m for m, wanted in zip(available, values, strict=True) if wanted]
    known = dict.fromkeys(available)
    chosen = [member(value, known, "members") for value in values]
    for number, times in Counter(chosen).items():
        if times > 1:
            raise ConfigError(f"members: {number} is given {times} times; give it once")
    return chosen


def matching(sweep: Sweep, available: Sequence[int], settings: Mapping[str, Any]) -> list[int]:
    """Return the numbers of the members that have these settings.

    Args:
      sweep: all members.
      available: numbers of the members to choose from.
      settings: for each name a value, or several values of which a member must have one. A
        `data_seed` also matches members that take it from their `seed`.

    Raises:
      ConfigError: no such setting, or a value that no member has.
    """
    if not available:
        raise ConfigError("select: this Run has no members; select from one that has some")
    fields = {n: f for m in available for n, f in sweep[m].fields.items()}
    wanted = {name: _wanted(name, value, fields) for name, value in settings.items()}
    for name, values in wanted.items():
        have = dict.fromkeys(value for m in available for value in _values_of(sweep[m], name))
        for value in values:
            if value not in have:
                listed = ", ".join(map(repr, list(have)[:8])) + (", ..." if len(have) > 8 else "")
                raise invalid(name, value, f"must be a value that members here have: {listed}")
    found = [
        m
        for m in available
        if all(not values.isdisjoint(_values_of(sweep[m], n)) for n, values in wanted.items())
    ]
    if not found:
        together = ", ".join(f"{name} {value!r}" for name, value in settings.items())
        raise ConfigError(f"select: no member has {together} together; give fewer settings")
    return found


def _wanted(name: str, value: Any, fields: dict[str, Field]) -> set[Any]:
    """Return the values that a member may have, each checked as `Config` does."""
    if name in OTHER_COLUMNS:
        raise ConfigError(f"{name} is not a setting; use run.of(run.members[{name!r}] == value)")
    check_name(name, fields)
    if getattr(value, "ndim", None) == 0:  # one element of a NumPy or xarray array
        value = value.item()
    values = _as_list(value)
    if values is not None and not values:
        raise invalid(name, value, "must be a value, or a list of at least one")
    unset = name in labels.NONE_LABELS  # the history has -1 for None
    return {
        fields[name].checked(None if unset and v == -1 else v)
        for v in ([value] if values is None else values)
    }


def _values_of(config: Config, name: str) -> tuple[Any, ...]:
    """Return the values of a setting that match a member."""
    value = config.values.get(name)
    return (value, config.seed) if name == "data_seed" and value is None else (value,)


def _as_list(given: Any) -> list[Any] | None:
    """Return a collection as a list, or None for a text, a number or a dict."""
    if isinstance(given, str | bytes | Mapping) or not isinstance(given, Iterable):
        return None
    if hasattr(given, "__array__"):  # NumPy's, pandas', xarray's
        values = np.asarray(given).tolist()
        return values if isinstance(values, list) else None
    return list(given)


def _labels(given: Any) -> list[Any] | None:
    """Return the members' numbers that label a pandas or xarray array, or None."""
    if hasattr(given, "iloc"):  # pandas
        return given.index.tolist()
    if "member" in getattr(given, "coords", ()):  # xarray
        return np.atleast_1d(given.coords["member"].values).tolist()
    return None


def _listed(numbers: Sequence[Any]) -> str:
    """Return `0 to 7` for consecutive numbers, else the first eight of them."""
    if len(numbers) > 2 and list(numbers) == list(range(numbers[0], numbers[0] + len(numbers))):
        return f"{numbers[0]} to {numbers[-1]}"
    return ", ".join(map(str, numbers[:8])) + (", ..." if len(numbers) > 8 else "") or "none"
