"""The flags of a command, as its dataclass declares them, and the check of their values."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, NamedTuple, Union, get_args, get_origin, get_type_hints

import tyro

from grokjax.errors import ConfigError, invalid
from grokjax.settings.field import Field


@dataclass(frozen=True)
class Flag:
    """A flag of a command: `--name`, and also `--no-name` if it is boolean; or a positional word.

    value: the type and range of one value. is_setting: whether the value is a setting of a config.
    """

    name: str
    value: Field = field(default_factory=lambda: Field("", str, None))
    is_boolean: bool = False
    is_axis: bool = False  # takes any number of values, which make an axis
    is_positional: bool = False
    is_required: bool = False
    is_setting: bool = False

    @property
    def title(self) -> str:
        """Its name in messages, as that of a setting."""
        return self.name.removeprefix("--").replace("-", "_")

    def check_word(self, word: str) -> None:
        """Raise ConfigError unless a word is a value of this flag's type."""
        hint = self.value.plain_hint
        is_none = word == "None" and type(None) in get_args(self.value.hint)
        if is_none or hint in (str, Path) or (hint is bool and word in ("True", "False")):
            return
        if hint in (int, float):
            try:
                hint(word)
            except ValueError:
                self.value.checked(word)  # raises: a text is no number
            return
        self.value.checked(word)

    def check_values(self, values: Sequence[str]) -> None:
        """Raise ConfigError unless these are the values that the flag can have."""
        if not values and not self.is_boolean and not (self.is_axis and self.is_setting):
            raise ConfigError(f"{self.title} must have a value")
        for word in values:
            self.check_word(word)


def flags_of(kind: Any) -> Iterator[Flag]:
    """Yield the flags of a dataclass and of the dataclasses nested in it."""
    hints = get_type_hints(kind, include_extras=True)
    for f in dataclasses.fields(kind):
        hint = hints[f.name]
        types = set(_types_in(hint))
        nested = [each for each in types if dataclasses.is_dataclass(each)]
        if nested:
            yield from flags_of(nested[0])
            continue
        name = f.name.rstrip("_")
        metadata = get_args(hint)[1:] if get_origin(hint) is Annotated else ()
        setting = next((each for each in metadata if isinstance(each, Field)), None)
        yield Flag(
            "--" + name.replace("_", "-"),
            setting or Field(name, _type_of_value(hint), None),
            is_boolean=bool in types,
            is_axis=tuple in types,
            is_positional=tyro.conf.Positional in metadata,
            is_required=f.default is f.default_factory is dataclasses.MISSING,
            is_setting=setting is not None,
        )


def _types_in(hint: Any) -> Iterator[Any]:
    """Yield every type that occurs in a type hint."""
    yield get_origin(hint) or hint
    if get_origin(hint) is Annotated:
        yield from _types_in(get_args(hint)[0])
    elif get_origin(hint) in (Union, UnionType, tuple):
        for each in get_args(hint):
            yield from _types_in(each)


def _type_of_value(hint: Any) -> Any:
    """Return the type of one value: `int` of `Annotated[tuple[int, ...] | None, ...]`."""
    if get_origin(hint) is Annotated:
        return _type_of_value(get_args(hint)[0])
    alternatives = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    for each in alternatives:
        if get_origin(each) is tuple:
            return get_args(each)[0]
    return hint


class GivenFlag(NamedTuple):
    """A flag as it is given on a command line, with the words after it up to the next flag."""

    name: str  # `--name`, also for `--no-name`
    values: list[str]
    words: list[str]  # as they were typed

    @property
    def is_negated(self) -> bool:
        """Whether it is given as `--no-name`."""
        return not self.words[0].replace("_", "-").startswith(self.name)

    @property
    def has_equals(self) -> bool:
        """Whether it is given as `--name=value`."""
        return "=" in self.words[0]


def given_flags(words: Sequence[str], known: dict[str, Flag]) -> Iterator[GivenFlag]:
    """Yield the flags of a command line, in order."""
    starts = [i for i, word in enumerate(words) if word.startswith("--")]
    for start, end in itertools.pairwise([*starts, len(words)]):
        _, equals, value = words[start].partition("=")
        values = [*([value] if equals else []), *words[start + 1 : end]]
        yield GivenFlag(flag_of_word(words[start], known), values, list(words[start:end]))


def flag_of_word(word: str, known: dict[str, Flag]) -> str:
    """Return the flag that a word names: `--max-epochs` for `--max_epochs=20`."""
    name = word.partition("=")[0].replace("_", "-")
    positive = name.replace("--no-", "--", 1)
    return positive if positive in known and known[positive].is_boolean else name


def words_before_flags(words: Sequence[str]) -> list[str]:
    """Return the words that a command line has before its first flag."""
    return list(itertools.takewhile(lambda word: not word.startswith("--"), words))


def check_values(words: Sequence[str], known: dict[str, Flag], prog: str) -> None:
    """Refuse values that a flag cannot have, and flags and words that are missing or too many.

    The parser would show each in a box of several lines. Raises ConfigError.
    """
    positional = next((flag for flag in known.values() if flag.is_positional), None)
    free, given = words_before_flags(words), set()
    for each in given_flags(words, known):
        flag, values = known[each.name], each.values
        given.add(each.name)
        own = values if flag.is_axis else values[:1]
        is_free = positional is not None and not each.has_equals
        if flag.is_boolean and is_free and own and own[0] not in ("True", "False"):
            own = []
        flag.check_values(own)
        rest = values[len(own) :]
        if rest and positional is None:
            raise invalid(flag.title, " ".join(values), "must be a single value")
        free += rest
    if free and positional is None:
        raise invalid("command line", free[0], "must have flags only", f"see {prog} --help")
    if positional is not None and len(free) > 1 and not positional.is_axis:
        raise invalid(positional.title, " ".join(free), "must be a single path")
    for flag in known.values():
        if flag.is_required and not (free if flag.is_positional else flag.name in given):
            raise ConfigError(f"{flag.title} must be given; see {prog} --help")
