"""When a member leaves its lane, and as what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from grokjax.config import Config

THRESHOLD = 0.99
"""Accuracy that a split must reach at `stop_patience` evaluations in a row to count as learnt.

A member has memorised once it has learnt the train split, and grokked once it has learnt the test
split; either happened at the first evaluation of that row.
"""

Status = Literal["grokked", "memorised", "not memorised", "diverged", "running", "pending"]

OVER = frozenset({"grokked", "memorised", "not memorised", "diverged"})
"""Statuses of members that have left their lanes."""


@dataclass(frozen=True)
class Standing:
    """What the stop rule remembers of a member between evaluations.

    train_streak, streak: evaluations in a row with train and with test accuracy at the threshold.
    memorised_epoch, grokked_epoch: epoch at which that streak first was `stop_patience` long, -1
    before.
    """

    streak: int = 0
    grokked_epoch: int = -1
    train_streak: int = 0
    memorised_epoch: int = -1


@dataclass(frozen=True)
class Ended:
    """How a member left its lane: as what, when, and how it then stood."""

    status: str
    epochs: int
    standing: Standing = Standing()


def is_over(config: Config, ended: Ended) -> bool:
    """Whether a member that ended so has nothing left to do.

    Not if it stopped at a `max_epochs` that has been raised since.
    """
    if ended.status == "diverged" or ended.epochs >= config.max_epochs:
        return True
    return _stopped(config, ended.standing, ended.epochs)


def _stopped(config: Config, standing: Standing, epoch: int) -> bool:
    """Whether the rule to stop once grokked has fired."""
    grokked = standing.grokked_epoch >= 0
    waited = epoch >= standing.grokked_epoch + config.extra_epochs
    return config.stop_when == "grokked" and grokked and waited


def judge(
    config: Config, standing: Standing, epoch: int, metrics: Mapping[str, np.ndarray]
) -> tuple[Standing, Status]:
    """Return the member's standing after an evaluation, and its status: final, or `running`.

    A member that diverged leaves at once; one that grokked leaves
    `extra_epochs` later if the config says to stop then; any other leaves at
    `max_epochs`. A later relapse undoes neither memorising nor grokking.
    """
    standing = _after(config, standing, epoch, metrics)
    if not all(np.isfinite(metrics[name]) for name in ("train_loss", "test_loss", "weight_norm")):
        return standing, "diverged"
    if epoch < config.max_epochs and not _stopped(config, standing, epoch):
        return standing, "running"
    if standing.grokked_epoch >= 0:
        return standing, "grokked"
    return standing, "memorised" if standing.memorised_epoch >= 0 else "not memorised"


def _after(
    config: Config, before: Standing, epoch: int, metrics: Mapping[str, np.ndarray]
) -> Standing:
    """Return the standing after one more evaluation."""

    def extended(split: str, streak: int, learnt: int) -> tuple[int, int]:
        streak = streak + 1 if metrics[f"{split}_accuracy"] >= THRESHOLD else 0
        return streak, epoch if learnt < 0 and streak >= config.stop_patience else learnt

    test = extended("test", before.streak, before.grokked_epoch)
    train = extended("train", before.train_streak, before.memorised_epoch)
    return Standing(*test, *train)
