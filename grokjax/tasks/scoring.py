"""Outputs that a network should give for examples, and which of its answers are correct.

Letters: N examples, B batch, C outputs, K classes.
"""

from __future__ import annotations

from collections.abc import Callable

import jax
import jax.numpy as jnp

from grokjax.tasks.dataset import Dataset
from grokjax.tasks.member_data import MemberData

LARGE = 1e30
"""A number that is subtracted from a score to exclude it from a maximum."""

Scoring = Callable[[jax.Array, MemberData, jax.Array], tuple[jax.Array, jax.Array]]


def build_scoring(data: Dataset) -> Scoring:
    """Return the function from (logits `[B, C]`, the member's data, rows int32 `[B]`).

    It gives the outputs that the loss compares the logits with, `[B, C]`, and whether each answer
    is correct, `[B]`. A class is correct if its logit is the largest or, with codes, if its code is
    the nearest. Values are correct within the data set's tolerance; without one the answer is NaN.
    """

    def of_values(logits: jax.Array, member: MemberData, rows: jax.Array) -> tuple:
        wanted = member.targets[rows]
        if data.tolerance is None:
            return wanted, jnp.full(len(rows), jnp.nan)
        return wanted, jnp.mean((logits - wanted) ** 2, axis=-1) < data.tolerance

    def of_classes(logits: jax.Array, member: MemberData, rows: jax.Array) -> tuple:
        labels, codes = member.targets[rows], member.codes
        count = data.num_classes if codes is None else len(codes)
        one_hot = jax.nn.one_hot(labels, count)  # a gather's gradient would scatter
        wanted, scores = one_hot, logits
        if codes is not None:  # the nearest code has the largest of these
            scores = logits @ codes.T - jnp.sum(codes**2, axis=-1)[None] / 2
            wanted = codes[labels]
        # An argmax takes as long as all the rest of an evaluation on CPU.
        correct = jnp.sum(scores * one_hot, axis=-1) > jnp.max(scores - LARGE * one_hot, axis=-1)
        return wanted, correct

    return of_values if data.regression else of_classes
