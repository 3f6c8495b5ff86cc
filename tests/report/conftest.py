"""A finished run and its page for tests of the report."""

import pytest

import grokjax
from tests.conftest import TINY
from tests.report.pages import write_page


@pytest.fixture(scope="session")
def finished(tmp_path_factory):
    """A run of two moduli and two learning rates, one of which diverges."""
    config = grokjax.Config(**TINY)
    sweep = grokjax.Sweep(config, modulus=[5, 7], learning_rate=[0.01, 1e30], weight_decay=[0, 1])
    return grokjax.train(sweep, tmp_path_factory.mktemp("report") / "run", progress=False)


@pytest.fixture(scope="session")
def finished_page(finished):
    return write_page(finished.directory)
