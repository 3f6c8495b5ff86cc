"""Times to memorise and to grok of every member, with how long each was followed.

A split is *learnt* at the first of `stop_patience` evaluations in a row with an accuracy of
at least `learnt_accuracy`, or a loss of at most `learnt_loss` if the run has one. A member has
memorised once it has learnt the train split, and grokked once it has learnt the test split;
statuses follow the same rule (`grokjax.config.stopping`). `analysis.incidence` estimates the
distributions of these times. Phases: Liu et al. 2022.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from grokjax.config.config import Config
from grokjax.config.stopping import THRESHOLD
from grokjax.errors import invalid
from grokjax.results.run import Run
from grokjax.results.runs import Runs
from grokjax.runtime.arguments import run_like, takes

CENSORED = ("running", "pending", "max_epochs", "pruned")
"""Ends of censored members: the event may still happen if they train for more epochs."""


@dataclass(frozen=True)
class Times:
    """Epoch at which an event happened to each of M members, and until when each was followed.

    epochs: float64 `[M]`, the time of the event; NaN if it has not happened.
    follow_up: float64 `[M]`, last epoch at which the event is known not to have happened; NaN
      for a member that was never evaluated. Not used where the event has happened.
    end: text `[M]`, why follow-up ended: `running`, `pending`, `max_epochs` or `pruned` (stopped
      by `on_evaluation`) for members that are censored; `diverged`, or `stopped` because the member
      had grokked, for the others.
    """

    epochs: np.ndarray
    follow_up: np.ndarray
    end: np.ndarray

    @classmethod
    def from_arrays(
        cls, epochs: ArrayLike, follow_up: ArrayLike, end: ArrayLike = "max_epochs"
    ) -> Times:
        """Build Times from array-likes; `follow_up` and `end` may be one value for all members."""
        epochs = np.asarray(epochs, np.float64)
        follow_up = np.broadcast_to(np.asarray(follow_up, np.float64), epochs.shape)
        return cls(epochs, follow_up, np.broadcast_to(np.asarray(end, str), epochs.shape))

    def __len__(self) -> int:
        return len(self.epochs)

    def __getitem__(self, members: np.ndarray) -> Times:
        """Times of some members, chosen by a mask or by their rows."""
        return Times(self.epochs[members], self.follow_up[members], self.end[members])

    def where(self, mask: np.ndarray) -> Times:
        """Times of all M members, with those outside the mask as if never evaluated."""
        epochs, follow_up = (np.where(mask, x, np.nan) for x in (self.epochs, self.follow_up))
        return Times(epochs, follow_up, np.where(mask, self.end, "pending"))

    def __mul__(self, steps: ArrayLike) -> Times:
        """Times in another unit, such as steps: `steps` is one factor, or one a member `[M]`."""
        return Times(self.epochs * steps, self.follow_up * steps, self.end)

    @property
    def observed(self) -> np.ndarray:
        """Time of the event or, if it has not happened, the end of follow-up."""
        return np.where(np.isnan(self.epochs), self.follow_up, self.epochs)


class Events(NamedTuple):
    """Times at which members memorised and grokked, and the delay between the two.

    delay: from memorising to grokking; 0 for a member that grokked first, and NaN for a
      member that did neither.
    """

    memorised: Times
    grokked: Times
    delay: Times


@takes(values="M T", epochs="T")
def first_epoch(
    values: ArrayLike, epochs: ArrayLike, threshold: float = THRESHOLD, patience: int = 1
) -> np.ndarray:
    """Epoch at which the first `patience` evaluations in a row at `threshold` or above begin.

    Args:
      values: `[M, T]`, such as test accuracies; NaN where a member was not evaluated.
      epochs: `[T]`, ascending. The evaluation at epoch 0, before training, does not count.
      threshold: in the units of `values`.
      patience: evaluations in a row; 1 gives the first crossing.

    Returns:
      Epochs, float64 `[M]`; NaN for members without so many evaluations in a row.
    """
    return _first_streak(np.asarray(values), np.asarray(epochs), threshold, patience)[0]


def _first_streak(
    values: np.ndarray, epochs: np.ndarray, threshold: float, patience: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Start of the streak, last epoch below the threshold, last epoch evaluated; each `[M]`."""
    first, start, below, last = np.full((4, len(values)), np.nan)
    streak = np.zeros(len(values), int)
    for epoch, value in zip(epochs.astype(float), values.T, strict=True):
        known = ~np.isnan(value)
        reached = (value >= threshold) & (epoch > 0)
        start = np.where(reached & (streak == 0), epoch, start)
        streak = np.where(known, np.where(reached, streak + 1, 0), streak)
        first = np.where(np.isnan(first) & (streak >= patience), start, first)
        below = np.where(known & ~reached, epoch, below)
        last = np.where(known, epoch, last)
    return first, below, last


@takes(run=run_like)
def events(
    run: Run, train_threshold: float | None = None, test_threshold: float | None = None
) -> Events:
    """Times at which the members of a run memorised and grokked.

    Args:
      run: a Run, such as `grokjax.load("runs/mine")`; of several runs as one, each by its own rule.
      train_threshold: train accuracy from which a member counts as having memorised; None: as the
        run's own settings say, by accuracy or by loss.
      test_threshold: the same for the test split and having grokked.
    """
    if isinstance(run, Runs):  # each run has its own epochs, and rules when a split is learnt
        found = [events(part, train_threshold, test_threshold) for part in run.parts().values()]
        return Events(*(_joined(run, times) for times in zip(*found, strict=True)))
    history, end = run.history, _end_of_follow_up(run)
    epochs, patience = history.epoch.values, run.config.stop_patience

    def learnt(split: str, threshold: float | None) -> Times:
        name, sign, bound = "accuracy", 1, run.config.learnt_accuracy
        if threshold is not None:
            bound = threshold
        elif run.config.learnt_loss is not None:
            name, sign, bound = "loss", -1, run.config.learnt_loss
        values, bound = sign * history[f"{split}_{name}"].values, sign * bound
        first, below, last = _first_streak(values, epochs, bound, patience)
        # A streak that is still too short may continue, so the event may date back to its start.
        undecided = np.isin(end, CENSORED) & ~np.isnan(last)
        return Times(first, np.where(undecided, np.nan_to_num(below), last), end)

    memorised, grokked = learnt("train", train_threshold), learnt("test", test_threshold)
    return Events(memorised, grokked, delay_between(memorised, grokked))


@takes(run=run_like)
def loss_times(run: Run, name: str, below: float) -> Times:
    """Times at which a recorded loss of the members of a run first falls below a bound.

    Args:
      run: a Run.
      name: of a variable of its history, such as `test_loss`.
      below: the bound; Nanda et al. 2023 use 0.1 for the test loss.

    Raises ConfigError if the history has no such variable with dims `member, eval`.
    """
    history = run.history
    if name not in history or history[name].dims != ("member", "eval"):
        known = [n for n, each in history.items() if each.dims == ("member", "eval")]
        raise invalid("name", name, f"must be one of {', '.join(map(str, known))}")
    if isinstance(run, Runs):
        parts = run.parts().values()
        return _joined(run, [loss_times(part, name, below) for part in parts])
    real = history[name].dtype.type
    bound = -np.nextafter(real(below), real(-np.inf))
    first, above, _ = _first_streak(-history[name].values, history.epoch.values, bound, 1)
    last = np.where(np.isnan(first), above, first)
    return Times(first, last, _end_of_follow_up(run))


def _joined(runs: Runs, parts: Sequence[Times]) -> Times:
    """Return the times of all members of several runs, from those of each run's."""
    epochs, follow_up, end = (
        runs.in_order([getattr(times, name) for times in parts])
        for name in ("epochs", "follow_up", "end")
    )
    return Times(epochs, follow_up, end)


def _end_of_follow_up(run: Run) -> np.ndarray:
    """Why follow-up of each member ended, text `[M]` (see `Times.end`)."""
    status = run.members["status"].to_numpy(str)
    unfinished = np.isin(status, ("running", "pending"))
    full_length = run.members["epochs"].to_numpy() >= run.config.max_epochs
    return np.select(
        [unfinished, np.isin(status, ("diverged", "pruned")), full_length],
        [status, status, "max_epochs"],
        "stopped",
    )


def delay_between(memorised: Times, grokked: Times) -> Times:
    """Time from memorising to grokking, 0 for members that grokked first."""
    start = np.where(np.isnan(memorised.epochs), grokked.epochs, memorised.epochs)
    epochs, follow_up = (np.maximum(x - start, 0) for x in (grokked.epochs, grokked.follow_up))
    return Times(epochs, follow_up, grokked.end)


def learnt_definition(split: str, config: Config) -> str:
    """Definition of having learnt a split, for pages and figures."""
    patience, loss = config.stop_patience, config.learnt_loss
    rest = f", the first of {patience} evaluations in a row" if patience > 1 else ""
    if loss is not None:
        return f"{split} loss of at most {loss:g}{rest}"
    return f"{split} accuracy of at least {100 * config.learnt_accuracy:g}%{rest}"


def definitions(config: Config) -> str:
    """Definitions of memorised and grokked, in two sentences."""
    memorised, grokked = (learnt_definition(split, config) for split in ("train", "test"))
    return f"Memorised: {memorised}. Grokked: {grokked}."


@takes(found=Events)
def phases(found: Events, slow: float) -> np.ndarray:
    """Learning phase of each member, text `[M]` (Liu et al. 2022, Sec. 5).

    comprehension: the member learnt the test split within `slow` epochs of the train split;
    grokking: it learnt the test split later; memorization: it learnt the train split only;
    confusion: it learnt neither. Empty for a member that was never evaluated. The paper uses
    a threshold of 0.9 and 1 000 optimiser steps.
    """
    memorised, grokked = (~np.isnan(t.epochs) for t in (found.memorised, found.grokked))
    late = found.delay.epochs > slow
    return np.select(
        [grokked & late, grokked, memorised, np.isnan(found.grokked.follow_up)],
        ["grokking", "comprehension", "memorization", ""],
        "confusion",
    )


def format_quartiles(quartiles: tuple[float, float, float], digits: int = 0) -> str:
    """Format median and quartiles as `1020 (955 to 1140)`; NaN reads `not reached`."""
    low, median, high = (
        "not reached" if np.isnan(value) else f"{value:.{digits}f}" for value in quartiles
    )
    return f"{median} ({low} to {high})"
