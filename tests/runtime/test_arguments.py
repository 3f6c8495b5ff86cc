"""Call every public function of analysis and plots with arguments of the wrong kind."""

import re

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from grokjax import ConfigError, plots
from grokjax.analysis import circles, fourier, incidence, inversion, pca, times
from grokjax.analysis.over_members import OverMembers
from grokjax.analysis.quartiles import quartile_band
from grokjax.metrics import spectrum
from grokjax.runtime.arguments import integer_at_least, positive_number, sequence, takes

CIRCLE = np.stack([np.cos(np.arange(7)), np.sin(np.arange(7))], axis=1)  # [P, 2]
READINGS = [circles.Reading("", 0, 0)]
TABLES = np.random.default_rng(0).normal(size=(3, 7, 4))  # [M, P, D]
TIMES = times.Times.from_arrays([20.0, 40.0], [20.0, 40.0])
"""Two members that got there."""


CALLS = {
    circles.component_pairs: {"scores": TABLES},
    circles.frequency_of: {"step": [1, 2], "modulus": 7},
    circles.step_of: {"frequency": [1, 2], "modulus": 7},
    circles.read: {"shares": np.ones((2, 3)) / 3, "modulus": 7, "pure": 0.9},
    fourier.gini: {"values": np.ones((2, 5))},
    fourier.participation: {"power": np.ones((2, 5))},
    spectrum.basis: {"modulus": 7},
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
    times.first_epoch: {"values": np.ones((2, 3)), "epochs": [0, 1, 2]},
    quartile_band: {"values": np.ones((2, 3))},
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
    plots.periodicity: {"frequency": np.ones(5), "ipr": np.ones(5)},
    plots.times_against: {"name": "x", "values": [1, 2], "named": {"x": TIMES}, "limit": 60},
    plots.medians: {"name": "x", "named": {"x": incidence.by_value(np.array([1, 2]), TIMES)}},
}  # fmt: skip
"""Valid arguments of each function."""

ANY_VALUE = {"name"}
"""Arguments that may be anything, because the figure shows them as text."""


def call(function, arguments):
    """Call the function, with the first argument by position if it takes arrays of all members."""
    if isinstance(function, OverMembers):
        first, *others = arguments
        return function(arguments[first], **{name: arguments[name] for name in others})
    return function(**arguments)


@pytest.mark.parametrize("function", CALLS, ids=lambda f: f"{f.__module__}.{f.__name__}")
def test_an_invalid_argument_is_named_in_one_line(function):
    arguments = CALLS[function]
    call(function, arguments)
    expected = (*arguments, function.__name__)
    for name in arguments.keys() - ANY_VALUE:
        for bad in (None, "text", object()):
            with pytest.raises(ConfigError) as error:
                call(function, arguments | {name: bad})
            line = str(error.value)
            assert line.startswith((name, function.__name__)), (line, expected)
            assert re.search(r" (must|needs) .*got | is not allowed; ", line), line
            assert "\n" not in line


@takes(
    points="P 2",
    key="P",
    rows="... P",
    count=integer_at_least(1),
    rate=positive_number,
    names=sequence,
)
def example(points=None, key=None, rows=None, count=None, rate=None, names=None):
    """Return the arguments; checked like those of the functions above."""
    return points, key, rows, count, rate, names


POINTS = "points must be numbers of shape [P, 2]"
SAME_P = " with P = 1 as in another argument"


@pytest.mark.parametrize(
    ("given", "requirement", "found"),
    [
        ({"points": np.ones((3, 3))}, POINTS, "float64 of shape (3, 3)"),
        ({"points": np.ones(3)}, POINTS, "float64 of shape (3,)"),
        ({"points": [["1", "2"]]}, POINTS, "<U1 of shape (1, 2)"),
        ({"points": [[1, 2], [3]]}, POINTS, "[[1, 2], [3]]"),
        ({"points": [[1, 2]], "key": [1, 2]}, f"key must be numbers of shape [P]{SAME_P}",
         "int64 of shape (2,)"),
        ({"key": [1], "rows": np.ones((5, 2))}, f"rows must be numbers of shape [..., P]{SAME_P}",
         "float64 of shape (5, 2)"),
        ({"rows": 3.0}, "rows must be numbers of shape [..., P]", "float64 of shape ()"),
        ({"count": 0}, "count must be a whole number of at least 1", "0"),
        ({"count": 1.0}, "count must be a whole number of at least 1", "1.0"),
        ({"count": True}, "count must be a whole number of at least 1", "True"),
        ({"rate": -1}, "rate must be a number above 0", "-1"),
        ({"rate": float("nan")}, "rate must be a number above 0", "nan"),
        ({"names": "ab"}, "names must be a list", "'ab'"),
        ({"names": np.array(1)}, "names must be a list", "array(1)"),
    ],
)  # fmt: skip
def test_arrays_and_numbers_are_checked(given, requirement, found):
    with pytest.raises(ConfigError) as error:
        example(**given)
    assert str(error.value) == f"{requirement}, got {found}"


def test_valid_arguments_reach_the_function_unchanged():
    points = xr.DataArray(np.ones((4, 2), bool))
    given = (points, pd.Series([1, 2, 3, 4]), np.ones((2, 3, 4)), np.int64(2), np.float32(1), ())
    assert example(*given) == given
    assert example(rows=[1, 2], names=[]) == (None, None, [1, 2], None, None, [])


def test_an_array_of_one_member_is_refused_where_members_are_expected():
    """Its first axis would be read as members, each with one token."""
    for function, name in (
        (pca.pca, "embedding"),
        (fourier.power, "table"),
        (fourier.planes, "embedding"),
        (circles.component_pairs, "scores"),
    ):
        with pytest.raises(ConfigError, match=rf"{name} must be .*, got float\d+ of shape \(4,\)"):
            function(TABLES[0])
    for function, name in ((fourier.gini, "values"), (fourier.participation, "power")):
        with pytest.raises(ConfigError, match=rf"{name} must be .*, got float\d+ of shape \(\)"):
            function(np.ones(5))
    with pytest.raises(ConfigError, match="components must be one value for all members"):
        pca.pca(TABLES, components=[1, 2])
    with pytest.raises(ConfigError, match=r"fit must be a grokjax\.metrics\..*PCA"):
        pca.project(np.ones((3, 2, 7, 4)), np.ones((3, 2)))


def test_lengths_of_an_axis_must_agree_between_arguments():
    with pytest.raises(ConfigError, match=r"epochs must .* with T = 3 .*, got .*\(2,\)"):
        times.first_epoch(np.ones((2, 3)), [0, 1])


@pytest.mark.parametrize("history", [None, "run", 3, {}], ids=repr)
def test_an_invalid_history_is_refused(history):
    for draw in (plots.accuracy, plots.loss, plots.curves, plots.norms):
        with pytest.raises(ConfigError, match=r"history must be a history, such as run\.history"):
            draw(history)
    with pytest.raises(ConfigError, match=r"history must be a history, such as run\.history"):
        plots.incidences(history, {})
    with pytest.raises(ConfigError, match=r"run must be a Run, such as"):
        times.events(history)
    for function in (incidence.time_to, incidence.delay_of_grokked):
        with pytest.raises(ConfigError, match=r"found must be a grokjax.analysis"):
            function(history)
