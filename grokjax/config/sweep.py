"""Sweeps: the members that axes of settings make, and the programs that train them.

A sweep is a base `Config` and a column of values for each swept setting, one value a member. Any
setting but those of kind run can be swept; members that share the static ones share a program.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from grokjax.config.axes import base_of, check_member_count, checked_axes, columns_of, member_of
from grokjax.config.config import Config
from grokjax.config.settings import ProgramConfig, StandIns, check_name
from grokjax.errors import ConfigError, invalid, printable

Columns = Mapping[str, Sequence[Any]]
"""A value for each member, by setting."""


@dataclass(frozen=True)
class Program:
    """The members that one compiled program trains.

    config: the settings that they share.
    members: their numbers in the sweep, ascending.
    max_train_size: the largest training set among them.
    variants: the variants of the task that they use; a member's row of targets is among these.
    example: the settings of the first of them.
    """

    config: ProgramConfig
    members: tuple[int, ...]
    max_train_size: int
    variants: tuple[str, ...]
    example: Config

    @classmethod
    def of(cls, members: Mapping[int, Config]) -> Program:
        """Return the program of members, by number, that share their static settings."""
        configs = list(members.values())
        return cls(
            configs[0].program,
            tuple(members),
            max(config.train_size for config in configs),
            tuple(sorted({config.variant for config in configs})),
            configs[0],
        )


class Sweep:
    """The members of one launch, immutable.

    Args:
      config: settings that all members share.
      **axes: values for swept settings; axes multiply, the last one fastest.

    Raises:
      ConfigError: an unknown setting, one that cannot be swept, an axis without values, a value
        out of range, or two equal members.

    Example:
      >>> sweep = Sweep(Config(), weight_decay=[0.3, 1.0], seed=range(4))
      >>> len(sweep), sweep.swept, sweep[5].weight_decay, sweep[5].seed
      (8, ('weight_decay', 'seed'), 1.0, 1)
      >>> pairs = Sweep.zip(Config(), learning_rate=[1e-3, 1e-4], weight_decay=[0.3, 3.0])
      >>> len(pairs.product(seed=range(4)))
      8
    """

    def __init__(self, config: Config | None = None, **axes: Iterable[Any]) -> None:
        base = base_of(config)
        values = checked_axes(base, axes)
        check_member_count(math.prod(map(len, values.values())))
        rows = list(itertools.product(*values.values()))
        self._fill(base, {n: [row[i] for row in rows] for i, n in enumerate(values)})

    @classmethod
    def zip(cls, config: Config | None = None, **axes: Iterable[Any]) -> Sweep:
        """Combine axes of equal length side by side: member i has the i-th value of each."""
        base = base_of(config)
        return cls._of(base, checked_axes(base, axes))

    def product(self, **axes: Iterable[Any]) -> Sweep:
        """Combine every member of this sweep with every value of new axes."""
        values = checked_axes(self.config, axes)
        for name in values:
            if name in self.columns:
                raise ConfigError(f"{name}: is swept already; give all its values in one axis")
        check_member_count(len(self) * math.prod(map(len, values.values())))
        rows = list(itertools.product(range(len(self)), *values.values()))
        columns = {n: [column[row[0]] for row in rows] for n, column in self.columns.items()}
        for i, name in enumerate(values):
            columns[name] = [row[i + 1] for row in rows]
        return self._of(self.config, columns)

    def __add__(self, other: Sweep) -> Sweep:
        """Join the members of both; a setting swept in only one keeps its value in the other."""
        if not isinstance(other, Sweep):
            return NotImplemented
        names = self._varying(other)
        for name in set(names) & set(self.config.names("run")):
            ours, theirs = getattr(self.config, name), getattr(other.config, name)
            raise invalid(name, theirs, f"must be {ours!r}, as in the sweep that it is added to")
        return self._of(self.config, columns_of([*self, *other], names))

    def extended(self, other: Sweep) -> Sweep:
        """Append the members of `other` that this sweep lacks.

        `max_epochs` may be greater in `other`, unless evaluations are spaced up to it: all get it.

        Raises ConfigError if `other` lacks a member of this sweep: a run keeps its members.
        """
        if not isinstance(other, Sweep):
            raise invalid("sweep", other, "must be a Sweep")
        most, mine = other.config.max_epochs, self.config.max_epochs
        if most < mine:
            raise invalid("max_epochs", most, f"must be at least {mine}, which the run has")
        if most > mine and self.config.eval_spacing == "log":
            text = f"must stay {mine}, over which the run spaces its evaluations"
            raise invalid("max_epochs", most, text)
        members = [member.replace(max_epochs=most) for member in self.members]
        kept, theirs = dict.fromkeys(members), dict.fromkeys(other.members)
        for i, member in enumerate(members):
            if member not in theirs:
                raise _lacks_member(i, member, other)
        added = [member for member in theirs if member not in kept]
        run_settings = self.config.names("run")
        names = dict.fromkeys([*self.columns, *self._varying(other)])
        columns = columns_of([*members, *added], [n for n in names if n not in run_settings])
        return self._of(self.config.replace(max_epochs=most), columns)

    def with_values(self, name: str, values: Iterable[Any]) -> Sweep:
        """Append every combination of the members' other settings with new values of one."""
        check_name(name, self.config.fields)
        new = checked_axes(self.config, {name: values})[name]
        added = dict.fromkeys(m.replace(**{name: value}) for m in self.members for value in new)
        members = list(dict.fromkeys([*self.members, *added]))
        return self._of(self.config, columns_of(members, [*{**self.columns, name: ()}]))

    def _varying(self, other: Sweep) -> list[str]:
        """Return the settings in which members of the two sweeps may differ."""
        names = {**self.config.values, **other.config.values, **self.columns, **other.columns}
        swept = {*self.columns, *other.columns}
        ours, theirs = self.config.values, other.config.values
        return [n for n in names if n in swept or ours.get(n) != theirs.get(n)]

    @classmethod
    def _of(cls, config: Config, columns: Columns, stand_ins: StandIns | None = None) -> Sweep:
        sweep = cls.__new__(cls)
        sweep._fill(config, columns, stand_ins)
        return sweep

    def _fill(self, config: Config, columns: Columns, stand_ins: StandIns | None = None) -> None:
        count = len(next(iter(columns.values()))) if columns else 1
        if any(len(column) != count for column in columns.values()):
            lengths = {name: len(column) for name, column in columns.items()}
            raise ConfigError(f"sweep: axes must have one length, got {lengths}")
        check_member_count(count)
        self.config = config
        rows = ({n: column[i] for n, column in columns.items()} for i in range(count))
        self.members = tuple(member_of(config, row, stand_ins) for row in rows)
        # From the checked members, so that the columns hold plain Python values.
        self.columns = {n: tuple(c) for n, c in columns_of(self.members, columns).items()}
        first: dict[Config, int] = {}
        for i, member in enumerate(self.members):
            if member in first:
                same = ", ".join(f"{n} {member.values.get(n)!r}" for n in columns)
                raise ConfigError(
                    f"sweep: members {first[member]} and {i} are equal ({same}); give a value once"
                )
            first[member] = i

    @property
    def swept(self) -> tuple[str, ...]:
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
            text = f"sweep: {printable(repr(member))} is not a member; they are 0 to {last}"
            raise type(error)(text) from None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sweep) and self.members == other.members

    def __hash__(self) -> int:
        return hash(self.members)

    def __repr__(self) -> str:
        return f"Sweep({len(self)} members, swept: {', '.join(self.swept) or 'nothing'})"

    def programs(self) -> list[Program]:
        """Group the members by their static settings, in order of first appearance."""
        return list(self._programs)

    @functools.cached_property
    def _programs(self) -> tuple[Program, ...]:
        groups: dict[ProgramConfig, dict[int, Config]] = {}
        for i, member in enumerate(self.members):
            groups.setdefault(member.program, {})[i] = member
        return tuple(Program.of(group) for group in groups.values())

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values: the shared config and the columns."""
        return {
            "config": self.config.to_dict(),
            "columns": {n: list(column) for n, column in self.columns.items()},
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any], stand_ins: StandIns | None = None) -> Sweep:
        """Return the sweep that `to_dict` gave; `stand_ins` as for `Config.from_dict`.

        Raises ConfigError as the constructor does.
        """
        if not isinstance(values, dict) or not {"config", "columns"} <= values.keys():
            raise invalid("sweep", values, "must be a dict with config and columns")
        if not isinstance(values["columns"], dict):
            raise invalid("columns", values["columns"], "must be a dict of axes")
        base = Config.from_dict(values["config"], stand_ins)
        return cls._of(base, checked_axes(base, values["columns"], stand_ins), stand_ins)


def _lacks_member(number: int, member: Config, other: Sweep) -> ConfigError:
    """Return the error for a sweep that lacks a member of the run that it should extend."""
    for name, value in member.items():
        known = dict.fromkeys(c.values.get(name) for c in other.members)
        if value not in known:
            listed = ", ".join(repr(v) for v in list(known)[:8])
            return ConfigError(
                f"{name} must include {value!r}, which member {number} of the run has, got "
                f"{listed}; a resume keeps its settings"
            )
    return ConfigError(f"sweep: lacks member {number} of the run, and a resume keeps its members")
