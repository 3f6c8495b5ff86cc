"""The runs that examples in docstrings open, and forgetting what a test has registered."""

import pytest
from _pytest.doctest import DoctestItem

from grokjax.cli import imports
from grokjax.config.settings import KINDS
from grokjax.metrics import metric
from grokjax.terminal import printed_commands


@pytest.fixture(autouse=True)
def pieces_of_one_test():
    """Forget afterwards the pieces that a test has registered, and the files it has imported."""
    known = [imports._metrics, metric.REGISTERED]
    known += [names for kind in KINDS.values() for names in (kind._classes, kind._sources)]
    before, imported = [dict(names) for names in known], list(printed_commands._imported)
    printed_commands._imported.clear()  # by a test module that imports a file for its tests
    yield
    for names, kept in zip(known, before, strict=True):
        names.clear()
        names.update(kept)
    printed_commands._imported[:] = imported


@pytest.fixture(scope="session")
def example_folder(tmp_path_factory):
    """A folder with the run `runs/small`: two weight decays and two seeds, with kept states."""
    import grokjax

    folder = tmp_path_factory.mktemp("examples")
    config = grokjax.Config(
        modulus=5,
        embed_dim=4,
        hidden_dim=8,
        max_epochs=20,
        eval_every=10,
        stop_when="never",
        snapshot="states",
        snapshot_every=10,
    )
    sweep = grokjax.Sweep(config, weight_decay=[0.0, 1.0], seed=range(2))
    grokjax.train(sweep, folder / "runs" / "small", progress=False)
    return folder


@pytest.fixture(autouse=True)
def in_example_folder(request, monkeypatch):
    """Run an example that names a run in the folder of `runs/small`."""
    item = request.node
    if isinstance(item, DoctestItem) and any("runs/" in e.source for e in item.dtest.examples):
        monkeypatch.chdir(request.getfixturevalue("example_folder"))
