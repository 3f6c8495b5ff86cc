"""Every exception that grokjax raises, and the wording of its messages."""

from __future__ import annotations

import difflib
import signal
from collections.abc import Iterable


class ConfigError(ValueError):
    """A setting or argument has a value that cannot be used.

    The message is one line with the name, the value and what it must be.

    Example:
      >>> import grokjax
      >>> grokjax.Config(learning_rate=-1)
      Traceback (most recent call last):
      grokjax.errors.ConfigError: learning_rate must be at least 0, got -1
    """


MAX_SHOWN = 200
"""Characters of a user's text that a message shows."""


def invalid(name: str, value: object, requirement: str, fix: str = "") -> ConfigError:
    """Return the error for a value that cannot be used; the caller raises it.

    The message is `learning_rate must be at least 0, got -1.0; FIX`.

    Args:
      name: the setting or argument.
      value: what was given.
      requirement: what the value must be, beginning with a verb: `must be at least 0`.
      fix: what to do instead, where the requirement does not say so.
    """
    text = f"{name} {requirement}, got {printable(repr(value))}"
    return ConfigError(f"{text}; {fix}" if fix else text)


def suggest(name: object, names: Iterable[str]) -> str:
    """Return `did you mean X?`, or a list of all names if none is similar to `name`."""
    known = list(names)
    close = similar_names(name, known)
    return f"did you mean {' or '.join(close)}?" if close else f"one of {', '.join(known)}"


def similar_names(name: object, names: Iterable[str]) -> list[str]:
    """Return the names that match by initials (lr, wd), by spelling, or by one of their words."""
    text, known = name[:MAX_SHOWN].lower() if isinstance(name, str) else "", list(names)
    close = [n for n in known if "".join(word[:1] for word in n.split("_")) == text]
    close = close or difflib.get_close_matches(text, known, n=2, cutoff=0.7)
    return close or [n for n in known if text in n.split("_")]


def printable(text: object) -> str:
    """Return a user's text on one line, shortened, with control characters escaped."""
    short = str(text)[:MAX_SHOWN]
    plain = "".join(c if c.isprintable() else repr(c)[1:-1] for c in short)
    return plain + ("..." if len(str(text)) > MAX_SHOWN else "")


def reason(error: Exception) -> str:
    """Return the kind and the message of an error that a user's code raised, on one line."""
    text = printable(" ".join(without_note(error).split()))
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def without_note(error: Exception) -> str:
    """Return the message of an error without the note on tracebacks that JAX adds to it."""
    return str(error).split("\n---")[0]


class DamagedRun(RuntimeError):
    """A run directory cannot be read; the message is one line.

    Example:
      >>> from pathlib import Path
      >>> import grokjax
      >>> Path("runs/damaged").mkdir()
      >>> Path("runs/damaged/config.json").write_text("{")
      1
      >>> grokjax.load("runs/damaged")  # doctest: +ELLIPSIS
      Traceback (most recent call last):
      grokjax.errors.DamagedRun: runs/damaged/config.json: cannot be read (...)
    """


class OutOfMemory(RuntimeError):
    """The devices do not have enough memory for this many lanes."""


class LostProcess(RuntimeError):
    """Another process of this run has ended."""


class Interrupted(KeyboardInterrupt):
    """A signal stopped training after everything was saved; the message says how to resume.

    Attributes:
      signum: the signal.
      directory: the run.
      resume_command: the command or Python call that resumes the run.

    Example:
      >>> stop = Interrupted(15, "runs/mine", "grokjax resume runs/mine")
      >>> print(stop)
      stopped by SIGTERM; saved in runs/mine; resume with: grokjax resume runs/mine
    """

    def __init__(self, signum: int, directory: str, resume_command: str) -> None:
        super().__init__(signum, directory, resume_command)  # pickling needs all arguments
        self.signum, self.directory, self.resume_command = signum, directory, resume_command

    @property
    def what(self) -> str:
        return f"stopped by {signal.Signals(self.signum).name}; saved in {self.directory}"

    def __str__(self) -> str:
        return f"{self.what}; resume with: {self.resume_command}"

    def _render_traceback_(self) -> list[str]:
        """Return what IPython and Jupyter show instead of a traceback."""
        return [f"grokjax: {self}"]
