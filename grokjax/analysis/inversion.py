"""Phases of networks trained on labels of which a share is random (Doshi et al. 2023, Sec. 3).

A network can generalise and fit the random labels too (coexistence), give the right answer
instead of some random labels (partial inversion) or of all of them (full inversion), fit the
random labels without generalising (memorisation), or do neither.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from grokjax.errors import invalid
from grokjax.runtime.arguments import takes

PHASES = ("coexistence", "partial inversion", "full inversion", "memorisation", "neither")


@takes(train="...", noise="...")
def inverted_share(train: ArrayLike, noise: ArrayLike) -> np.ndarray:
    """Share of the random labels that is not fitted, assuming the other labels are.

    Args:
      train: accuracy on the training labels, random ones included; any shape.
      noise: share of the training labels that is random, above 0. About 1 / P of the random
        labels are right by chance, so full inversion gives slightly less than 1.
    """
    if not np.all(np.asarray(noise) > 0):
        smallest = np.min(np.asarray(noise)).item()
        raise invalid("noise", smallest, "must be above 0", "the phases need random labels")
    return (1 - np.asarray(train, float)) / np.asarray(noise, float)


@takes(train="...", test="...", noise="...")
def phases(train: ArrayLike, test: ArrayLike, noise: ArrayLike, level: float = 0.9) -> np.ndarray:
    """Phase in which each member ended: indices into `PHASES`, in the shape of the arguments.

    Args:
      train: final accuracy on the training labels, random ones included.
      test: final accuracy on the test pairs.
      noise: share of the training labels that is random, above 0.
      level: accuracy from which a split counts as learnt, and share from which the random
        labels count as all fitted or all inverted.
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
