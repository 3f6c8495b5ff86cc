"""Phases of a network that learns from labels of which a share is random.

Doshi et al. 2023, Sec. 3: a network can generalise and still fit the random labels
(coexistence), give the right answer in place of some of them (partial inversion)
or of all (full inversion), fit them without generalising (memorisation), or
learn neither.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from grokjax.arguments import takes
from grokjax.settings import ConfigError

PHASES = ("coexistence", "partial inversion", "full inversion", "memorisation", "neither")


@takes(train="...", noise="...")
def inverted_share(train: ArrayLike, noise: ArrayLike) -> np.ndarray:
    """Of the random labels, the share not fitted, for a network that is right elsewhere.

    Args:
      train: accuracy on the training labels, random ones included, any shape.
      noise: share of them that is random, more than 0. About 1 / P of those are right
        by chance, so full inversion is slightly less than 1.
    """
    if not np.all(np.asarray(noise) > 0):
        raise ConfigError("noise: without random labels there is no phase; it must be more than 0")
    return (1 - np.asarray(train, float)) / np.asarray(noise, float)


@takes(train="...", test="...", noise="...")
def phases(train: ArrayLike, test: ArrayLike, noise: ArrayLike, level: float = 0.9) -> np.ndarray:
    """Which of `PHASES` each member ended in: int, in the shape of the arguments.

    Args:
      train: final accuracy on the training labels, random ones included.
      test: final accuracy on the test pairs.
      noise: share of training labels that is random, more than 0.
      level: from which the test pairs count as learnt, the training labels as
        fitted, and random labels as all fitted or all inverted.
    """
    train, test = np.asarray(train, float), np.asarray(test, float)
    inverted = inverted_share(train, noise)
    learnt = test >= level
    return np.select(
        [
            learnt & (inverted <= 1 - level),
            learnt & (inverted >= level),
            learnt,
            train >= level,
        ],
        [0, 2, 1, 3],
        4,
    )
