"""A run with the user's own pieces is read without JAX, flax and the user's module."""

from pathlib import Path

import pytest

from tests.own_pieces import FILE, run_program, train_own

BLOCK = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"jax", "jaxlib", "flax", "optax", "orbax", "your_own"}:
            raise ImportError(f"{name} is blocked")
sys.meta_path.insert(0, Blocked())
import grokjax
from grokjax.cli.main import main
directory = sys.argv[1]
run = grokjax.load(directory)
"""

READ = """
assert run.members["status"].tolist() == ["not memorised"] * 4
assert run.members["size"].tolist() == [5, 5, 6, 6]
assert run.history["effective_rank"].shape == (4, 4)
assert run.history["size"].values.tolist() == [5, 5, 6, 6]
assert run.grid("test_loss").sizes == {"eval": 4, "size": 2, "seed": 2}
assert len(run.rounds) > 0
larger = run.select(size=6)
assert larger.params["second"]["kernel"].shape == (2, 4, 4)
assert larger.params_of(3)["output"]["bias"].shape == (6,)
assert larger.embeddings.shape == (2, 6, 4)
assert larger.snapshots.sizes == {"member": 2, "epoch": 4, "token": 6, "dimension": 4}
assert larger.param_snapshots("second/kernel").shape == (2, 4, 4, 4)
assert (larger.at(2).params["output"]["bias"] != larger.at(4).params["output"]["bias"]).any()
from grokjax.analysis.through_training import through_training
largest = through_training(lambda run: run.params["output"]["kernel"].max(axis=(1, 2)), larger)
assert largest.sizes == {"member": 2, "epoch": 4}
assert larger.network.model == "SkipNet"
assert run.config == grokjax.load(directory).config and run.sweep == grokjax.load(directory).sweep
assert run.of([0]).config.train_size == 12
assert main(["info", directory]) == 0
assert "jax" not in sys.modules
"""

REFUSE = """
import contextlib, io
message = "task maximum must be imported first: it is defined in your_own; give --import %(file)s"
message += ", or import your_own in Python and load the run again"
def refused(call, expected):
    try:
        call()
    except grokjax.ConfigError as error:
        assert expected in str(error) and "\\\\n" not in str(error), error
    else:
        raise AssertionError(expected)
refused(lambda: run.data_of(0), message)
params = run.params_of(0)
refused(lambda: run.apply(params, [[0, 1]]), message.replace("task maximum", "model SkipNet"))
with contextlib.redirect_stderr(io.StringIO()) as said:
    assert main(["resume", directory]) == 2
assert said.getvalue().startswith("grokjax: " + message), said.getvalue()
assert said.getvalue().count("\\n") == 1
"""

WITH_JAX = """
import sys
import grokjax
try:
    grokjax.resume(sys.argv[1])
except grokjax.ConfigError as error:
    assert str(error).startswith("task maximum must be imported first"), error
else:
    raise AssertionError("resumed")
"""


@pytest.fixture(scope="module")
def directory(tmp_path_factory):
    return train_own(tmp_path_factory.mktemp("runs") / "own").directory


def path_from_here(file):
    """Return the path that messages show: from the working directory, if the file is below it."""
    here = Path.cwd()
    return str(file.relative_to(here) if file.is_relative_to(here) else file)


def test_a_run_is_read_without_jax_or_the_module(directory):
    run_program(BLOCK + READ, directory)


def test_what_needs_the_module_says_what_to_import(directory):
    run_program(BLOCK + REFUSE.replace("%(file)s", path_from_here(FILE)), directory)


def test_resume_in_python_says_what_to_import(directory):
    before = sorted(path.name for path in directory.rglob("*"))
    run_program(WITH_JAX, directory)
    assert sorted(path.name for path in directory.rglob("*")) == before
