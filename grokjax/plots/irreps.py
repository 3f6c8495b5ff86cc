"""Power of tables over S5 in its irreducible representations."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from grokjax.plots.decorations import add_colorbar, add_legend_below
from grokjax.plots.spectra import LINES
from grokjax.plots.style import KEY, axes_or_new, styled
from grokjax.runtime.arguments import nonempty_dict, sequence, takes

LABEL = "irreducible representation of S5"


@styled
@takes(shares=nonempty_dict, names=sequence, chance="R")
def irreps(
    shares: dict[str, np.ndarray],
    names: Sequence[str],
    chance: np.ndarray,
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw the share of the power in each representation, for up to six tables of one member.

    Args:
      shares: label to `[R]`, such as `fourier.shares(irrep_power(run).embedding[0])`; a group of
        bars has one for each label.
      names: of the representations (`analysis.irreps.NAMES`).
      chance: shares of a random table, `[R]` (`analysis.irreps.chance`), drawn as short lines.
      title: of the axes.
      ax: axes to draw on; None makes a new figure.

    Returns:
      The axes.
    """
    ax = axes_or_new(ax)
    place, width = np.arange(len(names)), 0.8 / len(shares)
    for i, (label, values) in enumerate(shares.items()):
        left = place - 0.4 + (i + 0.5) * width
        ax.bar(left, values, 0.9 * width, color=[KEY, *LINES][i], label=label)
    style = {"color": "0.3", "linewidth": 1.2, "linestyle": ":", "label": "random table"}
    ax.hlines(chance, place - 0.42, place + 0.42, **style)
    ax.set_xticks(place, list(names), fontsize=8)
    ax.set(xlabel=LABEL, ylabel="share of the power", title=title)
    add_legend_below(ax)
    return ax


@styled
@takes(shares="M R", members=sequence, names=sequence)
def irreps_of_members(
    shares: np.ndarray,
    members: Sequence[Any],
    names: Sequence[str],
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw the share of the power in each representation, with a row for each member.

    Args:
      shares: `[M, R]`, the first row on top.
      members: their numbers, or other names of the rows.
      names: of the representations (`analysis.irreps.NAMES`).
      title: of the axes.
      ax: axes to draw on; None makes a new figure.

    Returns:
      The axes.
    """
    ax = axes_or_new(ax)
    image = ax.imshow(shares, aspect="auto", interpolation="nearest", vmin=0)
    add_colorbar(ax, image, "share of the power")
    ax.set_xticks(range(len(names)), list(names), fontsize=8)
    every = max(1, -(-len(members) // 16))
    ax.set_yticks(range(0, len(members), every), [str(m) for m in members[::every]])
    ax.set(xlabel=LABEL, ylabel="member", title=title)
    return ax
