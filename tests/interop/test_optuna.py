"""A search trains populations in one program, tells their values, prunes, and can be stopped."""

import numpy as np
import pytest

import grokjax
from grokjax import Config
from grokjax.training import program
from tests.conftest import TINY
from tests.training.test_resume import stop_after

optuna = pytest.importorskip("optuna")

from grokjax.interop.optuna_search import epochs_to_grok, search  # noqa: E402

CONFIG = Config(**TINY)
HOW = {"devices": 1, "progress": False}


@pytest.fixture(autouse=True)
def quiet():
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def new_study(**how):
    return optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0), **how)


def settings(trial):
    return {
        "learning_rate": trial.suggest_float("learning_rate", 1e-4, 1e-1, log=True),
        "weight_decay": trial.suggest_float("weight_decay", 0.1, 3, log=True),
        "init_scale": trial.suggest_float("init_scale", 0.3, 3, log=True),
    }


def test_populations_share_a_program_and_every_trial_gets_its_members_value(tmp_path):
    study = new_study()
    before = program.compile_programs.cache_info().misses
    runs = search(study, settings, CONFIG, tmp_path, populations=3, population=4, **HOW)
    assert program.compile_programs.cache_info().misses <= before + 1
    assert [run.directory.name for run in runs] == [f"population-00{i}" for i in range(3)]
    trials = study.get_trials()
    assert len(trials) == 12
    for run, of_run in zip(runs, np.reshape(trials, (3, 4)), strict=True):
        values = epochs_to_grok(run)
        for m, trial in enumerate(of_run):
            assert {name: run.sweep[m].values[name] for name in trial.params} == trial.params
            assert trial.value == values[m]
            reported = [1 - run.history.test_accuracy.values[m, i] for i in range(4)]
            np.testing.assert_array_equal(list(trial.intermediate_values.values()), reported)
            assert list(trial.intermediate_values) == [0, 2, 4, 6]


def test_the_pruner_stops_members(tmp_path):
    class Second(optuna.pruners.BasePruner):
        def prune(self, study, trial):
            return trial.number == 1 and trial.last_step == 2

    study = new_study(pruner=Second())
    (run,) = search(study, settings, CONFIG, tmp_path, population=3, **HOW)
    assert run.members["status"].tolist() == ["not memorised", "pruned", "not memorised"]
    assert run.members["epochs"].tolist() == [6, 2, 6]
    states = [trial.state.name for trial in study.get_trials()]
    assert states == ["COMPLETE", "PRUNED", "COMPLETE"]


def test_static_settings_equal_trials_and_seeds_are_trained_once(tmp_path):
    study = new_study()

    def width(trial):
        return {"hidden_dim": [8, 12, 8][trial.number]}

    (run,) = search(study, width, CONFIG, tmp_path, population=3, seeds=[0, 1, 5], **HOW)
    assert len(run) == 6
    assert len(run.sweep.programs()) == 2
    values = epochs_to_grok(run).reshape(2, 3)
    medians = np.median(values, axis=1)
    assert [trial.value for trial in study.get_trials()] == [*medians, medians[0]]


def test_a_stopped_search_goes_on_with_the_same_trials(tmp_path, monkeypatch):
    storage = f"sqlite:///{tmp_path}/study.db"
    study = new_study(storage=storage, study_name="s")
    stop_after(monkeypatch, rounds=2)
    with pytest.raises(grokjax.Interrupted):
        search(study, settings, CONFIG, tmp_path, populations=2, population=3, **HOW)
    monkeypatch.undo()
    params = [trial.params for trial in study.get_trials()]
    again = new_study(storage=storage, study_name="s", load_if_exists=True)
    again.tell(2, 5.0)  # killed between two of them
    runs = search(again, settings, CONFIG, tmp_path, populations=2, population=3, **HOW)
    trials = again.get_trials()
    assert [trial.params for trial in trials[:3]] == params
    assert [trial.state.name for trial in trials] == ["COMPLETE"] * 6
    assert trials[2].value == 5.0
    assert [trial.value for trial in trials[:2]] == epochs_to_grok(runs[0])[:2].tolist()


@pytest.mark.parametrize(
    ("given", "message"),
    [({"populations": 0}, "populations must be"), ({"seeds": []}, "seeds must name")],
)
def test_arguments_that_cannot_be_used_are_refused(tmp_path, given, message):
    with pytest.raises(grokjax.ConfigError, match=message):
        search(new_study(), settings, CONFIG, tmp_path, **given)
