"""Public functions of analysis and plots, each called with what it cannot take."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from grokjax import ConfigError, plots
from grokjax.analysis import circles, concentration, fourier, incidence, inversion, pca, timing
from grokjax.analysis.members import OverMembers
from grokjax.arguments import positive, sequence, takes, whole

CIRCLE = np.stack([np.cos(np.arange(7)), np.sin(np.arange(7))], axis=1)  # [P, 2]
READINGS = [circles.Reading("", 0, 0)]
TABLES = np.random.default_rng(0).normal(size=(3, 7, 4))  # [M, P, D]
TIMES = timing.Times.of([20.0, 40.0], [20.0, 40.0])
"""Two members that got there."""


CALLS = {
    circles.pairs: {"scores": TABLES},
    circles.frequency_of: {"step": [1, 2], "modulus": 7},
    circles.step_of: {"frequency": [1, 2], "modulus": 7},
    circles.read: {"shares": np.ones((2, 3)) / 3, "modulus": 7, "pure": 0.9},
    concentration.gini: {"values": np.ones((2, 5))},
    concentration.participation: {"power": np.ones((2, 5))},
    fourier.basis: {"modulus": 7},
    fourier.power: {"table": TABLES},
    fourier.shares: {"power": np.ones((2, 3))},
    fourier.is_key: {"power": np.ones((2, 3)), "times": 1.25},
    fourier.planes: {"embedding": TABLES},
    fourier.rotation: {"points": CIRCLE},
    fourier.circularity: {"points": CIRCLE},
    incidence.incidence: {"times": TIMES},
    incidence.by_value: {"values": np.array([1, 2]), "times": TIMES},
    inversion.inverted_share: {"train": [0.9], "noise": [0.1]},
    inversion.phases: {"train": [0.9], "test": [0.9], "noise": [0.1]},
    pca.pca: {"embedding": TABLES, "components": 2},
    timing.first_epoch: {"values": np.ones((2, 3)), "epochs": [0, 1, 2]},
    timing.band: {"values": np.ones((2, 3))},
    plots.components: {"scores": CIRCLE, "explained": [0.5, 0.5], "readings": READINGS},
    plots.planes: {"points": CIRCLE[None], "frequencies": [1], "circularity": [1], "steps": [1]},
    plots.figure: {"width": 7, "height": 4, "columns": 1, "rows": 1},
    plots.heat_map: {"values": xr.DataArray(np.ones((2, 2)), {"a": [0, 1], "b": [0, 1]})},
    plots.incidence: {"named": {"x": incidence.incidence(TIMES)}},
    plots.occupancy: {"rounds": pd.DataFrame({name: [1.0] for name in (
        "session", "seconds", "lanes", "busy", "pending")})},
    plots.scaling: {"speeds": {1: [1.0]}},
    plots.throughput: {"curves": {"grokjax": {1: 1.0}}, "limits": {}},
    plots.phase_diagram: {"codes": np.zeros((1, 1, 1), int), "names": ["a"],
                          "x": ("x", np.ones(1)), "y": ("y", np.ones(1))},
    plots.spectrum: {"shares": {"x": np.ones(3) / 3}, "key": np.ones(3, bool)},
    plots.spectrum_over_training: {"power": np.ones((2, 3)), "epochs": np.array([0, 1])},
    plots.spectrum_of_members: {"shares": np.ones((2, 3)), "members": [0, 1]},
    plots.spectrum_2d: {"power": np.ones((3, 3))},
    plots.key_counts: {"counts": [1, 2]},
    plots.neurons: {"frequency": np.ones(5), "share": np.ones(5), "key": np.ones(3, bool)},
    plots.times_against: {"name": "x", "values": [1, 2], "named": {"x": TIMES}, "limit": 60},
    plots.medians: {"name": "x", "named": {"x": incidence.by_value(np.array([1, 2]), TIMES)}},
}  # fmt: skip
"""Function to arguments that it takes."""

WRITTEN_OUT = {"name"}
"""Arguments that may be anything, as they are written into the figure."""


def call(function, arguments):
    """Calls it; arrays of all members go by position."""
    if isinstance(function, OverMembers):
        first, *others = arguments
        return function(arguments[first], **{name: arguments[name] for name in others})
    return function(**arguments)


@pytest.mark.parametrize("function", CALLS, ids=lambda f: f"{f.__module__}.{f.__name__}")
def test_what_a_function_cannot_take_is_refused_by_name_in_one_line(function):
    arguments = CALLS[function]
    call(function, arguments)
    expected = (*arguments, function.__name__)
    for name in arguments.keys() - WRITTEN_OUT:
        for bad in (None, "text", object()):
            with pytest.raises(ConfigError) as refused:
                call(function, arguments | {name: bad})
            line = str(refused.value)
            assert line.startswith((name, function.__name__)), (line, expected)
            assert "is not allowed; " in line
            assert "\n" not in line


@takes(points="P 2", key="P", rows="... P", count=whole(1), rate=positive, names=sequence)
def taking(points=None, key=None, rows=None, count=None, rate=None, names=None):
    """As the functions above are."""
    return points, key, rows, count, rate, names


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"points": np.ones((3, 3))}, "points: float64 of shape (3, 3) is not allowed; give num"),
        ({"points": np.ones(3)}, "points: float64 of shape (3,) is not allowed; give numbers of"),
        ({"points": [["1", "2"]]}, "points: <U1 of shape (1, 2) is not allowed"),
        ({"points": [[1, 2], [3]]}, "points: [[1, 2], [3]] is not allowed; give numbers of shape"),
        ({"points": [[1, 2]], "key": [1, 2]}, "key: int64 of shape (2,) is not allowed; give "
         "numbers of shape [P], P being 1 in another argument"),
        ({"key": [1], "rows": np.ones((5, 2))}, "rows: float64 of shape (5, 2) is not allowed"),
        ({"rows": 3.0}, "rows: float64 of shape () is not allowed; give numbers of shape [..., P]"),
        ({"count": 0}, "count: 0 is not allowed; a whole number of at least 1"),
        ({"count": 1.0}, "count: 1.0 is not allowed; a whole number"),
        ({"count": True}, "count: True is not allowed"),
        ({"rate": -1}, "rate: -1 is not allowed; a number above 0"),
        ({"rate": float("nan")}, "rate: nan is not allowed; a number above 0"),
        ({"names": "ab"}, "names: 'ab' is not allowed; give a list"),
        ({"names": np.array(1)}, "names: array(1) is not allowed; give a list"),
    ],
)  # fmt: skip
def test_arrays_and_numbers_are_checked(given, message):
    with pytest.raises(ConfigError) as refused:
        taking(**given)
    assert str(refused.value).startswith(message)
    assert "\n" not in str(refused.value)


def test_what_fits_is_taken_as_it_is():
    points = xr.DataArray(np.ones((4, 2), bool))
    given = (points, pd.Series([1, 2, 3, 4]), np.ones((2, 3, 4)), np.int64(2), np.float32(1), ())
    assert taking(*given) == given
    assert taking(rows=[1, 2], names=[]) == (None, None, [1, 2], None, None, [])


def test_one_members_array_is_not_taken_for_all_of_them():
    """It would be analysed as so many members, of one token each."""
    for function, name in (
        (pca.pca, "embedding"),
        (fourier.power, "table"),
        (fourier.planes, "embedding"),
        (circles.pairs, "scores"),
    ):
        with pytest.raises(ConfigError, match=rf"{name}: float32 of shape \(4,\) is not allowed; "):
            function(TABLES[0])
    for function, name in ((concentration.gini, "values"), (concentration.participation, "power")):
        with pytest.raises(ConfigError, match=rf"{name}: float32 of shape \(\) is not allowed"):
            function(np.ones(5))
    with pytest.raises(ConfigError, match=r"components: .* is not allowed; give one value for all"):
        pca.pca(TABLES, components=[1, 2])
    with pytest.raises(ConfigError, match=r"onto: .* is not allowed; give a grokjax.analysis"):
        pca.project(np.ones((3, 2, 7, 4)), np.ones((3, 2)))


def test_axes_that_must_agree_are_compared():
    with pytest.raises(ConfigError, match=r"epochs: .* \(2,\) .*, T being 3 in another argument"):
        timing.first_epoch(np.ones((2, 3)), [0, 1])


@pytest.mark.parametrize("history", [None, "run", 3, {}], ids=repr)
def test_what_is_no_history_is_refused(history):
    for draw in (plots.accuracy, plots.loss, plots.curves, plots.norms):
        with pytest.raises(ConfigError, match=r"history: .* is not allowed; give a history, such"):
            draw(history)
    with pytest.raises(ConfigError, match=r"history: .* is not allowed; give a history, such"):
        plots.incidences(history, {})
    with pytest.raises(ConfigError, match=r"run: .* is not allowed; give a Run, such as"):
        timing.events(history)
    for function in (incidence.time_to, incidence.delay_of_grokked):
        with pytest.raises(ConfigError, match=r"found: .* is not allowed; give a grokjax.analysis"):
            function(history)
