"""When a member leaves its lane, and as what."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from grokjax.config import Config

THRESHOLD = 0.99
"""Accuracy from which a split counts as learnt: train for memorised, test for grokked."""

Status = Literal["grokked", "memorised", "failed", "diverged", "running", "pending"]

OVER = frozenset({"grokked", "memorised", "failed", "diverged"})
"""Of a member that has left its lane."""


@dataclass(frozen=True)
class Standing:
    """What the rule remembers of a member between evaluations.

    streak: evaluations in a row with test accuracy at the threshold.
    grokked_epoch: epoch at which the streak first was long enough, -1 before.
    """

    streak: int = 0
    grokked_epoch: int = -1


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
    """The member's standing after an evaluation, and its status: final, or `running`.

    A member that diverged leaves at once; one that grokked leaves
    `extra_epochs` later if the config says to stop then; any other leaves at
    `max_epochs`. Having grokked is for good, a later relapse does not undo it.
    """
    streak = standing.streak + 1 if metrics["test_accuracy"] >= THRESHOLD else 0
    grokked_epoch = standing.grokked_epoch
    if grokked_epoch < 0 and streak >= config.stop_patience:
        grokked_epoch = epoch
    standing = Standing(streak, grokked_epoch)
    if not all(np.isfinite(metrics[name]) for name in ("train_loss", "test_loss", "weight_norm")):
        return standing, "diverged"
    if epoch < config.max_epochs and not _stopped(config, standing, epoch):
        return standing, "running"
    if grokked_epoch >= 0:
        return standing, "grokked"
    return standing, "memorised" if metrics["train_accuracy"] >= THRESHOLD else "failed"
