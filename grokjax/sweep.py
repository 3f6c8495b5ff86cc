"""Axes to a table of members, grouped into programs.

A sweep is a base `Config` and a column of values for each swept field, one
value a member. Any field of kind static or traced can be swept; members that
share the static ones share a program.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from grokjax.config import FIELDS, Config, check_name, names_of
from grokjax.settings import ConfigError, refuse, shown

MOST_MEMBERS = 100_000
"""Of one run. Each is checked by itself, 5 s for so many."""


@dataclass(frozen=True)
class Program:
    """The members that one compiled program trains.

    config: their shared settings, traced fields at their defaults.
    members: their numbers in the sweep, ascending.
    max_train_size: the largest training set among them.
    """

    config: Config
    members: tuple[int, ...]
    max_train_size: int


class Sweep:
    """The members of one launch, immutable.

    Args:
      config: settings that all members share.
      **axes: values for swept fields; axes multiply, the last one fastest.

    Raises:
      ConfigError: an unknown field, a field that cannot be swept, an axis
        without values, a value out of range, or two equal members.

    Example:
      >>> sweep = Sweep(Config(), weight_decay=[0.3, 1.0], seed=range(4))
      >>> len(sweep), sweep.swept, sweep[5].weight_decay, sweep[5].seed
      (8, ('weight_decay', 'seed'), 1.0, 1)
      >>> pairs = Sweep.zip(Config(), learning_rate=[1e-3, 1e-4], weight_decay=[0.3, 3.0])
      >>> len(pairs.product(seed=range(4)))
      8
    """

    def __init__(self, config: Config | None = None, **axes: Iterable[Any]) -> None:
        values = _axes(axes)
        _few_enough(math.prod(map(len, values.values())))
        rows = list(itertools.product(*values.values()))
        self._fill(_base(config), {n: [row[i] for row in rows] for i, n in enumerate(values)})

    @classmethod
    def zip(cls, config: Config | None = None, **axes: Iterable[Any]) -> Sweep:
        """Axes of equal length side by side: member i has the i-th value of each."""
        values = _axes(axes)
        return cls._of(_base(config), values)

    def product(self, **axes: Iterable[Any]) -> Sweep:
        """Every member of this sweep with every value of new axes."""
        values = _axes(axes)
        for name in values:
            if name in self.columns:
                raise ConfigError(f"{name}: is swept already")
        _few_enough(len(self) * math.prod(map(len, values.values())))
        rows = list(itertools.product(range(len(self)), *values.values()))
        columns = {n: [column[row[0]] for row in rows] for n, column in self.columns.items()}
        for i, name in enumerate(values):
            columns[name] = [row[i + 1] for row in rows]
        return self._of(self.config, columns)

    def __add__(self, other: Sweep) -> Sweep:
        """The members of both; a field swept in only one keeps its shared value in the other."""
        if not isinstance(other, Sweep):
            return NotImplemented
        names = [n for n in FIELDS if self._varies(other, n)]
        for name in set(names) & set(names_of("run")):
            ours, theirs = getattr(self.config, name), getattr(other.config, name)
            raise refuse(name, theirs, f"the sweep it is added to has {ours!r}")
        columns = {n: [getattr(c, n) for s in (self, other) for c in s] for n in names}
        return self._of(self.config, columns)

    def extended(self, other: Sweep) -> Sweep:
        """This sweep, then the members of `other` that it lacks, numbered on.

        `max_epochs` may be greater in `other`; it is then everybody's.

        Raises ConfigError if `other` lacks a member of this one, which a run cannot undo.
        """
        if not isinstance(other, Sweep):
            raise refuse("sweep", other, "give a Sweep")
        most, mine = other.config.max_epochs, self.config.max_epochs
        if most < mine:
            raise refuse("max_epochs", most, f"the run has {mine}, and can only be given more")
        members = [replace(member, max_epochs=most) for member in self.members]
        kept, theirs = dict.fromkeys(members), dict.fromkeys(other.members)
        for i, member in enumerate(members):
            if member not in theirs:
                raise _lacking(i, member, other)
        added = [member for member in theirs if member not in kept]
        names = list(self.columns)
        names += [n for n in FIELDS if n not in names and self._varies(other, n)]
        names = [n for n in names if n not in names_of("run")]
        columns = {n: [getattr(c, n) for c in [*members, *added]] for n in names}
        return self._of(replace(self.config, max_epochs=most), columns)

    def with_values(self, name: str, values: Iterable[Any]) -> Sweep:
        """This sweep, then every combination of its other fields with new values of one."""
        check_name(name)
        new = _axes({name: values})[name]
        added = dict.fromkeys(replace(m, **{name: value}) for m in self.members for value in new)
        members = list(dict.fromkeys([*self.members, *added]))
        columns = {n: [getattr(m, n) for m in members] for n in {**self.columns, name: ()}}
        return self._of(self.config, columns)

    def _varies(self, other: Sweep, name: str) -> bool:
        return (
            name in self.columns
            or name in other.columns
            or getattr(self.config, name) != getattr(other.config, name)
        )

    @classmethod
    def _of(cls, config: Config, columns: Mapping[str, Sequence[Any]]) -> Sweep:
        sweep = cls.__new__(cls)
        sweep._fill(config, columns)
        return sweep

    def _fill(self, config: Config, columns: Mapping[str, Sequence[Any]]) -> None:
        count = len(next(iter(columns.values()))) if columns else 1
        if any(len(column) != count for column in columns.values()):
            lengths = {name: len(column) for name, column in columns.items()}
            raise ConfigError(f"sweep: axes must have one length, not {lengths}")
        _few_enough(count)
        rows = [{n: column[i] for n, column in columns.items()} for i in range(count)]
        self.config = config
        self.members = tuple(replace(config, **row) for row in rows)
        # From the checked members, so that the columns hold plain Python values.
        self.columns = {n: tuple(getattr(m, n) for m in self.members) for n in columns}
        first: dict[Config, int] = {}
        for i, member in enumerate(self.members):
            if member in first:
                same = ", ".join(f"{n} {getattr(member, n)!r}" for n in columns)
                raise ConfigError(f"sweep: members {first[member]} and {i} are equal ({same})")
            first[member] = i

    @property
    def swept(self) -> tuple[str, ...]:
        """Names of the swept fields."""
        return tuple(self.columns)

    def __len__(self) -> int:
        return len(self.members)

    def __iter__(self) -> Iterator[Config]:
        return iter(self.members)

    def __getitem__(self, member: int) -> Config:
        try:
            return self.members[member]
        except (IndexError, TypeError) as error:
            last = len(self) - 1
            text = f"sweep: {shown(repr(member))} is not a member; they are 0 to {last}"
            raise type(error)(text) from None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sweep) and self.members == other.members

    def __hash__(self) -> int:
        return hash(self.members)

    def __repr__(self) -> str:
        return f"Sweep({len(self)} members, swept: {', '.join(self.swept) or 'nothing'})"

    def programs(self) -> list[Program]:
        """Members grouped by their static settings, in order of first appearance."""
        groups: dict[Config, list[int]] = {}
        for i, member in enumerate(self.members):
            groups.setdefault(member.static, []).append(i)
        return [
            Program(config, tuple(group), max(self.members[i].train_size for i in group))
            for config, group in groups.items()
        ]

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON values: the shared config and the columns."""
        return {
            "config": self.config.to_dict(),
            "columns": {n: list(column) for n, column in self.columns.items()},
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Sweep:
        """The inverse of `to_dict`. Raises ConfigError as the constructor does."""
        if not isinstance(values, dict) or not {"config", "columns"} <= values.keys():
            raise refuse("sweep", values, "give a dict with config and columns, as from to_dict")
        if not isinstance(values["columns"], dict):
            raise refuse("columns", values["columns"], "give a dict of axes")
        return cls._of(Config.from_dict(values["config"]), _axes(values["columns"]))


def _base(config: Config | None) -> Config:
    """The settings that all members share: those given, or the defaults."""
    if config is not None and not isinstance(config, Config):
        raise refuse("config", config, "give a Config, such as recipes.get('notebook').config")
    return config or Config()


def _lacking(number: int, member: Config, other: Sweep) -> ConfigError:
    """Why a sweep does not extend a run: the first setting of this member that it never has."""
    for name, value in member.to_dict().items():
        there = dict.fromkeys(getattr(c, name) for c in other.members)
        if value not in there:
            shown = ", ".join(repr(v) for v in list(there)[:8])
            return ConfigError(
                f"{name}: {shown} is not allowed; member {number} of the run has {value!r}, and a "
                "resume keeps its settings"
            )
    return ConfigError(f"sweep: lacks member {number} of the run, and a resume keeps its members")


def _few_enough(members: int) -> None:
    if members > MOST_MEMBERS:
        raise ConfigError(f"sweep: has {members:,} members; at most {MOST_MEMBERS:,} are allowed")


def _axes(axes: Mapping[str, Iterable[Any]]) -> dict[str, list[Any]]:
    """Axes as lists, each refused unless it can be one."""
    checked = {}
    for name, values in axes.items():
        check_name(name)
        if name not in names_of("static", "traced"):
            raise ConfigError(f"{name}: has one value for a whole run and cannot be swept")
        try:
            if isinstance(values, str | bytes | Mapping):
                raise TypeError
            checked[name] = list(itertools.islice(values, MOST_MEMBERS + 1))
        except TypeError:  # also an array without dimensions
            raise refuse(name, values, "an axis is a list of values") from None
        _few_enough(len(checked[name]))
        if not checked[name]:
            raise refuse(name, checked[name], "an axis has at least one value")
    return checked
