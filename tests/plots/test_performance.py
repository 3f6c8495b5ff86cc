"""Occupancy of lanes."""

import numpy as np
import pandas as pd

from grokjax import plots


def test_occupancy_shows_sessions_one_after_the_other():
    rounds = pd.DataFrame(
        {
            "session": [5.0, 5.0, 900.0],
            "seconds": [60.0, 120.0, 60.0],
            "lanes": 4,
            "busy": [4, 3, 1],
            "pending": [2, 0, 0],
        }
    )
    ax = plots.occupancy(rounds)
    right = ax.get_figure().axes[-1]
    np.testing.assert_allclose(right.lines[0].get_xdata(), [1, 2, 3])
    np.testing.assert_array_equal(right.lines[0].get_ydata(), [2, 0, 0])
    assert not plots.occupancy(pd.DataFrame()).lines
