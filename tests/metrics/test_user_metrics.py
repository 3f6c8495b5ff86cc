"""Metrics of a user's own: in the history, after a resume, and in runs of other versions."""

import subprocess
import sys
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest

import grokjax
from grokjax.config.config import Config
from grokjax.metrics import metric
from grokjax.metrics.builtin import BUILTIN
from grokjax.metrics.metric import Metric, as_metric
from grokjax.training import api
from tests.conftest import TINY
from tests.training.test_resume import stop_after
from tests.training.user_pieces import METRICS, margins

CONFIG = Config(**TINY)


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """A run of two members with both metrics, stopped after its first round and resumed."""
    out = tmp_path_factory.mktemp("recorded") / "run"
    with pytest.MonkeyPatch.context() as patch:
        stop_after(patch, 1)
        with pytest.raises(grokjax.Interrupted):
            train(*METRICS, out=out, config=grokjax.Sweep(CONFIG, seed=range(2)))
    return grokjax.resume(out, metrics=METRICS, progress=False)


def train(*metrics, out, config=CONFIG):
    return grokjax.train(config, out, metrics=metrics, progress=False)


def test_it_is_in_the_history_after_an_interruption(recorded):
    history, pairs = recorded.history, np.indices((7, 7)).reshape(2, -1).T
    assert history.margins.dims == ("member", "eval", "percentile")
    assert history.percentile.values.tolist() == [0, 1, 2]
    for member in range(2):
        params = recorded.params_of(member)
        largest = max(np.abs(x).max() for layer in params.values() for x in layer.values())
        assert history.largest_weight[member, -1] == largest
        logits = recorded.apply(params, pairs)
        leads = np.percentile(logits.max(axis=1) - logits.mean(axis=1), [25, 50, 75])
        np.testing.assert_allclose(history.margins[member, -1], leads, rtol=1e-5)
    assert np.isfinite(history.margins).all()
    assert np.isfinite(history.largest_weight).all()


def test_a_process_that_lacks_it_reads_the_run_and_says_what_to_give(recorded):
    program = (
        "import sys, grokjax\n"
        "run = grokjax.load(sys.argv[1])\n"
        "print(run.history.largest_weight.shape, run.history.margins.dims)\n"
        "grokjax.resume(sys.argv[1])\n"
    )
    command = [sys.executable, "-c", program, str(recorded.directory)]
    ended = subprocess.run(command, capture_output=True, text=True)
    assert ended.stdout == "(2, 4) ('member', 'eval', 'percentile')\n"
    last = ended.stderr.strip().splitlines()[-1]
    assert "metric largest_weight must be given" in last
    assert "tests.training.user_pieces" in last


def test_a_parameter_with_a_default_is_not_the_evaluation():
    def scaled(params, power=2):
        return jnp.float32(params) ** power

    evaluation: Any = "evaluation"
    assert as_metric(scaled).function(3.0, evaluation) == 9  # pyright: ignore[reportArgumentType]
    given = as_metric(lambda params, evaluation, power=2: jnp.float32(evaluation == "evaluation"))
    assert given.function({}, evaluation) == 1


def test_a_resume_records_what_the_run_records(recorded):
    def late(params):
        return jnp.zeros(())

    for metrics, message in (
        ((), "^metric largest_weight must be given, as the run records it"),
        ((margins,), "^metric largest_weight must be given"),
        ((*METRICS, late), "^metric late: the run does not record it"),
    ):
        with pytest.raises(grokjax.ConfigError, match=message):
            grokjax.resume(recorded.directory, metrics=metrics, progress=False)


def test_runs_of_versions_with_more_or_fewer_metrics_open(tmp_path, monkeypatch):
    """A run says what it records; nothing of it is compared with what this version has."""
    future = Metric("future", lambda params, evaluation: jnp.float32(3.0))
    monkeypatch.setattr(api, "BUILTIN", (*BUILTIN[:-1], future))
    train(out=tmp_path / "run")
    monkeypatch.undo()
    history = grokjax.load(tmp_path / "run").history
    assert (history.future == 3).all()
    assert BUILTIN[-1].name not in history
    with pytest.raises(grokjax.ConfigError, match=r"^metric future must be given.* of grokjax"):
        grokjax.resume(tmp_path / "run", progress=False)


def test_a_run_with_fewer_metrics_is_resumed_with_those(tmp_path, monkeypatch):
    monkeypatch.setattr(api, "BUILTIN", BUILTIN[:-1])
    stop_after(monkeypatch, 1)
    monkeypatch.setattr(api, "BUILTIN", BUILTIN[:-1])  # stop_after undoes what came before
    with pytest.raises(grokjax.Interrupted):
        train(out=tmp_path / "run")
    monkeypatch.undo()
    run = grokjax.resume(tmp_path / "run", progress=False)
    assert run.members.epochs.tolist() == [6]
    assert BUILTIN[-1].name not in run.history


def scalar(params):
    return jnp.float32(0)


def vector(params):
    return jnp.zeros(3)


def raising(params):
    raise ValueError("no such\nluck")


def lead(params, evaluation):
    return evaluation.logits()[0, 100_000, 0]


def text(params):
    return "one"


def named(name, function=scalar, **about):
    return Metric(name, lambda params, evaluation: function(params), **about)


def twice():
    def scalar(params):
        return jnp.float32(1)

    return scalar


BAD = {
    "wrong rank": ([vector], r"metric vector: must return a scalar, got shape \[3\]"),
    "too few dimensions": (
        [named("flat", dims=("a", "b"))],
        r"metric flat: must return 2 dimensions \(a, b\), got shape \[\]",
    ),
    "raises": ([raising], r"metric raising: cannot be computed \(ValueError: no such luck\)"),
    "wrong index": ([lead], "metric lead: cannot be computed"),
    "no number": ([text], "metric text: cannot be computed"),
    "twice": ([scalar, twice()], "metric scalar: the name is used twice; rename one"),
    "as a built-in one": ([named("train_loss")], "metric train_loss: the name is used twice"),
    "reserved": ([named("epoch")], "metric epoch: the name cannot be used; rename it"),
    "a coordinate": ([named("frequency")], "metric frequency: the name cannot be used; rename it"),
    "a setting": ([named("weight_decay")], "metric weight_decay: the name cannot be used"),
    "a setting of the task": ([named("modulus")], "metric modulus: the name cannot be used"),
    "a lambda": ([lambda params: 0.0], "metric <lambda>: the name cannot be used"),
    "labels too few": (
        [named("odd", vector, dims=("side",), labels=lambda network, spec: {"side": ["a"]})],
        "metric odd: has 3 values along side and 1 labels",
    ),
    "a dimension with other labels": (
        [named("other", vector, dims=("layer",))],
        "metric other: dimension layer has other labels than in metric layer_norm",
    ),
    "a dimension of the history": (
        [named("other", vector, dims=("eval",))],
        "metric other: the dimension eval cannot be used; rename it",
    ),
    "a dimension twice": (
        [named("square", vector, dims=("side", "side"))],
        "metric square: its dimensions must have different names",
    ),
    "no function": ([3], r"metrics must be functions of \(params\)"),
    "no list": (scalar, "metrics must be a list of functions"),
}


@pytest.mark.parametrize("name", BAD)
def test_one_that_cannot_be_recorded_is_refused_before_anything_is_written(name, tmp_path):
    metrics, message = BAD[name]
    with pytest.raises(grokjax.ConfigError, match=f"^{message}") as refusal:
        grokjax.train(CONFIG, tmp_path / "run", metrics=metrics, progress=False)
    assert "\n" not in str(refusal.value)
    assert not (tmp_path / "run").exists()


def test_activations_of_a_network_that_names_none(tmp_path):
    from tests.training.user_pieces import own_config

    def spread(params, evaluation):
        return evaluation.activations().std()

    with pytest.raises(grokjax.ConfigError, match=r"^metric spread: .* method activations") as end:
        train(spread, out=tmp_path / "run", config=own_config())
    assert "\n" not in str(end.value)
    assert np.isfinite(train(spread, out=tmp_path / "mlp").history.spread).all()


def test_dims_are_a_list_of_names():
    with pytest.raises(grokjax.ConfigError, match=r"^metric vector: dims must be a list"):
        as_metric(vector, "side")


def test_a_name_belongs_to_the_metric_that_was_defined_first_in_another_place(monkeypatch):
    monkeypatch.setattr(metric, "REGISTERED", {})
    metric.metric(scalar)
    metric.metric(scalar)  # its file was imported again
    with pytest.raises(grokjax.ConfigError, match=r"^metric scalar: the name is used twice"):
        metric.metric(twice())
    assert metric.REGISTERED["scalar"].function.__wrapped__ is scalar
