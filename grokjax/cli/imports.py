"""Import the files given to `--import`, which define tasks, models, rules and metrics."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from collections.abc import Collection
from pathlib import Path
from types import ModuleType
from typing import Any

from grokjax.errors import ConfigError, printable
from grokjax.runtime import paths
from grokjax.settings.registry import importing_file
from grokjax.terminal import printed_commands

_metrics: dict[str, Any] = {}
"""Metrics that the imported files define, by name."""


def forget_files() -> None:
    """Forget the files that an earlier command of this process imported."""
    _metrics.clear()
    printed_commands.forget_imports()


def import_file(file: str) -> None:
    """Import a Python file; its decorators register what it defines.

    The file can import modules beside it, as a script can.

    Raises ConfigError, in one line, if it cannot be imported.
    """
    path = paths.parse_path("import", file)
    if path.suffix != ".py" or not _is_file(path):
        raise ConfigError(f"import must be a Python file that exists, got {printable(file)!r}")
    name, path = path.stem, path.resolve()
    if _is_taken(name, path):
        raise ConfigError(f"import: {printable(file)} has the name of another module; rename it")
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    if str(path.parent) not in sys.path:
        sys.path.append(str(path.parent))
    before, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    sys.modules[name] = module
    try:
        with importing_file():
            spec.loader.exec_module(module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # whatever the file raises, `sys.exit()` included
        raise _failure(file, path, error) from error
    finally:
        sys.dont_write_bytecode = before
    defined = sys.modules.get("grokjax.metrics.metric")  # JAX is not loaded without one
    for metric in () if defined is None else defined.REGISTERED.values():
        if metric.source["module"] == name:
            _metrics[metric.name] = metric
    printed_commands.record_import(file)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name that is too long, a folder that cannot be read
        return False


def _is_taken(name: str, path: Path) -> bool:
    """Whether this name belongs to a module other than the file at `path`."""
    known: ModuleType | None = sys.modules.get(name)
    if known is not None:
        return Path(getattr(known, "__file__", None) or "").resolve() != path
    spec = None if "." in name else importlib.util.find_spec(name)
    return spec is not None and spec.origin is not None and Path(spec.origin).resolve() != path


def _failure(file: str, path: Path, error: BaseException) -> ConfigError:
    """Return a one-line error that says where the user's file failed."""
    if isinstance(error, ConfigError):
        return ConfigError(f"import {printable(file)}: {error}")
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.lineno for frame in frames if frame.filename == str(path)]
    where = f" in line {lines[-1]}" if lines else ""
    reason = printable(" ".join(str(error).split()))
    return ConfigError(
        f"import: {printable(file)} failed{where} ({type(error).__name__}: {reason})"
    )


def metrics(recorded: Collection[str] | None = None) -> tuple[Any, ...]:
    """Return the metrics that the imported files define.

    recorded: names of the metrics that a run records, to return only those; None: all.
    """
    return tuple(each for name, each in _metrics.items() if recorded is None or name in recorded)
