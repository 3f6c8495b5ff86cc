"""Pages to read: how grokjax works, and how common tasks are done.

`concepts` explains the words, the engine and the promises; `runs` the run directory, resuming,
snapshots, branches and interventions; `analysis` what is computed from runs; `own_pieces` a task,
a network, a rule or a metric of your own; `hosts` several processes, Slurm and requeue; `settings`
every setting; `cookbook` has code to paste for common tasks. In Python, `help(grokjax.guide.runs)`
shows a page; `make docs` builds all of them, with the reference, into `site/`.
"""

from grokjax.guide import analysis, concepts, cookbook, hosts, own_pieces, runs, settings

__all__ = ["analysis", "concepts", "cookbook", "hosts", "own_pieces", "runs", "settings"]
