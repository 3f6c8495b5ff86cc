"""Spectra, key frequencies and neurons."""

import numpy as np

from grokjax import plots
from tests.plots.helpers import visible_boxes


def test_spectra_show_the_given_power(tmp_path):
    key = np.array([False, True, False])
    ax = plots.spectrum({"embedding": np.array([0.1, 0.7, 0.2]), "output": np.ones(3) / 3}, key)
    assert [bar.get_height() for bar in ax.patches] == [0.1, 0.2, 0.7]  # key ones on top
    assert [text.get_text() for text in ax.texts] == ["2"]
    power = np.array([[1.0, 2, 3], [4, 5, 6], [np.nan] * 3])
    for log_epochs, shown in ((False, 6), (True, 3)):
        drawn = plots.spectrum_over_training(power, np.array([0, 20, 40]), "", None, log_epochs)
        cells = [c.get_array().size for c in drawn.collections]
        assert cells == ([shown] if shown > 3 else [])  # of a single epoch there is no map
        assert plots.save(drawn, tmp_path / "drawn.png").exists()
    image = plots.spectrum_of_members(np.eye(3), [4, 5, 6]).images[0]
    np.testing.assert_array_equal(image.get_array(), np.eye(3))
    planted = np.zeros((4, 4))
    planted[1, 3] = 5
    drawn = plots.spectrum_2d(planted).images[0].get_array()
    assert drawn[3, 1] == 1  # upwards is the frequency in b
    counts = plots.key_counts(np.array([6, 6, 7]))
    assert [(bar.get_center()[0], bar.get_height()) for bar in counts.patches] == [(6, 2), (7, 1)]
    neurons = plots.neurons(np.array([2, 2, 0]), np.array([0.9, 0.5, np.nan]), key)
    assert len(neurons.lines[0].get_ydata()) == 3


def test_numbers_of_neighbouring_key_frequencies_do_not_overlap():
    key = np.ones(400, bool)
    ax = plots.spectrum({"embedding": np.linspace(1, 2, 400)}, key)
    found = visible_boxes(ax)
    assert 10 < len(found) < 100
    assert not any(box.overlaps(other) for i, box in enumerate(found) for other in found[:i])


def test_rows_of_members_are_labelled_by_their_setting():
    groups = ["decay 0"] * 2 + ["decay 1"] * 4
    ax = plots.spectrum_of_members(np.eye(6), range(6), groups=groups, name="decay")
    assert ax.get_ylabel() == "decay"
    assert [text.get_text() for text in ax.get_yticklabels()] == ["decay 0", "decay 1"]
    assert ax.get_yticks().tolist() == [0.5, 3.5]
    assert [line.get_ydata()[0] for line in ax.lines] == [1.5]
