"""Circles among the principal components: their step, their frequency, and whether they are mixed.

The notebook found by eye, in each pair of components, the step from a token to
its neighbour on the circle. Tokens at angles 2 pi k t / P are neighbours at the
step k**-1 mod P, so a step names a frequency, `k = step**-1 mod P`, folded to
at most P // 2 as a circle may be run either way.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from grokjax.analysis import fourier
from grokjax.analysis.members import over_members
from grokjax.arguments import positive, takes, whole

PURE = 0.9
"""Share of a pair's power in one frequency from which it counts as one circle, unmixed."""

SHOWN = 0.5
"""Share of a pair's power in its two strongest frequencies from which it mixes circles."""


class Pairs(NamedTuple):
    """Of each pair of components, J of them; K = P // 2."""

    step: Array  # int32 [J], shift between angular neighbours, folded; 0: such tokens coincide
    shares: Array  # [J, K], of the pair's power at each frequency
    circularity: Array  # [J], see `fourier.circularity`


@over_members
@takes(scores="P C")
def pairs(scores: Array) -> Pairs:
    """Circles in the planes of components (0, 1), (2, 3), ...

    The step is the shift s, at most P // 2, for which tokens t and t + s are
    nearest in angle in the mean over t: what an eye does that follows the
    circle, with all tokens at once, so noise that swaps neighbours is no harm.

    Args:
      scores: float `[P, C]` of a member, from `pca.pca`; an odd last one is left out.
    """
    modulus, components = scores.shape
    count = components // 2
    points = scores[:, : 2 * count].reshape(modulus, count, 2).transpose(1, 0, 2)  # [J, P, 2]
    angles = jnp.arctan2(points[..., 1], points[..., 0])  # [J, P]
    t, shift = jnp.arange(modulus), jnp.arange(1, modulus // 2 + 1)
    ahead = angles[:, (t[None] + shift[:, None]) % modulus]  # [J, K, P]
    turned = jnp.abs(jnp.angle(jnp.exp(1j * (ahead - angles[:, None]))))
    nearest = turned.mean(axis=2)  # [J, K]
    step = jnp.where(
        nearest.min(axis=1) > 1e-3 * 2 * jnp.pi / modulus, nearest.argmin(axis=1) + 1, 0
    )
    power = jax.vmap(fourier.power.one)(points)  # [J, K]
    return Pairs(
        step=step.astype(jnp.int32),
        shares=power / power.sum(axis=1, keepdims=True),
        circularity=fourier.circularity(points),
    )


@takes(step="...", modulus=whole(1))
def frequency_of(step: np.ndarray, modulus: int) -> np.ndarray:
    """`step**-1 mod P`, folded to at most P // 2; 0 where there is none."""
    table = np.zeros(modulus, np.int32)
    for s in range(1, modulus):
        if np.gcd(s, modulus) == 1:
            inverse = pow(s, -1, modulus)
            table[s] = min(inverse, modulus - inverse)
    return table[np.asarray(step) % modulus]


@takes(frequency="...", modulus=whole(1))
def step_of(frequency: np.ndarray, modulus: int) -> np.ndarray:
    """The step between neighbours on the circle of a frequency; the same map as `frequency_of`."""
    return frequency_of(frequency, modulus)


class Reading(NamedTuple):
    """What a pair of components shows, in words and numbers."""

    text: str
    step: int  # from a token to its neighbour; 0 if the pair is mixed or tokens coincide
    frequency: int  # 0 if it is mixed


@takes(shares="J K", modulus=whole(2), pure=positive)
def read(shares: np.ndarray, modulus: int, pure: float = PURE) -> list[Reading]:
    """Names the circle of each pair of one member, or the frequencies that it mixes, or no circle.

    Args:
      shares: `[J, K]`, see `Pairs`. A pair without numbers has an empty text.
      modulus: P.
      pure: share of the power from which one frequency is the whole pair.
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
            shown = row[np.array(strongest) - 1].sum() >= SHOWN
            readings.append(Reading(f"mixed: {parts}" if shown else f"no circle: {parts}", 0, 0))
    return readings
