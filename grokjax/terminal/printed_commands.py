"""Format command lines to print, such that each runs as shown in the user's shell."""

from __future__ import annotations

import contextlib
import os
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

_script_words: list[str] = []
"""The command line that restarts this process's experiment script, or empty without one."""

_imported: list[str] = []
"""Files with the user's own tasks, models, rules and metrics, which further commands need."""

_shell_preferred = False
"""Whether a command or an experiment script is running, and not the user's own program."""


def format_command(*words: str | Path) -> str:
    """Return the line that runs grokjax with these words, as in `format_command("info", path)`.

    It begins with `grokjax` as it was typed, if this process was started that way, and
    otherwise with `python -m grokjax`. A `Path` that begins with a dash gets `./`, so that it
    is not read as a flag.
    """
    return " ".join(map(quote, [*grokjax_words(), *map(_path_text, words)]))


def format_resume_command(directory: str | Path, restartable: bool = False) -> str:
    """Return how to resume a run.

    For a command this is `grokjax resume`, for an experiment script its own command line, and
    at a prompt or in a notebook a Python call. For another Python program it is the program's
    command line if that would resume the run (`restartable`), or else the call and the command.
    """
    typed = format_run_command("resume", directory)
    if _shell_preferred:
        return " ".join(map(quote, _script_words)) or typed
    call = f"grokjax.resume({str(directory)!r})"
    if hasattr(sys, "ps1"):
        return call
    return (restartable and _program_command()) or f"{call} in Python, or: {typed}"


def format_run_command(name: str, directory: str | Path) -> str:
    """Return the line that runs a command on a run, with the files that this process imported."""
    imports = ["--import", *_imported] if _imported else []
    return format_command(name, Path(directory), *imports)


@contextlib.contextmanager
def prefer_shell_commands() -> Iterator[None]:
    """Within this context, `format_resume_command` returns a shell command."""
    global _shell_preferred
    before, _shell_preferred = _shell_preferred, True
    try:
        yield
    finally:
        _shell_preferred = before


def _program_command() -> str:
    """Return the line that restarts this program; empty for a worker or without a file."""
    import multiprocessing

    file = getattr(sys.modules["__main__"], "__file__", None)
    if file is None or multiprocessing.parent_process() is not None:
        return ""
    return " ".join(map(quote, [python_command(), *sys.orig_argv[1:]]))


def forget_imports() -> None:
    """Leave out the files that were recorded so far."""
    _imported.clear()


def record_import(file: str) -> None:
    """Record that commands on this process's run need `--import` of this file."""
    if file not in _imported:
        _imported.append(file)


def record_script() -> None:
    """Record that this process is a script that, when restarted, resumes its own run."""
    _script_words[:] = [python_command(), *sys.argv]


def script_command() -> str:
    """Return the line that starts this script, without its flags."""
    return " ".join(map(quote, [python_command(), sys.argv[0]]))


def grokjax_words() -> list[str]:
    """Return the words that start grokjax."""
    typed = sys.argv[0]
    if Path(typed).name != "grokjax" or not os.access(typed, os.X_OK) or Path(typed).is_dir():
        return [python_command(), "-m", "grokjax"]
    if _which("grokjax") == os.path.abspath(typed):
        return ["grokjax"]
    return [typed if os.sep in typed else f"./{typed}"]


def python_command() -> str:
    """Return the running interpreter, by its name alone if the shell finds it so."""
    name = os.path.basename(sys.executable)
    return name if _which(name) == sys.executable else sys.executable


def _which(name: str) -> str:
    """Return where the shell finds a command; links are kept, as an environment's Python is one."""
    return os.path.abspath(shutil.which(name) or "")


def _path_text(word: str | Path) -> str:
    return f"./{word}" if isinstance(word, Path) and str(word).startswith("-") else str(word)


def quote(word: str) -> str:
    """Quote a word for the shell; if it cannot be printed here, as bytes in octal."""
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
