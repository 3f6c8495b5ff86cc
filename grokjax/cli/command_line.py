"""Check the words of a command line, refuse what tyro would misread, and parse the rest."""

from __future__ import annotations

import dataclasses
import itertools
import shutil
import sys
import textwrap
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints

import tyro

from grokjax.errors import ConfigError, invalid, printable, similar_names
from grokjax.runtime import paths
from grokjax.terminal.printed_commands import quote

MAX_WORD_LENGTH = 1000

Parsed = TypeVar("Parsed")


@dataclass(frozen=True)
class Flag:
    """A flag of a command: `--name`, and also `--no-name` if it is boolean."""

    name: str
    is_boolean: bool = False
    is_axis: bool = False  # takes any number of values, which make an axis


def parse(kind: type[Parsed], words: Sequence[str], prog: str) -> Parsed:
    """Parse a command line into an instance of `kind`, a dataclass that tyro understands.

    Raises:
      ConfigError: tyro would misread the words.
      SystemExit: with code 2 after tyro's own message, with 0 after `--help`.
    """
    check_words(words)
    if {"-h", "--help"} & set(words):
        tyro.cli(kind, prog=prog, args=["--help"], description=_wrap(kind.__doc__ or ""))
    known = {flag.name: flag for flag in flags_of(kind)}
    _refuse_unknown(words, known, prog)
    _refuse_repeated(words, known)
    try:
        parsed = tyro.cli(kind, prog=prog, args=_normalise_booleans(words, known), add_help=False)
    except SystemExit:
        print(f"all flags: {prog} --help", file=sys.stderr)
        raise
    return paths.expand_paths(parsed)


def _wrap(text: str) -> str:
    """Wrap a docstring to the terminal's width; tyro joins lines that are not indented."""
    width = shutil.get_terminal_size().columns
    return textwrap.fill(" ".join(text.split()), width, subsequent_indent="  ")


def check_words(words: Sequence[str]) -> None:
    """Refuse long words and control characters, which tyro would print unchanged, and empty ones.

    Raises ConfigError.
    """
    flag = "command line"
    for word in words:
        if word.startswith("--") and word.strip("- "):
            flag = printable(word[2:].partition("=")[0][:40])
        has_controls = any(unicodedata.category(c) == "Cc" for c in word)
        if has_controls or not word.strip("- ") or len(word) > MAX_WORD_LENGTH:
            requirement = (
                f"must have at most {MAX_WORD_LENGTH} characters, no control characters, "
                "and not only dashes and spaces"
            )
            raise invalid(flag, word, requirement)
        if word.startswith("--") and word.find("=") == len(word) - 1:
            raise invalid(flag, word, "needs a value after the =", "give one or omit the flag")


def flags_of(kind: Any) -> Iterator[Flag]:
    """Yield the flags of a dataclass and of the dataclasses nested in it."""
    hints = get_type_hints(kind, include_extras=True)
    for f in dataclasses.fields(kind):
        types = set(_types_in(hints[f.name]))
        nested = [each for each in types if dataclasses.is_dataclass(each)]
        if nested:
            yield from flags_of(nested[0])
        else:
            yield Flag("--" + f.name.rstrip("_").replace("_", "-"), bool in types, tuple in types)


def _types_in(hint: Any) -> Iterator[Any]:
    """Yield every type that occurs in a type hint."""
    yield get_origin(hint) or hint
    if get_origin(hint) is Annotated:
        yield from _types_in(get_args(hint)[0])
    elif get_origin(hint) in (Union, UnionType, tuple):
        for each in get_args(hint):
            yield from _types_in(each)


def _refuse_unknown(words: Sequence[str], known: dict[str, Flag], prog: str) -> None:
    """Refuse unknown flags in one line; tyro would list every flag that is remotely similar."""
    for word in words:
        if not word.startswith("--") or _name(word, known) in known:
            continue
        name = word.partition("=")[0]
        names = [flag[2:].replace("-", "_") for flag in known]
        close = similar_names(name[2:].removeprefix("no-").replace("-", "_"), names)
        similar = " or ".join("--" + each.replace("_", "-") for each in close)
        hint = f"; did you mean {similar}?" if similar else "."
        raise ConfigError(f"unknown flag {printable(name)}{hint} All flags: {prog} --help")


def _name(word: str, known: dict[str, Flag]) -> str:
    """Return the flag that a word names: `--max-epochs` for `--max_epochs=20`."""
    name = word.partition("=")[0].replace("_", "-")
    positive = name.replace("--no-", "--", 1)
    return positive if positive in known and known[positive].is_boolean else name


def _normalise_booleans(words: Sequence[str], known: dict[str, Flag]) -> list[str]:
    """Rewrite boolean flags as tyro wants them: `--name True False` for an axis, else `--name`."""
    found: list[str] = []
    for word, following in itertools.pairwise([*words, "--"]):
        name = _name(word, known)
        flag = known.get(name) if word.startswith("--") else None
        negated = (
            flag is not None and flag.is_boolean and word.replace("_", "-").startswith("--no-")
        )
        if negated and ("=" in word or following in ("True", "False")):
            raise ConfigError(
                f"{printable(word)}: --no-{name[2:]} takes no value; give {name} False"
            )
        value = word.partition("=")[2] or str(not negated)
        if flag is None or not flag.is_boolean or value not in ("True", "False"):
            found.append(word)
        elif not flag.is_axis:
            found.append(name if value == "True" else name.replace("--", "--no-", 1))
        elif "=" in word or negated or following.startswith("--"):
            found += [name, value]
        else:
            found.append(name)  # the values follow
    return found


def flags_with_values(
    words: Sequence[str], known: dict[str, Flag]
) -> Iterator[tuple[str, list[str]]]:
    """Yield each flag of the command line with its values, in order; `--no-name` as `--name`."""
    starts = [i for i, word in enumerate(words) if word.startswith("--")]
    for start, end in itertools.pairwise([*starts, len(words)]):
        _, equals, value = words[start].partition("=")
        yield _name(words[start], known), [*([value] if equals else []), *words[start + 1 : end]]


def _refuse_repeated(words: Sequence[str], known: dict[str, Flag]) -> None:
    """Refuse a flag that is given twice; tyro would keep only the last one."""
    seen: dict[str, list[str]] = {}
    for name, values in flags_with_values(words, known):
        if name not in seen:
            seen[name] = values
            continue
        flag = known.get(name, Flag(name))
        fix = "give it once"
        if flag.is_boolean:
            both = f", or {name} True False for an axis of both" if flag.is_axis else ""
            fix = f"give {name} or {name.replace('--', '--no-', 1)}{both}"
        elif flag.is_axis:
            fix += f", with all its values: {name} {' '.join(map(quote, seen[name] + values))}"
        raise ConfigError(f"{printable(name)} is given twice; {fix}")
