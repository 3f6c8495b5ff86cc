"""Command lines to print: each runs as it stands in the shell that started this process."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

_script: list[str] = []
"""The words that start the experiment script of this process again; empty without one."""

_in_shell = False
"""Whether a command or an experiment script is carried out, and not a program of the user's."""


def command(*words: str | Path) -> str:
    """The line that starts this grokjax with these words, as `command("resume", directory)`.

    It begins with `grokjax` as it was typed, where that is how this process was
    started, and else with `python -m grokjax` of the interpreter in use. A `Path`
    that begins with a dash gets `./` before it, so that it is not read as a flag.
    """
    return " ".join(map(quoted, [*program(), *map(_text, words)]))


def go_on(directory: str | Path, again: bool = False) -> str:
    """How to go on with a run.

    From a command it is `grokjax resume`, from an experiment script the script's own line, at
    a prompt or in a notebook a call. For another Python program it is the line that starts
    it again, if it would then go on (`again`), or else the command beside the call.
    """
    typed = command("resume", Path(directory))
    if _in_shell:
        return " ".join(map(quoted, _script)) or typed
    call = f"grokjax.resume({str(directory)!r})"
    if hasattr(sys, "ps1"):
        return call
    return (again and _this_program()) or f"{call} in Python, or: {typed}"


@contextlib.contextmanager
def in_shell() -> Iterator[None]:
    """While entered, what goes on with a run is a line for the shell."""
    global _in_shell
    before, _in_shell = _in_shell, True
    try:
        yield
    finally:
        _in_shell = before


def _this_program() -> str:
    """The line that starts this Python program again; empty for a worker, or without a file."""
    import multiprocessing

    file = getattr(sys.modules["__main__"], "__file__", None)
    if file is None or multiprocessing.parent_process() is not None:
        return ""
    return " ".join(map(quoted, [python(), *sys.orig_argv[1:]]))


def started_by_script() -> None:
    """Notes that this process is a script which, started again, goes on with its own run."""
    _script[:] = [python(), *sys.argv]


def script() -> str:
    """The line that starts this script, before its flags."""
    return " ".join(map(quoted, [python(), sys.argv[0]]))


def program() -> list[str]:
    """The words that start grokjax."""
    typed = sys.argv[0]
    if Path(typed).name != "grokjax" or not os.access(typed, os.X_OK) or Path(typed).is_dir():
        return [python(), "-m", "grokjax"]
    if _found("grokjax") == os.path.abspath(typed):
        return ["grokjax"]
    return [typed if os.sep in typed else f"./{typed}"]


def python() -> str:
    """The interpreter in use, by its name where the shell finds it by that."""
    name = os.path.basename(sys.executable)
    return name if _found(name) == sys.executable else sys.executable


def _found(name: str) -> str:
    """Where the shell finds a command, links not followed: an environment's Python is a link."""
    return os.path.abspath(shutil.which(name) or "")


def _text(word: str | Path) -> str:
    return f"./{word}" if isinstance(word, Path) and str(word).startswith("-") else str(word)


def quoted(word: str) -> str:
    """A word for the shell; what cannot be printed, or not in this locale, as bytes in octal."""
    try:
        word.encode(getattr(sys.stderr, "encoding", None) or "ascii")
    except UnicodeEncodeError:
        printable = False
    else:
        printable = word.isprintable()
    if printable:
        return shlex.quote(word)
    bytes_ = os.fsencode(word)
    kept = (chr(b) if 32 <= b < 127 and chr(b) not in "'\\" else f"\\{b:03o}" for b in bytes_)
    return f"$'{''.join(kept)}'"
