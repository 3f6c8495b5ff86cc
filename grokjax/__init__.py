"""grokjax: ensembles of small networks, trained in one compiled program.

Letters used throughout: M members, L lanes, P modulus, N examples,
B batch, D embedding, H hidden, T logged evaluations.

Importing this is cheap: JAX and the rest come with the first use of a name.

What is not in this package itself:

- `grokjax.guide`: pages to read: concepts, a cookbook, every setting, runs, analysis, hosts
- `grokjax.config`: settings, sweeps, hyperparameters
- `grokjax.results`: a run directory as a `Run`: members, history, parameters
- `grokjax.analysis`: times, circles, spectra, neurons, progress measures, circuits, phases
- `grokjax.plots`: figures
- `grokjax.recipes`: papers' systems by name
- `grokjax.interop`: weights in and out, and other libraries
- `grokjax.tasks`, `grokjax.models`, `grokjax.optim`, `grokjax.metrics`: what there is to train,
  and how
- `grokjax.errors`: every exception
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from grokjax.config.config import Config
from grokjax.config.sweep import Sweep
from grokjax.errors import ConfigError
from grokjax.runtime import forking

forking.track_forks()

if TYPE_CHECKING:
    from grokjax.errors import DamagedRun, Interrupted
    from grokjax.metrics.metric import metric
    from grokjax.models.model import model
    from grokjax.optim.intervention import intervention
    from grokjax.optim.rule import rule
    from grokjax.results.run import Run, load
    from grokjax.results.runs import concat
    from grokjax.tasks.dataset import Dataset
    from grokjax.tasks.task import task
    from grokjax.training.api import resume, train
    from grokjax.training.branching import branch
    from grokjax.training.merging import merge

_LAZY = {
    "train": "training.api",
    "resume": "training.api",
    "branch": "training.branching",
    "merge": "training.merging",
    "load": "results.run",
    "concat": "results.runs",
    "Run": "results.run",
    "DamagedRun": "errors",
    "Interrupted": "errors",
    "Dataset": "tasks.dataset",
    "task": "tasks.task",
    "model": "models.model",
    "rule": "optim.rule",
    "intervention": "optim.intervention",
    "metric": "metrics.metric",
}

__all__ = [
    "Config",
    "ConfigError",
    "DamagedRun",
    "Dataset",
    "Interrupted",
    "Run",
    "Sweep",
    "branch",
    "concat",
    "intervention",
    "load",
    "merge",
    "metric",
    "model",
    "resume",
    "rule",
    "task",
    "train",
]


_PACKAGES = ("analysis", "guide", "interop", "plots", "recipes", "report")
"""What `import grokjax` gives by name besides, such as `grokjax.recipes.get("notebook")`."""


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_PACKAGES})


def __getattr__(name: str) -> Any:
    import importlib

    if name in _LAZY:
        return getattr(importlib.import_module(f"grokjax.{_LAZY[name]}"), name)
    if name in _PACKAGES:
        return importlib.import_module(f"grokjax.{name}")
    raise AttributeError(f"module 'grokjax' has no attribute {name!r}")
