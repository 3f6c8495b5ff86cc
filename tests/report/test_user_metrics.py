"""Metrics of the user's own in the report."""

import numpy as np
import pytest

import grokjax
from grokjax.metrics.metric import Metric
from grokjax.report.training_sections import metrics_section
from tests.conftest import TINY
from tests.report.pages import write_page
from tests.training.user_pieces import METRICS


def output_kernel(params, evaluation):
    return params["output"]["kernel"]


KERNEL = Metric("output_kernel", output_kernel, ("neuron", "class"))


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Two weight decays of two seeds, with metrics of 0, 1 and 2 dimensions of their own."""
    sweep = grokjax.Sweep(grokjax.Config(**TINY), weight_decay=[0, 1], seed=[0, 1])
    out, metrics = tmp_path_factory.mktemp("metrics") / "run", (*METRICS, KERNEL)
    return grokjax.train(sweep, out, metrics=metrics, progress=False)


def test_numbers_are_lines_and_arrays_heat_maps(run):
    section = metrics_section(run)
    number, array = (figure.draw() for figure in section.figures)
    (ax,), recorded = number.axes, run.history.largest_weight.values
    assert ax.get_ylabel() == "largest weight"
    for line, rows in zip(ax.lines, ([0, 1], [2, 3]), strict=True):  # one for each weight decay
        np.testing.assert_allclose(line.get_ydata(), np.median(recorded[rows], axis=0))
    assert (array.get_xlabel(), array.get_ylabel()) == ("epoch", "percentile")
    drawn = array.collections[0].get_array()
    np.testing.assert_array_equal(drawn, run.history.margins.values[0].T)
    assert "output_kernel has several dimensions of its own" in section.text


def test_they_are_on_the_page_and_in_the_data_of_each_member(run):
    page = write_page(run.directory)
    alts = [image["alt"] for image in page.all("img")]
    assert {"Largest weight against epochs", "Margins of member 0 against epochs"} <= set(alts)
    last = [member["metrics"]["largest_weight"][-1] for member in page.data["members"]]
    np.testing.assert_allclose(last, run.history.largest_weight.values[:, -1], rtol=5e-3)


def test_a_run_without_them_has_no_such_section(finished, finished_page):
    assert metrics_section(finished) is None
    assert 'id="metrics"' not in finished_page.text
