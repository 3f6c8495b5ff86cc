"""Groups of members that differ only in their seeds."""

import numpy as np

from grokjax import plots
from grokjax.results.seed_groups import describe_sweep, seed_groups, swept_settings
from tests.plots.helpers import medians, swept


def test_groups_differ_in_more_than_seeds():
    history = swept(2, weight_decay=[0.0, 1.0])
    history = history.assign_coords(data_seed=("member", [5, 6, 5, 6]))
    found = seed_groups(history)
    assert [group.rows.tolist() for group in found] == [[0, 1], [2, 3]]
    assert [group.values for group in found] == ["0", "1"]


def test_a_setting_with_one_value_is_not_swept():
    history = swept(weight_decay=[0.5])
    assert swept_settings(history) == []
    assert describe_sweep(history) == "weight decay 0.5, 3 seeds"
    lines = plots.accuracy(history).lines
    np.testing.assert_allclose(lines[1].get_ydata(), medians(history, "test_accuracy"))
