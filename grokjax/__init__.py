"""grokjax: ensembles of small networks on algorithmic tasks, in one compiled program.

Letters used throughout: M members, L lanes, P modulus, N training pairs,
B batch, D embedding, H hidden, T logged evaluations.

Importing this is cheap: JAX and the rest come with the first use of a name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grokjax import forking
from grokjax.config import Config
from grokjax.settings import ConfigError
from grokjax.sweep import Sweep

forking.watch()

if TYPE_CHECKING:
    from grokjax.ensemble import resume, train
    from grokjax.files import DamagedRun
    from grokjax.interrupt import Interrupted
    from grokjax.run import Run, load

_LAZY = {
    "train": "ensemble",
    "resume": "ensemble",
    "load": "run",
    "Run": "run",
    "DamagedRun": "files",
    "Interrupted": "interrupt",
}

__all__ = [
    "Config",
    "ConfigError",
    "DamagedRun",
    "Interrupted",
    "Run",
    "Sweep",
    "load",
    "resume",
    "train",
]


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        import importlib

        return getattr(importlib.import_module(f"grokjax.{_LAZY[name]}"), name)
    raise AttributeError(f"module 'grokjax' has no attribute {name!r}")
