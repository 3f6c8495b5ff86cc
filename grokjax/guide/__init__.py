"""Pages to read: how grokjax works, and how common tasks are done.

`concepts` explains the words, the engine and the promises; `runs` the run directory, resuming,
snapshots, branches and interventions; `analysis` what is computed from runs; `own_pieces` a task,
a network, a rule or a metric of your own; `hosts` several processes, Slurm and requeue; `settings`
every setting; `cookbook` has code to paste for common tasks. In Python, `help(grokjax.guide.runs)`
shows a page; `make docs` builds all of them, with the reference, into `site/`.
"""

from __future__ import annotations

import importlib
from types import ModuleType

PAGES = ("analysis", "concepts", "cookbook", "hosts", "own_pieces", "runs")


def __getattr__(name: str) -> ModuleType:
    if name in PAGES:
        return importlib.import_module(f"grokjax.guide.{name}")
    raise AttributeError(f"module 'grokjax.guide' has no attribute {name!r}")
