"""When a member ends, and with which status."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from grokjax.config.config import Config
from grokjax.config.training import Training
from grokjax.settings.field import fields_of
from grokjax.storage.member_state import Outcome, Status, StopState

THRESHOLD: float = fields_of(Training)["learnt_accuracy"].default
"""Default of `learnt_accuracy`, which a split must reach at `stop_patience` evaluations in a row.

A member has memorised once it has learnt the train split, and grokked once it has learnt the test
split; either happened at the first evaluation of that row. With `learnt_loss` the loss decides.
"""


def passes(config: Config, split: str, metrics: Mapping[str, np.ndarray]) -> bool:
    """Return whether one evaluation is good enough for a split to count as learnt."""
    if config.learnt_loss is not None:
        return bool(metrics[f"{split}_loss"] <= config.learnt_loss)
    return bool(metrics[f"{split}_accuracy"] >= config.learnt_accuracy)


def is_over(config: Config, ended: Outcome) -> bool:
    """Return whether a member that ended this way has nothing left to do.

    A member that stopped at a `max_epochs` that was raised since has more to do; one that diverged,
    or was stopped by `on_evaluation`, has not.
    """
    if ended.status in ("diverged", "pruned") or ended.epochs >= config.max_epochs:
        return True
    return _stopped(config, ended.stop_state, ended.epochs)


def _stopped(config: Config, stop_state: StopState, epoch: int) -> bool:
    """Return whether the member has grokked and its extra epochs are over."""
    grokked = stop_state.grokked_epoch >= 0
    waited = epoch >= stop_state.grokked_epoch + config.extra_epochs
    return config.stop_when == "grokked" and grokked and waited


def judge(
    config: Config, stop_state: StopState, epoch: int, metrics: Mapping[str, np.ndarray]
) -> tuple[StopState, Status]:
    """Return a member's stop state after an evaluation, and its status.

    The status is `running` or final. A member that diverged ends at once. One that grokked ends
    `extra_epochs` later if the config says to stop then. Any other ends at `max_epochs`. A later
    relapse undoes neither memorising nor grokking.
    """
    stop_state = _update_stop_state(config, stop_state, epoch, metrics)
    if not all(np.isfinite(metrics[name]) for name in ("train_loss", "test_loss", "weight_norm")):
        return stop_state, "diverged"
    if epoch < config.max_epochs and not _stopped(config, stop_state, epoch):
        return stop_state, "running"
    if stop_state.grokked_epoch >= 0:
        return stop_state, "grokked"
    return stop_state, "memorised" if stop_state.memorised_epoch >= 0 else "not memorised"


def _update_stop_state(
    config: Config, before: StopState, epoch: int, metrics: Mapping[str, np.ndarray]
) -> StopState:

    def extended(split: str, streak: int, learnt: int) -> tuple[int, int]:
        streak = streak + 1 if passes(config, split, metrics) else 0
        return streak, epoch if learnt < 0 and streak >= config.stop_patience else learnt

    test = extended("test", before.streak, before.grokked_epoch)
    train = extended("train", before.train_streak, before.memorised_epoch)
    return StopState(*test, *train)
