"""The effective theory of Liu et al. 2022 for addition of whole numbers (Sec. 3 and App. B to F).

Two pairs of symbols with the same sum form a parallelogram, i + n = j + m. If the network is to
give both the same answer, their embeddings must satisfy E_i + E_n = E_j + E_m. The equations of
all parallelograms of train pairs say whether the embedding must be a line, what generalises, and
how fast the line forms. The code of the paper is ejmichaud/grokking-squared.

Letters: P symbols, N = P (P + 1) / 2 unordered pairs, Q parallelograms, D dimensions, M members or
train sets, T times.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from grokjax.analysis.over_members import over_members
from grokjax.metrics import parallelograms as shapes
from grokjax.metrics.parallelograms import equations, parallelograms
from grokjax.metrics.representation import spectrum_dimension
from grokjax.runtime.arguments import integer_at_least, positive_number, takes
from grokjax.tasks.toy_addition import unordered_pairs

ZERO = 1e-8
"""Eigenvalues of A'A below this count as 0, as in the paper's code."""

realised = over_members(shapes.realised)
"""Which parallelograms embeddings realise, `[M, P, D]` -> bool `[M, Q]`."""

representation_quality = over_members(shapes.representation_quality)
"""RQI: the share of the parallelograms that are realised, `[M, P, D]` -> float32 `[M]`."""

effective_dimension = over_members(spectrum_dimension)
"""exp(S) of the principal components of any embeddings, `[M, P, D]` -> float32 `[M]`."""


def pair_numbers(symbols: int) -> np.ndarray:
    """Return the number of each unordered pair, int `[P, P]`, the same for (i, j) and (j, i)."""
    numbers = np.zeros((symbols, symbols), int)
    first, second = unordered_pairs(symbols).T
    numbers[first, second] = numbers[second, first] = np.arange(len(first))
    return numbers


def _symbols(pairs: int) -> int:
    """Return P for which there are so many unordered pairs."""
    symbols = int((np.sqrt(8 * pairs + 1) - 1) / 2)
    if symbols * (symbols + 1) // 2 != pairs:
        raise ValueError(f"train must have P (P + 1) / 2 pairs in its last axis, got {pairs}")
    return symbols


def _sides(symbols: int) -> np.ndarray:
    """Return the numbers of the two pairs of each parallelogram, int `[Q, 2]`."""
    i, n, j, m = parallelograms(symbols).T
    numbers = pair_numbers(symbols)
    return np.stack([numbers[i, n], numbers[j, m]], axis=1)


@takes(train="... N")
def trained(train: np.ndarray) -> np.ndarray:
    """Return which parallelograms have both pairs in the train set, P0(D): bool `[..., Q]`.

    train: which unordered pairs are trained on, bool `[..., N]`, in the order of `unordered_pairs`.
    """
    train = np.asarray(train, bool)
    return np.all(train[..., _sides(_symbols(train.shape[-1]))], axis=-1)


@takes(chosen="... Q", symbols=integer_at_least(2))
def eigenvalues(chosen: np.ndarray, symbols: int) -> tuple[np.ndarray, np.ndarray]:
    """Return eigenvalues `[..., P]`, ascending, and vectors `[..., P, P]` of A'A.

    A has the equations of the chosen parallelograms, bool `[..., Q]`. The effective loss falls at
    rates that are proportional to these eigenvalues; the third is the slowest beside the two zeros
    of moving and stretching the line (Sec. 3.2: the grokking rate).
    """
    rows = equations(symbols)
    gram = np.einsum("...q,qa,qb->...ab", np.asarray(chosen, float), rows, rows, optimize=True)
    values, vectors = np.linalg.eigh(gram)
    return values, vectors


@takes(train="... N")
def degrees_of_freedom(train: np.ndarray) -> np.ndarray:
    """Return the dimension of the embeddings that train pairs allow, int `[...]`.

    It is 2 where the linear representation is the only one (up to moving and stretching).
    """
    symbols = _symbols(np.shape(train)[-1])
    return (eigenvalues(trained(train), symbols)[0] < ZERO).sum(axis=-1)


@takes(sizes="S", trials=integer_at_least(1), symbols=integer_at_least(3))
def unique_linear(
    sizes: np.ndarray, trials: int = 10_000, symbols: int = 10, seed: int = 0
) -> np.ndarray:
    """Return the share of random train sets of each size `[S]` that force a line, float64 `[S]`."""
    rng, pairs = np.random.default_rng(seed), symbols * (symbols + 1) // 2
    shares = []
    for size in np.asarray(sizes):
        place = rng.permuted(np.tile(np.arange(pairs), (trials, 1)), axis=1)
        shares.append(np.mean(degrees_of_freedom(place < size) == 2))
    return np.array(shares)


@takes(train="... N")
def implied(train: np.ndarray) -> np.ndarray:
    """Return the parallelograms that those of the train pairs imply, P(D): bool `[..., Q]`.

    These are the equations in the row space of the others: adding one lowers no nullity.
    """
    symbols = _symbols(np.shape(train)[-1])
    values, vectors = eigenvalues(trained(train), symbols)
    free = equations(symbols) @ np.where(values[..., None, :] < ZERO, vectors, 0)  # [..., Q, P]
    return (free**2).sum(axis=-1) < ZERO


@takes(train="... N", held="... Q")
def predicted_accuracy(train: np.ndarray, held: np.ndarray) -> np.ndarray:
    """Return the accuracy on all pairs that parallelograms give, float64 `[...]` (Sec. 3.1).

    A test pair is answered if it shares a parallelogram with a train pair. With `implied(train)`
    this is the accuracy of an ideal network; with `realised(embeddings)` that of a trained one.

    Args:
      train: whether each unordered pair is trained on, bool.
      held: the parallelograms that hold, bool.
    """
    train, held = np.asarray(train, bool), np.asarray(held, bool)
    sides = _sides(_symbols(train.shape[-1]))
    answered = train.copy()
    for one, other in (sides.T, sides.T[::-1]):
        reached = held & train[..., other]  # [..., Q]
        for q in range(len(one)):
            answered[..., one[q]] |= reached[..., q]
    return answered.mean(axis=-1)


class Dynamics(NamedTuple):
    """Gradient descent on the effective loss, at T times."""

    steps: np.ndarray
    """int `[T]`, at which the embedding is kept."""
    loss: np.ndarray  # float64 [T, ...], l0 / Z0
    embedding: np.ndarray
    """float64 `[T, ..., P, D]`, after so many steps."""


@takes(embedding="... P D", rate=positive_number, steps=integer_at_least(1))
def effective_dynamics(
    embedding: np.ndarray,
    rate: float,
    steps: int,
    rows: np.ndarray | None = None,
    average: bool = False,
    every: int = 1,
) -> Dynamics:
    """Follow embeddings down the effective loss l0 / Z0 (Eqs. 4 to 6).

    l0 = sum of (A E)**2, Z0 = sum of E**2. It conserves the mean of E and Z0, up to the step size.

    Args:
      embedding: the start, `[..., P, D]`; the paper's code starts from `normalised` ones.
      rate: learning rate of the embedding. steps: how many steps.
      rows: equations A, `[Q, P]`; None: those of all parallelograms, as in the paper's code.
      average: divide l0 by the number of equations, as in the paper but not in its code.
      every: steps from one recorded time to the next.
    """
    state = np.array(embedding, float)
    matrix = equations(state.shape[-2]) if rows is None else np.asarray(rows, float)
    scale = 1 / len(matrix) if average else 1.0
    found = []
    for step in range(steps + 1):
        apart = matrix @ state
        loss = scale * (apart**2).sum(axis=(-2, -1))
        size = (state**2).sum(axis=(-2, -1))
        if step % every == 0:
            found.append((step, loss / size, state.copy()))
        pull = 2 * scale / size[..., None, None] * (matrix.T @ apart)
        state += rate * (2 * (loss / size**2)[..., None, None] * state - pull)
    times, losses, states = zip(*found, strict=True)
    return Dynamics(np.array(times), np.array(losses), np.array(states))
