"""Refuse to use JAX in a forked process whose parent had used it.

A fork copies memory and one thread. The threads of JAX and of tensorstore, which reads and
writes checkpoints, are gone in the child, and whoever hands them work waits for ever. A process
that was forked before JAX was used is whole, and so is one that was spawned.
"""

from __future__ import annotations

import os
import sys

_threads_started = False  # at the last fork, or because a checkpoint was opened
_lost_threads = False


def refuse() -> None:
    """Raises RuntimeError if this process was forked from one that had used JAX."""
    if _lost_threads:
        raise RuntimeError(
            "this process was forked from one that had used JAX, and would hang, because a fork "
            "copies no threads; start it with 'spawn', as in multiprocessing.get_context('spawn')"
        )


def note_threads() -> None:
    """Notes that from now on this process has threads which a fork would lose."""
    global _threads_started
    _threads_started = True


def _jax_is_used() -> bool:
    bridge = sys.modules.get("jax._src.xla_bridge")  # there is no public way to ask
    return bridge is not None and bridge.backends_are_initialized()


def _before() -> None:
    if _jax_is_used():
        note_threads()


def _after_in_child() -> None:
    global _lost_threads
    _lost_threads = _threads_started


def watch() -> None:
    """Notices the forks of this process from now on, and one that came before.

    JAX in use has a dozen threads; a process with JAX in use and one thread was forked.
    """
    global _lost_threads
    os.register_at_fork(before=_before, after_in_child=_after_in_child)
    tasks = "/proc/self/task"  # of Linux
    if _jax_is_used() and os.path.isdir(tasks):
        _lost_threads = len(os.listdir(tasks)) == 1
