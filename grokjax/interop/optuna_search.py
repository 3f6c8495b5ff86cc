"""Search for settings with Optuna, a population of members at a time.

The fastest grok, by learning rate, weight decay and initial scale:

    import optuna
    from grokjax import recipes
    from grokjax.interop.optuna_search import search

    def settings(trial):
        return {
            "learning_rate": trial.suggest_float("learning_rate", 1e-4, 1e-2, log=True),
            "weight_decay": trial.suggest_float("weight_decay", 0.1, 3, log=True),
            "init_scale": trial.suggest_float("init_scale", 0.3, 3, log=True),
        }

    study = optuna.create_study(pruner=optuna.pruners.MedianPruner(n_warmup_steps=400))
    config = recipes.get("notebook").config.replace(max_epochs=2_000)
    search(study, settings, config, "runs/search", populations=5, population=16)
    print(study.best_params, study.best_value)
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from grokjax.analysis import times
from grokjax.config.config import Config
from grokjax.config.sweep import Sweep
from grokjax.errors import invalid
from grokjax.interop.libraries import import_library
from grokjax.interop.scalars import Scalars
from grokjax.results.run import Run
from grokjax.runtime.arguments import integer_at_least
from grokjax.training.api import train

if TYPE_CHECKING:
    import optuna

PLACE = "grokjax population"
"""Attribute of a trial: the name of the run directory that its members are in."""


def epochs_to_grok(run: Run) -> np.ndarray:
    """Epoch at which each member grokked, float64 `[M]`: the default objective of a search.

    For a member that did not grok it is `max_epochs` times one plus the share of the test examples
    that its best evaluation had wrong, so it is from one to two times `max_epochs`; it is two times
    for a member that diverged.
    """
    grokked, history = times.events(run).grokked.epochs, run.history
    best = history.test_accuracy.max("eval").fillna(0).values
    best = np.where(run.members["status"] == "diverged", 0, best)
    return np.where(np.isnan(grokked), run.config.max_epochs * (2 - best), grokked)


def share_wrong(metrics: Scalars) -> np.ndarray:
    """Share of test examples with a wrong prediction, `[E]`: what a pruner compares by default."""
    return 1 - metrics["test_accuracy"]


def search(
    study: optuna.Study,
    settings: Callable[[optuna.Trial], dict[str, Any]],
    config: Config,
    out: str | os.PathLike[str],
    *,
    populations: int = 1,
    population: int = 16,
    seeds: Iterable[int] = (0,),
    objective: Callable[[Run], np.ndarray] = epochs_to_grok,
    intermediate: Callable[[Scalars], np.ndarray] = share_wrong,
    **how: Any,
) -> list[Run]:
    """Train populations of members whose settings Optuna suggests, and tell it what they gave.

    A population is one launch: members that share their static settings train in one compiled
    program, which later populations use again. A member whose trial the study's pruner gives up
    ends with status `pruned`. A search that was stopped goes on if its study is stored
    (`create_study(storage=..., load_if_exists=True)`): call it again.

    Args:
      study: of Optuna; its direction is that of `objective` and `intermediate`.
      settings: suggests a trial's settings, by name; any setting of `config` may be among them.
      config: all other settings.
      out: directory in which each population's run directory is: `population-000`, ...
      populations: how many to train.
      population: trials of each.
      seeds: each trial is trained with each; its value is their median. With several, nothing is
        pruned.
      objective: values of a finished run's members, `[M]`.
      intermediate: values of E evaluations, `[E]`, for the pruner.
      how: as for `grokjax.train`, such as `lanes` and `progress`.

    Returns:
      The runs, in order.

    Raises:
      ConfigError: Optuna is not installed (extra `optuna`), settings or arguments that cannot be
        used.
      Interrupted: as for `grokjax.train`.
    """
    import_library("optuna", "search")
    for name, count in (("populations", populations), ("population", population)):
        integer_at_least(1)(name, count)
    seeds = list(seeds)
    if not seeds:
        raise invalid("seeds", seeds, "must name at least one seed")
    runs = []
    for trials, name in _populations(study, Path(out), populations, population):
        suggested = [_settings_of(trial, settings, name) for trial in trials]
        members = [config.replace(**each, seed=seed) for each in suggested for seed in seeds]
        place = {member: i for i, member in enumerate(dict.fromkeys(members))}
        rows = np.array([place[m] for m in members]).reshape(len(trials), len(seeds))
        watch = _Pruner(dict(zip(rows[:, 0].tolist(), trials, strict=True)), intermediate)
        callback = {} if len(seeds) > 1 else {"on_evaluation": watch}
        run = train(_sweep(config, list(place)), Path(out) / name, resume=True, **callback, **how)
        _tell(study, trials, objective(run)[rows], run.members["status"].to_numpy()[rows])
        runs.append(run)
    return runs


def _populations(study: optuna.Study, out: Path, number: int, size: int) -> Any:
    """Yield the trials of each population, with its name: first those of a search that stopped."""
    of_population: dict[str, list[Any]] = {}
    for frozen in study.get_trials(deepcopy=False):
        if name := frozen.user_attrs.get(PLACE):
            of_population.setdefault(name, []).append(frozen)
    unfinished = [n for n, each in of_population.items() if any(_is_running(t) for t in each)]
    for name in unfinished:
        # All of its trials, also those that the study knows the values of, make the same sweep.
        yield [_trial(study, frozen) for frozen in of_population[name]], name
    names = (f"population-{i:03d}" for i in itertools.count())
    free = (name for name in names if name not in of_population and not (out / name).exists())
    for _ in range(number - len(unfinished)):
        yield [study.ask() for _ in range(size)], next(free)


def _is_running(frozen: Any) -> bool:
    return not frozen.state.is_finished()


def _trial(study: optuna.Study, frozen: Any) -> Any:
    """Return a stored trial as one that settings can be suggested from, as they were before."""
    import optuna

    if _is_running(frozen):
        return optuna.Trial(study, frozen._trial_id)
    return optuna.trial.FixedTrial(frozen.params, frozen.number)


def _settings_of(trial: optuna.Trial, settings: Callable[..., Any], name: str) -> dict[str, Any]:
    suggested = settings(trial)
    trial.set_user_attr(PLACE, name)  # last: only a whole trial can be resumed
    return suggested


def _sweep(config: Config, members: list[Config]) -> Sweep:
    """Return the sweep of these members, which differ from `config` in some settings."""
    base = config.values
    names = {n for m in members for n, v in m.values.items() if n not in base or base[n] != v}
    columns = {name: [m.values.get(name) for m in members] for name in sorted(names | {"seed"})}
    return Sweep.zip(config, **columns)


def _tell(study: optuna.Study, trials: list[Any], values: np.ndarray, statuses: np.ndarray) -> None:
    """Tell the study the median over seeds of each trial, `[trials, seeds]`."""
    from optuna.trial import FixedTrial, TrialState

    for trial, value, status in zip(trials, np.median(values, axis=1), statuses, strict=True):
        if isinstance(trial, FixedTrial):  # told before the search was stopped
            continue
        if (status == "pruned").any():
            study.tell(trial, state=TrialState.PRUNED)
        else:
            study.tell(trial, float(value))


class _Pruner:
    """Reports evaluations to trials, by member, and returns the members to stop."""

    def __init__(self, trials: dict[int, Any], intermediate: Callable[[Scalars], np.ndarray]):
        self._trials, self._intermediate = trials, intermediate

    def __call__(self, members: np.ndarray, epochs: np.ndarray, metrics: Scalars) -> list[int]:
        stopped, values = [], np.asarray(self._intermediate(metrics))
        for m, epoch, value in zip(members.tolist(), epochs.tolist(), values.tolist(), strict=True):
            if m not in self._trials:
                continue
            self._trials[m].report(value, epoch)  # a FixedTrial ignores it
            if self._trials[m].should_prune():
                stopped.append(m)
        return stopped
