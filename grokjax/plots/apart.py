"""Labels that would overlap are left out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.text import Text


class KeptApart(Artist):
    """Hides texts that would overlap one before them, each time a figure is drawn.

    So it holds at any size and resolution, and as texts move in an animation.
    """

    def __init__(self, texts: Sequence[Text]) -> None:
        super().__init__()
        self.texts = list(texts)
        self.set_zorder(-1)  # drawn before them
        self.set_in_layout(False)

    def draw(self, renderer: Any) -> None:
        """Decides which texts are seen; draws nothing itself."""
        kept = np.empty((0, 4))  # left, bottom, right, top
        for text in self.texts:
            text.set_visible(True)  # else it has no extent
            box = text.get_window_extent(renderer).extents
            apart = (
                (kept[:, 0] >= box[2])
                | (kept[:, 2] <= box[0])
                | (kept[:, 1] >= box[3])
                | (kept[:, 3] <= box[1])
            )
            text.set_visible(bool(apart.all()))
            if apart.all():
                kept = np.vstack([kept, box])


def keep_apart(ax: Axes, texts: Sequence[Text]) -> None:
    """Shows only those of these texts that overlap none before them; see `KeptApart`."""
    if texts:
        ax.add_artist(KeptApart(texts))
