"""Times beside published ones, and the delay law."""

import numpy as np
import pytest

from grokjax import plots
from grokjax.analysis.accelerated_times import fit_accelerated_times
from grokjax.analysis.times import Times

RATIO = np.repeat([0.9, 1.0, 1.1], 4)
STEPS = 4_000 * np.exp(7.5 * (RATIO - 1)) * np.tile([0.9, 0.95, 1.05, 1.1], 3)
TIMES = Times.from_arrays(np.where(STEPS > 8_000, np.nan, STEPS), 8_000)


def test_delay_law_draws_members_censored_ones_the_fit_and_published_quartiles():
    fit = fit_accelerated_times(TIMES, RATIO - 1, "lognormal", resamples=20)
    ax = plots.delay_law(RATIO, TIMES, fit, {1.0: (3_697, 3_999, 4_214)})
    drawn = {line.get_label(): line.get_xydata() for line in ax.lines}
    assert len(drawn["members"]) + len(drawn["not yet"]) == 12
    assert set(drawn["not yet"][:, 1]) == {8_000}
    (law,) = (xy for label, xy in drawn.items() if "alpha" in label)
    assert law[0, 1] == pytest.approx(fit.baseline * np.exp(-0.1 * fit.slope))
    assert law[-1, 0] == pytest.approx(1.1)


def test_times_beside_has_a_row_for_each_group_from_the_top():
    named = {"first": TIMES[RATIO == 0.9], "second": TIMES[RATIO == 1.0]}
    ax = plots.times_beside(named, {"second": (3_697, 3_999, 4_214)})
    assert [text.get_text() for text in ax.get_yticklabels()] == ["first", "second"]
    assert ax.yaxis_inverted()
    medians = sorted(bar.lines[0].get_xdata()[0] for bar in ax.containers)
    assert medians[1:] == pytest.approx([3_999, 4_000], rel=0.01)
    assert medians[0] == pytest.approx(4_000 * np.exp(-0.75), rel=0.01)
