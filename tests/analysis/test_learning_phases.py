"""The phases of curves whose turning points are known."""

import numpy as np
import pytest

from grokjax.analysis.learning_phases import phase_ends

EPOCHS = np.arange(0, 1100, 100)
TEST = [4.0, 8, 7, 6, 5, 4, 1, 0.1, 8e-2, 8e-4, 8e-4]
EXCLUDED = [4.0, 2, 1, 0.5, 0.5, 0.6, 2, 3, 0.1, 0.1, 0.1]


def ends(test, excluded=EXCLUDED, epochs=EPOCHS):
    return [float(end[0]) for end in phase_ends(epochs, np.array([test]), np.array([excluded]))]


def test_phases_end_at_their_turning_points():
    # Half of 8 is reached at 500, and the excluded loss has its last minimum before that at 400.
    # Nine tenths of the way from 8 to 8e-4 on a log scale is 2e-3, which is passed at 900.
    assert ends(TEST) == [400, 500, 900]


def test_what_follows_the_end_of_circuit_formation_does_not_move_the_end_of_memorisation():
    assert ends(TEST, [*EXCLUDED[:6], *[0.0] * 5]) == [400, 500, 900]


def test_a_member_that_has_not_grokked_has_no_phases():
    assert np.isnan(ends([*TEST[:7], *[1.0] * 4])).all()  # down to an eighth
    assert np.isnan(ends([np.nan] * 11)).all()


def test_evaluations_after_a_stop_are_left_out():
    test = [*TEST[:8], *[np.nan] * 3]
    assert ends(test) == ends(TEST[:8], EXCLUDED[:8], EPOCHS[:8]) == [400, 500, 700]


def test_members_have_phases_of_their_own():
    found = phase_ends(EPOCHS, np.array([TEST, [np.nan] * 11]), np.array([EXCLUDED] * 2))
    for end in found:
        assert end.shape == (2,)
        assert np.isfinite(end[0])
        assert np.isnan(end[1])


def test_curves_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="excluded_loss"):
        phase_ends(EPOCHS, np.ones((1, 11)), np.ones((1, 10)))
