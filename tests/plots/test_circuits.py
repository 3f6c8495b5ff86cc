"""Clock or pizza: marks by label, bounds, published medians."""

import numpy as np

from grokjax import plots

MEASURED = [0.5, 0.5, 1.0], [0.99, 0.99, 0.4], [0.2, 0.3, 0.9], [1, 1, 1]


def legend(fig):
    return {text.get_text() for text in fig.legends[0].get_texts()}


def test_labels_are_those_of_the_measures_unless_given():
    assert {"pizza (2)", "clock (1)"} <= legend(plots.circuits_against("rate", *MEASURED))
    given = plots.circuits_against("rate", *MEASURED, labels=["clock", "pizza", "neither"])
    assert {"pizza (1)", "clock (1)", "neither (1)"} <= legend(given)


def test_only_the_two_measures_have_bounds_and_published_medians_have_no_edge():
    names = "gradient symmetricity", "of another definition"
    published = (0, 0.5, 1), (0.9, 0.5), (0.2, 0.7)
    fig = plots.circuits_against("rate", *MEASURED, published=published, names=names)
    dotted = [[x.get_linestyle() for x in ax.lines].count(":") for ax in fig.axes]
    assert dotted == [1, 0]
    (steps,) = fig.axes[0].patches
    assert np.min(steps.get_path().vertices[:, 1]) == 0.5
