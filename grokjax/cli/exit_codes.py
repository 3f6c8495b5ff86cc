"""How commands and experiment scripts end: one line on stderr and an exit code."""

from __future__ import annotations

import io
import os
import sys
import time
import traceback
import warnings
from collections.abc import Callable

from grokjax.errors import ConfigError, DamagedRun, Interrupted
from grokjax.runtime import signals
from grokjax.terminal import printed_commands, tolerant_output

MAX_MESSAGE_LENGTH = 1000
"""Characters of a line on stderr."""


def exit_code_of(action: Callable[[], None]) -> int:
    """Run `action` and return the exit code; an error is printed as one line on stderr."""
    for stream in (sys.stdout, sys.stderr):  # the locale may lack characters of a path
        if isinstance(stream, io.TextIOWrapper) and not stream.closed:
            stream.reconfigure(errors="backslashreplace")
    with (
        tolerant_output.tolerate_output_errors() as stdout,
        warnings.catch_warnings(),
        signals.handle_signals(signals.exit_at_once),
        printed_commands.prefer_shell_commands(),
    ):
        warnings.showwarning = print_warning
        return _run(action) or _code_of_output(stdout)


def _run(action: Callable[[], None]) -> int:
    try:
        action()
    except (ConfigError, FileNotFoundError) as error:
        return _end_process(print_message(error, 2))
    except Interrupted as stop:
        print_message(stop.what, 0)
        print(f"resume with: {stop.resume_command}", file=sys.stderr, flush=True)
        return _end_process(128 + stop.signum)
    except SystemExit as end:  # --help exits with 0, and its output still has to be checked
        if end.code:
            raise
    except (DamagedRun, MemoryError, OSError, RuntimeError) as error:
        return _end_process(print_message(error, 1))
    except Exception:
        if not is_multiprocess():
            raise
        traceback.print_exc()
        return _end_process(1)
    return 0


def _code_of_output(stdout: tolerant_output.TolerantStream) -> int:
    """Return 1 if the results of the command were printed and could not be written, else 0."""
    stdout.flush()
    if stdout.error is None or (stdout.stream is None and stdout.optional):
        return 0
    if isinstance(stdout.error, BrokenPipeError):  # such as `| head`: no message is needed
        return 0 if stdout.optional else 1
    reason = f"stdout could not be written ({stdout.error})"
    if stdout.optional:
        return print_message(f"warning: {reason}; the run is saved", 0)
    return print_message(reason, 1)


def is_multiprocess() -> bool:
    """Whether other processes train with this one; does not import JAX."""
    jax = sys.modules.get("jax")
    return jax is not None and jax.distributed.is_initialized()


def _end_process(code: int) -> int:
    """Return `code`, or exit at once if this is one of several processes.

    An orderly exit would wait for the other processes.
    """
    if is_multiprocess():
        from grokjax.runtime import processes

        if processes.is_first():
            time.sleep(1)  # JAX aborts the other processes when this one ends: let them print
        sys.stdout.flush()
        os._exit(code)
    return code


def print_warning(message: Warning | str, *_: object) -> None:
    """Print a warning in one line; replaces `warnings.showwarning`, which prints its place too."""
    print_message(f"warning: {message}", 0)


def print_message(message: object, code: int) -> int:
    """Print `message` as one line on stderr and return `code`."""
    spaced = "".join(" " if c in "\t\n\r" else c for c in str(message).strip())
    line = "".join(c for c in spaced if c.isprintable())  # keeps repeated spaces in paths
    print(f"grokjax: {line[:MAX_MESSAGE_LENGTH]}", file=sys.stderr, flush=True)
    return code
