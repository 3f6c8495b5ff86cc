"""Axes of a sweep: their values, checked, and the members that rows of values make."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from typing import Any

from grokjax.config.config import Config
from grokjax.config.settings import KINDS, StandIns, check_name, fields_with
from grokjax.errors import ConfigError, invalid

MOST_MEMBERS = 100_000
"""Members of one run. Each is checked by itself, which takes 5 s for so many."""


def base_of(config: Config | None) -> Config:
    """Return the settings that all members share: those given, or the defaults."""
    if config is not None and not isinstance(config, Config):
        fix = "such as recipes.get('notebook').config"
        raise invalid("config", config, "must be a grokjax.Config", fix)
    return config or Config()


def member_of(config: Config, row: dict[str, Any], stand_ins: StandIns | None = None) -> Config:
    """Return a member: the shared settings with its own row of values.

    Members of different kinds have different settings: None stands for those that one lacks.
    """
    known = config.values
    if any(kind in row for kind in KINDS):
        known = fields_with(config.classes_with(row, stand_ins))
    changes = {n: v for n, v in row.items() if n in known or v is not None}
    if lacking := [n for n in changes if n not in known and n in row]:
        kinds = ", ".join(f"{kind} {row[kind]}" for kind in KINDS if kind in row)
        raise ConfigError(
            f"{lacking[0]}: no such setting of {kinds}; give each kind a sweep of its own, and add "
            "the sweeps with +"
        )
    return config.replaced(changes, stand_ins)


def columns_of(members: Iterable[Config], names: Iterable[str]) -> dict[str, list[Any]]:
    """Return the members' values of some settings, None where a member's kinds lack one."""
    members = list(members)
    return {name: [member.values.get(name) for member in members] for name in names}


def check_member_count(members: int) -> None:
    """Raise ConfigError if a sweep has too many members."""
    if members > MOST_MEMBERS:
        raise ConfigError(f"sweep: must have at most {MOST_MEMBERS:,} members, got {members:,}")


def checked_axes(
    config: Config, axes: Mapping[str, Iterable[Any]], stand_ins: StandIns | None = None
) -> dict[str, list[Any]]:
    """Return axes as lists; raise ConfigError for what cannot be an axis."""
    checked = {name: _values(name, values) for name, values in axes.items()}
    known = dict(config.fields)  # of all kinds that members have
    for kind in KINDS:
        for value in checked.get(kind, ()):
            known |= fields_with(config.classes_with({kind: value}, stand_ins))
    for name in checked:
        check_name(name, known)
        if known[name].kind == "run":
            raise ConfigError(f"{name}: has one value for a whole run and cannot be swept")
    return checked


def _values(name: str, values: Iterable[Any]) -> list[Any]:
    try:
        if isinstance(values, str | bytes | Mapping):
            raise TypeError
        found = list(itertools.islice(values, MOST_MEMBERS + 1))
    except TypeError:  # also an array without dimensions
        raise invalid(name, values, "must be a list of values to be an axis") from None
    check_member_count(len(found))
    if not found:
        raise invalid(name, found, "must have at least one value to be an axis")
    return found
