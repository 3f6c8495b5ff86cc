"""Refuse to use JAX in a process that was forked after its parent had used JAX.

This guards against a known deadlock, of which JAX itself only warns: a fork copies one thread,
and work given to the missing threads of JAX, or of tensorstore in checkpoints
(google/tensorstore#206), waits forever. Spawning, or forking before JAX is used, is safe.
"""

from __future__ import annotations

import os
import sys

_threads_started = False  # as of the last fork, or since a checkpoint was opened
_lost_threads = False


def check_not_forked() -> None:
    """Raise RuntimeError if this process was forked from one that had used JAX."""
    if _lost_threads:
        raise RuntimeError(
            "this process was forked from one that had used JAX, and would hang, because a fork "
            "copies no threads; start it with 'spawn', as in multiprocessing.get_context('spawn')"
        )


def mark_threads_started() -> None:
    """Record that this process now has threads that a fork would lose."""
    global _threads_started
    _threads_started = True


def _jax_is_used() -> bool:
    bridge = sys.modules.get("jax._src.xla_bridge")  # JAX has no public way to ask
    return bridge is not None and bridge.backends_are_initialized()


def _before_fork() -> None:
    if _jax_is_used():
        mark_threads_started()


def _after_fork_in_child() -> None:
    global _lost_threads
    _lost_threads = _threads_started


def track_forks() -> None:
    """Detect forks of this process from now on, and a fork that happened before this import.

    JAX in use has a dozen threads, so a process with JAX in use and one thread was forked.
    """
    global _lost_threads
    os.register_at_fork(before=_before_fork, after_in_child=_after_fork_in_child)
    tasks = "/proc/self/task"  # Linux only
    if _jax_is_used() and os.path.isdir(tasks):
        _lost_threads = len(os.listdir(tasks)) == 1
