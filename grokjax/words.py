"""The words of a command line: what tyro would misread is refused in one line, the rest parsed."""

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

from grokjax import paths
from grokjax.commands import quoted
from grokjax.settings import ConfigError, alike, refuse, shown

MOST = 1000
"""Characters of a word."""

Parsed = TypeVar("Parsed")


@dataclass(frozen=True)
class Flag:
    """A flag of a command: `--name`, or `--no-name` too if it is `boolean`."""

    name: str
    boolean: bool = False
    several: bool = False  # takes any number of values, which make an axis


def parse(kind: type[Parsed], words: Sequence[str], prog: str) -> Parsed:
    """The command's arguments as an instance of `kind`, a dataclass that tyro understands.

    Raises ConfigError where the parser would take the words for something else
    than they say, SystemExit(2) with its own message where they are refused by it.
    """
    check(words)
    if {"-h", "--help"} & set(words):
        tyro.cli(kind, prog=prog, args=["--help"], description=_wrapped(kind.__doc__ or ""))
    known = {flag.name: flag for flag in flags_of(kind)}
    _refuse_unknown(words, known, prog)
    _refuse_repeated(words, known)
    try:
        parsed = tyro.cli(kind, prog=prog, args=_booleans(words, known), add_help=False)
    except SystemExit:
        print(f"all flags: {prog} --help", file=sys.stderr)
        raise
    return paths.expanded(parsed)


def _wrapped(text: str) -> str:
    """A docstring as wide as the terminal; the parser joins lines that are not indented."""
    width = shutil.get_terminal_size().columns
    return textwrap.fill(" ".join(text.split()), width, subsequent_indent="  ")


def check(words: Sequence[str]) -> None:
    """Refuses what the parser would repeat in full and as it is, to a terminal."""
    flag = "command line"
    for word in words:
        if word.startswith("--") and word.strip("- "):
            flag = shown(word[2:].partition("=")[0][:40])
        controls = any(unicodedata.category(c) == "Cc" for c in word)
        if controls or not word.strip("- ") or len(word) > MOST:
            allowed = (
                f"at most {MOST} characters, no control characters, not only dashes and spaces"
            )
            raise refuse(flag, word, allowed)
        if word.startswith("--") and word.find("=") == len(word) - 1:
            raise refuse(flag, word, "give a value after the =, or leave the flag out")


def flags_of(kind: Any) -> Iterator[Flag]:
    """The flags of a dataclass and of the dataclasses in it."""
    hints = get_type_hints(kind, include_extras=True)
    for f in dataclasses.fields(kind):
        types = set(_parts(hints[f.name]))
        nested = [each for each in types if dataclasses.is_dataclass(each)]
        if nested:
            yield from flags_of(nested[0])
        else:
            yield Flag("--" + f.name.replace("_", "-"), bool in types, tuple in types)


def _parts(hint: Any) -> Iterator[Any]:
    """All types that a hint is made of."""
    yield get_origin(hint) or hint
    if get_origin(hint) is Annotated:
        yield from _parts(get_args(hint)[0])
    elif get_origin(hint) in (Union, UnionType, tuple):
        for each in get_args(hint):
            yield from _parts(each)


def _refuse_unknown(words: Sequence[str], known: dict[str, Flag], prog: str) -> None:
    """The parser would answer with a box of all that is remotely alike."""
    for word in words:
        if not word.startswith("--") or _name(word, known) in known:
            continue
        name = word.partition("=")[0]
        names = [flag[2:].replace("-", "_") for flag in known]
        close = alike(name[2:].removeprefix("no-").replace("-", "_"), names)
        did = " or ".join("--" + each.replace("_", "-") for each in close)
        did = f"; did you mean {did}?" if did else "."
        raise ConfigError(f"{shown(name)}: there is no such flag{did} All flags: {prog} --help")


def _name(word: str, known: dict[str, Flag]) -> str:
    """The name of the flag that a word is: `--max-epochs` for `--max_epochs=20`."""
    name = word.partition("=")[0].replace("_", "-")
    positive = name.replace("--no-", "--", 1)
    return positive if positive in known and known[positive].boolean else name


def _booleans(words: Sequence[str], known: dict[str, Flag]) -> list[str]:
    """The words, booleans in the parser's form: `--name True False` of an axis, else `--name`."""
    found: list[str] = []
    for word, after in itertools.pairwise([*words, "--"]):
        name = _name(word, known)
        flag = known.get(name) if word.startswith("--") else None
        no = flag is not None and flag.boolean and word.replace("_", "-").startswith("--no-")
        if no and ("=" in word or after in ("True", "False")):
            raise ConfigError(f"{shown(word)}: --no-{name[2:]} takes no value; give {name} False")
        value = word.partition("=")[2] or str(not no)
        if flag is None or not flag.boolean or value not in ("True", "False"):
            found.append(word)
        elif not flag.several:
            found.append(name if value == "True" else name.replace("--", "--no-", 1))
        elif "=" in word or no or after.startswith("--"):
            found += [name, value]
        else:
            found.append(name)  # the values follow
    return found


def _given(words: Sequence[str], flags: dict[str, Flag]) -> Iterator[tuple[str, list[str]]]:
    """Every flag among the words with its values, in their order; `--no-name` as `--name`."""
    name, values = "", []
    for word in words:
        if not word.startswith("--"):
            values.append(word)
            continue
        if name:
            yield name, values
        name = _name(word, flags)
        values = [word.partition("=")[2]] if "=" in word else []
    if name:
        yield name, values


def _refuse_repeated(words: Sequence[str], flags: dict[str, Flag]) -> None:
    """The parser would keep only the last of them."""
    seen: dict[str, list[str]] = {}
    for name, values in _given(words, flags):
        if name not in seen:
            seen[name] = values
            continue
        flag = flags.get(name, Flag(name))
        once = "give it once"
        if flag.boolean:
            both = f", or for an axis of both {name} True False" if flag.several else ""
            once = f"give {name} or {name.replace('--', '--no-', 1)}{both}"
        elif flag.several:
            once += f", with all its values: {name} {' '.join(map(quoted, seen[name] + values))}"
        raise ConfigError(f"{shown(name[2:].replace('-', '_'))}: {name} is given twice; {once}")
