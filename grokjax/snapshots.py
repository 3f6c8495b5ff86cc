"""Which embeddings are kept while a member trains."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from grokjax.config import Config
from grokjax.stopping import THRESHOLD

PER_OCTAVE = 4
"""Snapshots from an epoch to its double, where they are log-spaced."""


def wanted(config: Config, epoch: int, metrics: Mapping[str, np.ndarray]) -> bool:
    """Whether to keep the embedding of an evaluation.

    A function of the member, the epoch and its metrics alone, so a resumed run
    keeps the same ones.
    """
    every = config.snapshot_every
    if every is None:
        return False
    if config.snapshot_spacing == "log":
        return epoch == 0 or _step(epoch, every) > _step(epoch - config.eval_every, every)
    if config.snapshot_spacing == "transition" and _between(config, metrics):
        return True
    return epoch % every == 0


def _step(epoch: int, first: int) -> int:
    """How many log-spaced snapshots are due by an epoch, the first at `first`."""
    return 0 if epoch < first else 1 + math.floor(PER_OCTAVE * math.log2(epoch / first))


def _between(config: Config, metrics: Mapping[str, np.ndarray]) -> bool:
    """Whether this evaluation has the train split at 0.99 and the test split on its way there.

    One evaluation decides, not several in a row as for memorised and grokked. A member
    whose test accuracy stays at chance would keep every evaluation, hence the lower limit
    of twice chance.
    """
    fitted = metrics["train_accuracy"] >= THRESHOLD
    return bool(fitted and 2 / config.modulus <= metrics["test_accuracy"] < THRESHOLD)


def expected(config: Config) -> int:
    """How many a member keeps, for the room they take; dense ones are guessed at a quarter of all
    evaluations.
    """
    if config.snapshot_every is None:
        return 0
    if config.snapshot_spacing == "log":
        return 1 + _step(config.max_epochs, config.snapshot_every)
    regular = config.max_epochs // config.snapshot_every + 1
    dense = config.max_epochs // config.eval_every // 4
    return regular + (dense if config.snapshot_spacing == "transition" else 0)
