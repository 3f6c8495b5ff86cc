"""Circles in pairs of principal components: their step and frequency, or the circles they mix.

In each pair of components scienceetonnante/grokking found by eye the step from a token to its
neighbour on the circle. Tokens at angles 2 pi k t / P are neighbours at the step k**-1 mod P,
so the step gives the frequency, `k = step**-1 mod P`. Both are folded to at most P // 2,
because the direction around a circle is arbitrary.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from grokjax.analysis import fourier
from grokjax.analysis.over_members import over_members
from grokjax.metrics.isolated_circles import inverses
from grokjax.runtime.arguments import integer_at_least, positive_number, takes

PURE = 0.9
"""Share of a pair's power in one frequency from which the pair counts as one circle."""

MIXED = 0.5
"""Share of a pair's power in its two strongest frequencies from which it counts as mixed."""


class ComponentPairs(NamedTuple):
    """What J pairs of components show; K = P // 2."""

    step: Array
    """int32 `[J]`, shift between angular neighbours, folded; 0 if neighbours coincide."""
    shares: Array
    """`[J, K]`, share of each frequency in the pair's power."""
    circularity: Array
    """`[J]`, see `fourier.circularity`."""


@over_members
@takes(scores="P C")
def component_pairs(scores: Array) -> ComponentPairs:
    """Steps and spectra in the planes of components (0, 1), (2, 3), ...

    The step is the shift s, at most P // 2, with the smallest mean angle between tokens t and
    t + s. The mean over all tokens makes it robust to noise that swaps single neighbours.

    Args:
      scores: float `[P, C]` of a member, from `pca.pca`; the last of an odd number is left out.
    """
    modulus, components = scores.shape
    count = components // 2
    points = scores[:, : 2 * count].reshape(modulus, count, 2).transpose(1, 0, 2)  # [J, P, 2]
    angles = jnp.arctan2(points[..., 1], points[..., 0])  # [J, P]
    t, shift = jnp.arange(modulus), jnp.arange(1, modulus // 2 + 1)
    shifted = angles[:, (t[None] + shift[:, None]) % modulus]  # [J, K, P]
    between = jnp.abs(jnp.angle(jnp.exp(1j * (shifted - angles[:, None]))))
    distance = between.mean(axis=2)  # [J, K]
    distinct = distance.min(axis=1) > 1e-3 * 2 * jnp.pi / modulus
    step = jnp.where(distinct, distance.argmin(axis=1) + 1, 0)
    power = jax.vmap(fourier.power.one)(points)  # [J, K]
    return ComponentPairs(
        step=step.astype(jnp.int32),
        shares=power / power.sum(axis=1, keepdims=True),
        circularity=fourier.circularity(points),
    )


@takes(step="...", modulus=integer_at_least(1))
def frequency_of(step: np.ndarray, modulus: int) -> np.ndarray:
    """`step**-1 mod P`, int of any shape, folded to at most P // 2; 0 if a step has no inverse."""
    return inverses(modulus)[np.asarray(step) % modulus]


@takes(frequency="...", modulus=integer_at_least(1))
def step_of(frequency: np.ndarray, modulus: int) -> np.ndarray:
    """Step between neighbours on the circle of each frequency, int of any shape: its inverse."""
    return frequency_of(frequency, modulus)


class Reading(NamedTuple):
    """The circle that a pair of components shows, as text and numbers."""

    text: str
    step: int  # from a token to its neighbour; 0 if the pair is mixed or neighbours coincide
    frequency: int  # 0 if the pair is mixed


@takes(shares="J K", modulus=integer_at_least(2), pure=positive_number)
def read(shares: np.ndarray, modulus: int, pure: float = PURE) -> list[Reading]:
    """Name the circle of each pair of components of one member, or the frequencies that it mixes.

    Args:
      shares: `[J, K]`, see `ComponentPairs`. The text of a pair that is not finite is empty.
      modulus: P.
      pure: share of the power from which one frequency counts as the pair's only circle.
    """
    readings = []
    for row in np.asarray(shares):
        strongest = [int(k) for k in np.argsort(-row)[:2] + 1]
        first = strongest[0]
        if not np.isfinite(row).all():
            readings.append(Reading("", 0, 0))
        elif row[first - 1] >= pure:
            step = int(step_of(np.array(first), modulus))
            text = f"step {step}, " if step else ""
            text += f"frequency {first} ({row[first - 1]:.0%})"
            readings.append(Reading(text, step, first))
        else:
            parts = ", ".join(f"{k} ({row[k - 1]:.0%})" for k in strongest)
            shown = row[np.array(strongest) - 1].sum() >= MIXED
            readings.append(Reading(f"mixed: {parts}" if shown else f"no circle: {parts}", 0, 0))
    return readings
