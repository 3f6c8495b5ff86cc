"""At which epochs members are evaluated: every `eval_every` epochs, or log-spaced."""

from __future__ import annotations

import bisect
import functools

import numpy as np

from grokjax.config.config import Config


@functools.lru_cache(maxsize=64)
def log_spaced(last: int, count: int) -> tuple[int, ...]:
    """Return 0 and at most `count` epochs from 1 to `last`, log-spaced and rounded.

    Neighbours that are rounded to the same epoch are one.
    """
    spaced = np.rint(np.geomspace(1, last, count)).astype(int)
    return (0, *np.unique(spaced).tolist())


def _grid(config: Config) -> tuple[int, ...]:
    return log_spaced(config.max_epochs, config.evals)


def next_evaluation(config: Config, epoch: int) -> int:
    """Return the first epoch after this one at which a member is evaluated."""
    if config.eval_spacing == "regular":
        return epoch + config.eval_every - epoch % config.eval_every
    grid = _grid(config)
    return grid[min(bisect.bisect_right(grid, epoch), len(grid) - 1)]


def previous_evaluation(config: Config, epoch: int) -> int:
    """Return the last epoch before this one at which a member is evaluated; -1 before the first."""
    if config.eval_spacing == "regular":
        return (epoch - 1) // config.eval_every * config.eval_every if epoch else -1
    grid = _grid(config)
    place = bisect.bisect_left(grid, epoch)
    return grid[place - 1] if place else -1


def evaluations(config: Config, last: int) -> list[int]:
    """Return all epochs up to and including `last` at which a member is evaluated."""
    if config.eval_spacing == "regular":
        return list(range(0, last + 1, config.eval_every))
    grid = _grid(config)
    return list(grid[: bisect.bisect_right(grid, last)])
