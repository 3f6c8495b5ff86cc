"""Refusals of arguments that `train` and `resume` cannot take, before anything is written."""

import pytest

import grokjax
import grokjax.recipes
import grokjax.training.progress
from grokjax import Config
from tests.conftest import TINY
from tests.results.test_selection import refusal


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    config = Config(**TINY | {"max_epochs": 2})
    return grokjax.train(config, tmp_path_factory.mktemp("runs") / "run", progress=False)


@pytest.mark.parametrize(
    "sweep", [None, "runs/x", {}, [Config()], 0, grokjax.recipes.get("notebook")]
)
def test_what_is_no_sweep_is_refused_before_anything_is_written(run, sweep, tmp_path):
    said = refusal(grokjax.train, sweep, tmp_path / "run", progress=False)
    assert said.startswith("sweep must be a Sweep or a Config, such as recipe.config, got ")
    if sweep is not None:  # a resume of the sweep as it is
        assert said == refusal(grokjax.resume, run.directory, sweep=sweep)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("progress", [None, 1, "yes", grokjax.training.progress.Progress], ids=repr)
def test_what_shows_no_progress_is_refused_before_anything_is_written(run, progress, tmp_path):
    calls = [(grokjax.train, Config(**TINY), tmp_path / "run"), (grokjax.resume, run.directory)]
    for call, *arguments in calls:
        said = refusal(call, *arguments, progress=progress)
        assert said.startswith(
            "progress must be True, False or a grokjax.training.progress.Progress"
        )
    assert list(tmp_path.iterdir()) == []


def test_a_run_is_resumed_with_a_config(tmp_path):
    config = Config(**TINY | {"max_epochs": 2})
    grokjax.train(config, tmp_path / "run", progress=False)
    longer = config.replace(max_epochs=4)
    run = grokjax.resume(tmp_path / "run", sweep=longer, progress=False)
    assert run.members["epochs"].tolist() == [4]
