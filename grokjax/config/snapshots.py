"""At which evaluations a snapshot of a member is kept."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from grokjax.config.config import Config
from grokjax.config.evaluations import evaluations, previous_evaluation
from grokjax.config.stopping import passes

PER_OCTAVE = 4
"""Log-spaced snapshots between an epoch and its double."""


def is_due(config: Config, epoch: int, metrics: Mapping[str, np.ndarray]) -> bool:
    """Return whether a snapshot is kept at an evaluation.

    The answer depends on the member, the epoch and its metrics alone, so a resumed run keeps the
    same snapshots.
    """
    every = config.snapshot_every
    if every is None:
        return False
    before = previous_evaluation(config, epoch)
    if config.snapshot_spacing == "log":
        return epoch == 0 or _log_spaced_due(epoch, every) > _log_spaced_due(before, every)
    if config.snapshot_spacing == "transition" and _in_transition(config, metrics):
        return True
    return epoch // every > before // every  # a multiple has come since the last evaluation


def _log_spaced_due(epoch: int, first: int) -> int:
    """Return how many log-spaced snapshots are due by an epoch; the first is due at `first`."""
    return 0 if epoch < first else 1 + math.floor(PER_OCTAVE * math.log2(epoch / first))


def _in_transition(config: Config, metrics: Mapping[str, np.ndarray]) -> bool:
    """Return whether the train split is learnt at this evaluation and the test split is not yet.

    One evaluation decides, not several in a row as for memorised and grokked. The test accuracy
    must be at least twice chance: a member that stays at chance would keep every evaluation. Where
    a loss decides, the test split must be closer to it than ten times, for the same reason.
    """
    if not passes(config, "train", metrics) or passes(config, "test", metrics):
        return False
    if config.learnt_loss is not None:
        return bool(metrics["test_loss"] <= 10 * config.learnt_loss)
    return bool(metrics["test_accuracy"] >= 2 / config.num_classes)


def expected_count(config: Config) -> int:
    """Estimate how many snapshots a member keeps.

    Those of the transition are taken to be a quarter of all evaluations.
    """
    if config.snapshot_every is None:
        return 0
    if config.snapshot_spacing == "log":
        return 1 + _log_spaced_due(config.max_epochs, config.snapshot_every)
    regular = config.max_epochs // config.snapshot_every + 1
    dense = len(evaluations(config, config.max_epochs)) // 4
    return regular + (dense if config.snapshot_spacing == "transition" else 0)
