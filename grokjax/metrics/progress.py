"""Nanda et al.'s progress measures (2023, Sec. 5), from the logits of all pairs.

The waves cos(w_k(a + b)) and sin(w_k(a + b)), w_k = 2 pi k / P, have one value for all pairs with
the same answer s = a + b. So the projection of the logits on them needs only their means over the
pairs with each answer, `[P, P]`: there P_k is the projection on cos(w_k s) and sin(w_k s). The
answers are given, so the same holds for any operation with P pairs for each answer, such as a - b.

Letters: P tokens and answers, K = P // 2 frequencies, N pairs, C >= P classes. Further classes,
such as that of a token "=", are left out, as in the published code. Of products mod a prime, tokens
are numbered by their powers of a primitive root, so that P is one less.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from grokjax.metrics import spectrum
from grokjax.models.token_ops import sum_by_row
from grokjax.optim.losses import Loss, exact_cross_entropy


class AnswerMeans(NamedTuple):
    """Logits averaged over the pairs with each answer."""

    logits: Array
    """`[P, P]`, by answer and class."""
    pairs: Array  # [P], how many pairs have each answer


def answer_means(logits: Array, answers: Array, modulus: int) -> AnswerMeans:
    """Average logits over the pairs with each answer.

    Args:
      logits: `[N, C]`.
      answers: int `[N]`, the right answer of each pair; negative for a pair that is left out.
      modulus: P.
    """
    rows = jnp.where((answers >= 0) & (answers < modulus), answers, modulus)
    counted = jnp.pad(logits[:, :modulus], ((0, 0), (0, 1)), constant_values=1.0)
    total = sum_by_row(rows, counted, modulus + 1)[:modulus]  # [P, P + 1], the number of pairs last
    pairs = total[:, -1]
    return AnswerMeans(total[:, :-1] / jnp.maximum(pairs, 1)[:, None], pairs)


def coefficients(means: AnswerMeans) -> Array:
    """Inner products of the logits with the unit tensors along cos(w_k(a + b - c)), `[K]`."""
    modulus = len(means.pairs)
    # The tensor has the norm sqrt(P**3 / 2), and the means are sums over P pairs divided by P.
    return (modulus / 2) ** 0.5 * _along_answer(_both_ways(means.logits))


def explained_variance(logits: Array, means: AnswerMeans) -> Array:
    """Share of the variance of the logits along each cos(w_k(a + b - c)), `[K]`.

    Their sum over some frequencies is the R**2 of the least-squares fit of the logits by these
    waves and a constant: the waves are orthogonal. Pairs without an answer count as well. Constant
    logits have shares of 0.
    """
    shown = logits[:, : len(means.pairs)]
    total = jnp.sum((shown - shown.mean(axis=0).mean()) ** 2)
    # Rounding leaves constant logits some 1e-14 of their square; a NaN is not smaller.
    constant = total <= 1e-9 * jnp.sum(shown**2)
    return jnp.where(constant, 0, coefficients(means) ** 2 / jnp.where(constant, 1, total))


def key_frequencies(along: Array, share: Array) -> Array:
    """Find the frequencies that the logits use, bool `[K]`; entry i is frequency i + 1.

    A frequency is used if its coefficient is positive and explains at least a quarter of an even
    share of the variance of the logits, 1 / 4K. In untrained networks and in those that memorise
    none does.

    Args:
      along: `coefficients`, `[K]`.
      share: `explained_variance`, `[K]`.
    """
    return (along > 0) & (share >= 1 / (4 * max(len(along), 1)))


def _both_ways(means: Array) -> Array:
    """Transform `[P, P]` to the real Fourier basis of answers and of classes."""
    rows = jnp.asarray(spectrum.basis(len(means))[0])
    return rows @ means @ rows.T


def _along_answer(both: Array) -> Array:
    """Sum the coefficients of cos(w s) cos(w c) and sin(w s) sin(w c), `[P, P]` -> `[K]`."""
    diagonal = jnp.diagonal(both)
    cosines = diagonal[1::2]
    sines = jnp.pad(diagonal[2::2], (0, 1 - len(both) % 2))  # k = P/2 has no sine
    # cos cos + sin sin has the norm sqrt(2) times that of each, but for k = P/2.
    unit = jnp.where(jnp.arange(1, len(cosines) + 1) * 2 == len(both), 2**0.5, 1.0)
    return unit * (cosines + sines)


def projection(means: AnswerMeans, key: Array) -> Array:
    """Project the mean logits on the waves of key frequencies in the answer, `[P, P]`.

    Args:
      means: of the logits.
      key: bool `[K]`.
    """
    basis, frequencies = spectrum.basis(len(means.pairs))
    rows = jnp.asarray(basis)
    kept = jnp.concatenate([jnp.zeros(1, bool), key])[frequencies]  # [P]
    return rows.T @ jnp.where(kept[:, None], rows @ means.logits, 0)


def restricted_losses(
    means: AnswerMeans,
    key: Array,
    answers: Array,
    labels: Array,
    loss: Loss = exact_cross_entropy,
    bias_correction: bool = True,
) -> Array:
    """Loss of each pair if the logits had only the waves of key frequencies, `[N]`.

    The published code calls it trig loss.

    Args:
      means: of the logits.
      key: bool `[K]`.
      answers: as for `answer_means`.
      labels: int `[N]`, what the loss is of; they differ from the answers by label noise.
      loss: (logits, one-hot labels) -> losses, exact where they are small.
      bias_correction: whether to add the mean over all pairs of what is left out.
    """
    kept = projection(means, key)
    if bias_correction:
        bias = means.pairs @ (means.logits - kept) / jnp.sum(means.pairs)
        kept = kept + bias[None]
    return loss(_of_pairs(kept, answers), jax.nn.one_hot(labels, len(kept)))


def excluded_losses(
    logits: Array,
    means: AnswerMeans,
    key: Array,
    answers: Array,
    labels: Array,
    loss: Loss = exact_cross_entropy,
) -> Array:
    """Loss of each pair if the logits lacked the waves of key frequencies, `[N]`.

    There is no bias correction, as in the published code. See `restricted_losses`.
    """
    removed = projection(means, key)
    left = logits[:, : len(removed)] - _of_pairs(removed, answers)
    return loss(left, jax.nn.one_hot(labels, len(removed)))


def _of_pairs(table: Array, answers: Array) -> Array:
    """Look up the row of each pair's answer, `[P, P]` -> `[N, P]`; 0 for a pair without one."""
    known = (answers >= 0) & (answers < len(table))
    return jnp.where(known[:, None], table[jnp.where(known, answers, 0)], 0)


def component_gini(table: Array) -> Array:
    """Gini coefficient of the norms of a table's Fourier components, `[P, D]` -> `[]`.

    Nanda et al. 2023 (Sec. 5): the norm of each of the P rows of the real basis times the table,
    the constant included, cosines and sines apart. The recorded `embedding_gini` joins cosine and
    sine of a frequency and leaves out the constant.
    """
    rows = jnp.asarray(spectrum.basis(len(table))[0])
    return spectrum.gini(jnp.linalg.norm(rows @ table, axis=1))
