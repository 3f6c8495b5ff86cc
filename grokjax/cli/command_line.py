"""Check the words of a command line, refuse what tyro would misread, and parse the rest."""

from __future__ import annotations

import contextlib
import io
import shutil
import textwrap
import unicodedata
from collections.abc import Sequence
from typing import TypeVar

import tyro

from grokjax.cli.known_flags import (
    Flag,
    check_values,
    flag_of_word,
    flags_of,
    given_flags,
    words_before_flags,
)
from grokjax.errors import ConfigError, invalid, printable, similar_names
from grokjax.optim.intervention import INTERVENTIONS
from grokjax.runtime import paths
from grokjax.terminal.printed_commands import quote

MAX_WORD_LENGTH = 1000

Parsed = TypeVar("Parsed")


def parse(kind: type[Parsed], words: Sequence[str], prog: str) -> Parsed:
    """Parse a command line into an instance of `kind`, a dataclass that tyro understands.

    Raises:
      ConfigError: the words cannot be parsed, or tyro would misread them.
      SystemExit: with code 0 after `--help`.
    """
    check_words(words)
    if {"-h", "--help"} & set(words):
        tyro.cli(kind, prog=prog, args=["--help"], description=_wrap(kind.__doc__ or ""))
    known = {flag.name: flag for flag in flags_of(kind)}
    _refuse_unknown(words, known, prog)
    _refuse_repeated(words, known)
    check_values(words, known, prog)
    plain = _normalise_booleans(words, known)
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            parsed = tyro.cli(kind, prog=prog, args=plain, add_help=False)
    except SystemExit:
        plain_text = "".join(" " if c in "╭╮╰╯│─" else c for c in said.getvalue())
        text = printable(" ".join(plain_text.split()))
        raise ConfigError(f"command line: {text}; see {prog} --help") from None
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


def _refuse_unknown(words: Sequence[str], known: dict[str, Flag], prog: str) -> None:
    """Refuse unknown flags in one line; tyro would list every flag that is remotely similar."""
    known = {name: flag for name, flag in known.items() if not flag.is_positional}
    for word in words:
        if not word.startswith("--") or flag_of_word(word, known) in known:
            continue
        name = word.partition("=")[0]
        names = [flag[2:].replace("-", "_") for flag in known]
        close = similar_names(name[2:].removeprefix("no-").replace("-", "_"), names)
        similar = " or ".join("--" + each.replace("_", "-") for each in close)
        hint = f"; did you mean {similar}?" if similar else "."
        if needs := INTERVENTIONS.needed_for(name[2:].replace("-", "_")):
            hint = f"; {needs.replace('interventions', '--interventions')}."
        raise ConfigError(f"unknown flag {printable(name)}{hint} All flags: {prog} --help")


def _normalise_booleans(words: Sequence[str], known: dict[str, Flag]) -> list[str]:
    """Rewrite boolean flags as tyro wants them: `--name True False` for an axis, else `--name`.

    Words after a flag's only value go before all flags: they are further positional words.
    """
    free, found = words_before_flags(words), list[str]()
    for each in given_flags(words, known):
        flag, values = known[each.name], each.values
        if not flag.is_boolean:
            further = 0 if flag.is_axis else max(0, len(values) - 1)
            free += values[len(values) - further :]
            found += each.words[: len(each.words) - further]
            continue
        is_given = bool(values) and (each.has_equals or values[0] in ("True", "False"))
        if each.is_negated and is_given:
            raise ConfigError(
                f"{printable(each.words[0])}: --no-{flag.name[2:]} takes no value; "
                f"give {flag.name} False"
            )
        if flag.is_axis:
            found += [flag.name, *(values or [str(not each.is_negated)])]
            continue
        is_true = values[0] == "True" if is_given else not each.is_negated
        found.append(flag.name if is_true else flag.name.replace("--", "--no-", 1))
        found += values[is_given:]
    return [*free, *found]


def _refuse_repeated(words: Sequence[str], known: dict[str, Flag]) -> None:
    """Refuse a flag that is given twice; tyro would keep only the last one."""
    seen: dict[str, list[str]] = {}
    for name, values, _ in given_flags(words, known):
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
