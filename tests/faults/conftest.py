"""Fixtures of the tests that open hostile run directories."""

import pytest

from tests.faults import hostile_files
from tests.faults.probe import Probe

LONGEST = ("test_untrusted_runs", "test_fuzz_command_line", "test_failing_writes", "test_kill")
UNAWAITED = "ignore:coroutine .* was never awaited:RuntimeWarning"


def pytest_collection_modifyitems(items):
    """Begin with the longest files, so that two processes end at about the same time.

    A save that fails leaves coroutines of Orbax behind, which the collector may find in a later
    test of the same process.
    """
    items.sort(key=lambda item: item.path.stem not in LONGEST)
    for item in items:
        if item.get_closest_marker("fault"):
            item.add_marker(pytest.mark.filterwarnings(UNAWAITED))


@pytest.fixture(scope="session")
def originals(tmp_path_factory):
    """A folder with the runs `stopped` and `finished`, whose copies are made hostile."""
    folder = tmp_path_factory.mktemp("originals")
    hostile_files.train_runs(folder)
    return folder


@pytest.fixture(scope="session")
def probe():
    """The process that opens hostile runs and records its operations."""
    with Probe() as started:
        yield started
