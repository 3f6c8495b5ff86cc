"""Several runs as one: `grokjax.concat`."""

import numpy as np
import pytest

import grokjax
from grokjax import Config, Sweep, concat, load
from grokjax.analysis import times
from grokjax.metrics.metric import as_metric
from grokjax.storage import digests
from tests.conftest import TINY
from tests.results.test_selection import refusal


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Three runs: a sweeps decay; b evaluates at other epochs and keeps more; c has other data."""
    folder, tiny = tmp_path_factory.mktemp("runs"), Config(**TINY)
    often = tiny.replace(eval_every=3, max_epochs=9, snapshot_every=3, snapshot="params")
    sweeps = {
        "a": Sweep(tiny, weight_decay=[0.0, 1.0], seed=range(2)),
        "b": Sweep(often, seed=range(3)),
        "c": Sweep(tiny.replace(modulus=5), seed=range(2)),
    }
    metrics = {"b": ["matrices"]}
    return {
        name: grokjax.train(sweep, folder / name, progress=False, metrics=metrics.get(name, ()))
        for name, sweep in sweeps.items()
    }


@pytest.fixture
def joined(runs):
    return concat(runs.values())


def test_members_of_all_runs_are_in_one_table(runs, joined):
    table = joined.members
    assert list(table.columns[:3]) == ["run", "status", "epochs"]
    assert table["run"].tolist() == ["a"] * 4 + ["b"] * 3 + ["c"] * 2
    assert table["weight_decay"].tolist() == [0, 0, 1, 1] + [1] * 5
    assert table["modulus"].tolist() == [7] * 7 + [5] * 2
    assert table["epochs"].tolist() == [6] * 4 + [9] * 3 + [6] * 2
    assert str(joined) == "Runs(a, b, c: 9 members, {'not memorised': 9})"


def test_the_history_joins_epochs_and_metrics_with_nan(runs, joined):
    history = joined.history
    assert history.epoch.values.tolist() == [0, 2, 3, 4, 6, 9]
    assert history.step.values[:, 4].tolist() == [18] * 7 + [12] * 2
    assert history.run.values.tolist() == joined.members["run"].tolist()
    assert history.attrs["task"] == "a + b mod 7; a + b mod 5"
    rows = {"a": slice(0, 4), "b": slice(4, 7), "c": slice(7, 9)}
    for name, run in runs.items():
        at = np.isin(history.epoch.values, run.history.epoch.values)
        for variable, values in run.history.items():
            found = history[variable].isel(member=rows[name])
            own = found.isel(eval=at).sel({d: run.history[d] for d in found.dims[2:]})
            np.testing.assert_array_equal(own.values, values.values, err_msg=str(variable))
            assert np.isnan(found.isel(eval=~at)).all()
    only = (set(runs["b"].history) - set(runs["a"].history)).pop()
    assert np.isnan(history[only].values[:4]).all()


def test_runs_are_selected_and_are_a_dimension_of_the_grid(joined):
    some = joined.select(run="b", seed=[0, 2])
    assert some.members["run"].tolist() == ["b", "b"]
    assert some.members.index.tolist() == [4, 6]
    mixed = joined.of([6, 0, 5])
    assert mixed.history.run.values.tolist() == ["b", "a", "b"]
    grid = joined.grid("test_loss")
    assert grid.dims == ("eval", "run", "weight_decay", "seed")
    losses = joined.history.test_loss.values
    cell = grid.sel(run="a", weight_decay=1.0, seed=1).values[[0, 1, 3, 4]]
    np.testing.assert_array_equal(cell, losses[3, [0, 1, 3, 4]])
    said = refusal(joined.select, run="d")
    assert said == "run must be a run that members here have: 'a', 'b', 'c', got 'd'"


def test_parameters_snapshots_and_predictions_are_those_of_each_run(runs, joined):
    same = joined.select(run=["a", "b"])
    kernel = same.params["hidden"]["kernel"]
    np.testing.assert_array_equal(kernel[:4], runs["a"].params["hidden"]["kernel"])
    np.testing.assert_array_equal(kernel[4:], runs["b"].params["hidden"]["kernel"])
    with pytest.raises(ValueError, match="shapes differ between programs"):
        _ = joined.params
    inputs, params = np.array([[0, 1], [3, 6]]), joined.params_of(5)
    np.testing.assert_array_equal(
        same.apply(params, inputs), runs["b"].apply(runs["b"].params_of(1), inputs)
    )
    np.testing.assert_array_equal(joined.data_of(8).train_inputs, runs["c"].data_of(1).train_inputs)
    mixed = joined.of([6, 0, 5])
    snapshots = runs["b"].snapshots.sel(member=[2, 1]).values
    np.testing.assert_array_equal(mixed.snapshots.values[[0, 2]], snapshots)
    assert mixed.has_snapshot.values.tolist() == [[True] * 4, [False] * 4, [True] * 4]
    then = mixed.at(3)
    assert then.members.index.tolist() == [6, 5]
    expected = runs["b"].at(3).of([2, 1]).params["output"]["bias"]
    np.testing.assert_array_equal(then.params["output"]["bias"], expected)
    with pytest.raises(ValueError, match="set snapshot_every"):
        _ = joined.select(run="a").snapshots


def with_rule(run):
    """The same run, in which a split counts as learnt from the start."""
    run.config = run.config.replace(learnt_accuracy=0.01, stop_patience=1)
    return run


def test_times_follow_the_rules_of_each_run(runs, joined):
    """Run a counts a member as having learnt much sooner than the others."""
    eager = concat([runs["b"], runs["a"]])
    eager.runs["a"] = load(runs["a"].directory)
    eager.runs["a"]._with = lambda members: with_rule(runs["a"].of(members))
    found = times.events(eager.of([4, 0, 3]))  # two of run a, and one of run b between them
    assert found.memorised.epochs[[0, 2]].tolist() == [2, 2]
    assert np.isnan(found.memorised.epochs[1])
    assert found.memorised.follow_up[1] == 9
    parts = [times.loss_times(run, "test_loss", 1e9).epochs for run in runs.values()]
    np.testing.assert_array_equal(
        times.loss_times(joined, "test_loss", 1e9).epochs, np.concatenate(parts)
    )


def test_labels_are_given_or_as_much_of_the_path_as_makes_them_distinct(runs, tmp_path):
    again = tmp_path / "other" / "a"
    again.mkdir(parents=True)
    (again / "config.json").write_bytes((runs["a"].directory / "config.json").read_bytes())
    digests.list_all(again)
    folder = runs["a"].directory.parent.name
    found = concat([runs["a"].directory, again])
    assert list(found.runs) == [f"{folder}/a", "other/a"]
    assert found.members["status"].tolist()[4:] == ["pending"] * 4
    twice = concat([runs["a"].of([0]), runs["a"].of([1])], labels=["first", "second"])
    assert twice.history.run.values.tolist() == ["first", "second"]
    deeper = concat([twice, runs["c"]])
    assert list(deeper.runs) == ["first", "second", "c"]
    assert deeper.members["seed"].tolist() == [0, 1, 0, 1]


def test_refusals(runs):
    a = runs["a"]
    assert refusal(concat, a) == f"runs must be a list of runs or of their directories, got {a!r}"
    assert (
        refusal(concat, [a, a])
        == "labels: two runs have the same label; give each a name of its own"
    )
    assert refusal(concat, [a], labels=["x", "y"]).startswith(
        "labels must be one for each of the 1"
    )
    assert refusal(concat, [a, a], ["x", "x"]) == "labels must differ from run to run, got 'x'"
    assert refusal(concat, [a], ["\n"]).startswith("labels must be texts of one line")


def test_networks_that_differ_under_the_same_settings_are_refused(runs, tmp_path):
    trained = []
    for size in (2, 3):

        def own(params, size=size):
            return params["output"]["bias"][:size]

        recorded = as_metric(own, ["slot"])
        config = Config(**TINY | {"max_epochs": 2})
        out = tmp_path / f"r{size}"
        trained.append(grokjax.train(config, out, progress=False, metrics=[recorded]))
    said = refusal(concat, trained)
    assert said == (
        "metric own: its dimensions or their labels differs between r2 and r3; read these runs "
        "one by one"
    )
