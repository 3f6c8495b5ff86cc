"""Pages of runs that lack what the Fourier analysis or a figure needs."""

import functools

import jax
import numpy as np
import pytest
from flax import nnx

import grokjax
from grokjax.analysis.fourier import spectra
from grokjax.analysis.neurons import neurons
from grokjax.analysis.survey import survey
from grokjax.models.model import MODELS
from grokjax.report import network_groups, page
from tests.conftest import TINY
from tests.report.pages import write_page

NEURONS = ["neuron_ipr", "neuron_frequency", "neuron_share", "neuron_phase", "activation_power"]
"""Findings on hidden neurons."""


def drop_from_history(monkeypatch, *variables):
    read = grokjax.Run.history.func
    history = functools.cached_property(lambda run: read(run).drop_vars(variables))
    history.__set_name__(grokjax.Run, "history")
    monkeypatch.setattr(grokjax.Run, "history", history)


def test_networks_without_a_token_table(finished, monkeypatch):
    """Histories have nothing of the networks then."""
    drop_from_history(monkeypatch, "layer_norm", "embedding_power", "neuron_ipr", "embedding_gini")
    monkeypatch.setattr(network_groups, "has_token_table", lambda run, member: False)
    found = write_page(finished.directory)
    assert found.text.count("The Fourier analysis is left out: it needs networks with a table") == 1
    assert "has no data for it: norms of the layers." in found.text
    assert "key frequencies" not in found.text.lower()
    assert "no parameters saved" not in found.text
    assert found.all("img")[0]["alt"] == "Accuracy and loss against epochs"
    assert len(found.data["members"]) == 8
    assert "spectrum" not in found.data["members"][0]
    assert found.data["members"][0]["norms"] == {}


def test_networks_without_hidden_neurons(finished, monkeypatch):
    drop_from_history(monkeypatch, "neuron_ipr", "embedding_power")
    run = grokjax.load(finished.directory).select(modulus=7, learning_rate=0.01)
    monkeypatch.setattr(network_groups, "survey", lambda run: survey(run).drop_vars(NEURONS))
    monkeypatch.setattr(page, "load", lambda directory: run)
    found = write_page(finished.directory)
    assert (
        "has no data for it: inverse participation ratios against epochs, spectrum through "
        "training, hidden neurons."
    ) in found.text
    alts = [image["alt"] for image in found.all("img")]
    assert "Spectra of member 4" in alts
    assert not any("neuron" in alt for alt in alts)
    assert found.data["members"][0]["spectrum"]


LEFT_OUT = "The Fourier analysis is left out: "


class PlainNetwork(nnx.Module):
    """A network without any of the methods that grokjax's own have."""

    def __init__(self, num_tokens: int, num_classes: int, *, width: int = 8, rngs: nnx.Rngs):
        self.embed = nnx.Embed(num_tokens, width, rngs=rngs)
        self.hidden = nnx.Linear(2 * width, width, rngs=rngs)
        self.output = nnx.Linear(width, num_classes, rngs=rngs)

    def __call__(self, inputs: jax.Array) -> jax.Array:
        embedded = self.embed(inputs).reshape(len(inputs), -1)
        return self.output(nnx.relu(self.hidden(embedded)))


def smaller(size: int = 6) -> grokjax.Dataset:
    """Learn min(a, b)."""
    pairs = np.array([(a, b) for a in range(size) for b in range(size)])
    return grokjax.Dataset(pairs, pairs.min(axis=1), num_classes=size, num_tokens=size)


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """A plain network on modular addition."""
    settings = {n: TINY[n] for n in ("modulus", "batch_size", "eval_every", "max_epochs")}
    config = grokjax.Config(model=PlainNetwork, snapshot_every=2, stop_when="never", **settings)
    sweep = grokjax.Sweep(config, seed=[0, 1])
    return grokjax.train(sweep, tmp_path_factory.mktemp("plain") / "run", progress=False)


def test_survey_and_report_of_a_plain_module(plain):
    found = survey(plain)
    assert {"scores", "power", "plane", "key"} <= set(found)
    assert not {"logit_power", *NEURONS} & set(found)
    assert found.power.sel(table="embedding").notnull().all()
    assert found.power.sel(table="first").isnull().all()
    assert "neurons" not in found.attrs["key_frequencies"]
    page = write_page(plain.directory)
    assert LEFT_OUT not in page.text
    assert (
        "has no data for it: inverse participation ratios against epochs, spectra of the first "
        "hidden layer, hidden neurons, spectrum of the logits."
    ) in page.text
    assert "what a token contributes to the first hidden layer" not in page.text
    assert "Spectra of member 0" in [image["alt"] for image in page.all("img")]


def test_a_module_that_has_not_been_imported(plain, monkeypatch):
    for known in (MODELS._classes, MODELS._sources):
        monkeypatch.delitem(known, "PlainNetwork")
    run = grokjax.load(plain.directory)
    message = "model PlainNetwork must be imported first: it is defined in .*; give --import "
    for analyse in (survey, spectra, neurons):
        with pytest.raises(grokjax.ConfigError, match=message):
            analyse(run)
    text = write_page(plain.directory).text
    assert text.count(LEFT_OUT + "model PlainNetwork must be imported first") == 1


def test_a_task_on_other_tokens(tmp_path):
    settings = {n: TINY[n] for n in ("embed_dim", "hidden_dim", "eval_every", "max_epochs")}
    config = grokjax.Config(task=smaller, stop_when="never", **settings)
    run = grokjax.train(config, tmp_path / "run", progress=False)
    for analyse in (survey, spectra, neurons):
        with pytest.raises(ValueError, match="needs a task whose examples are all pairs of Z_P"):
            analyse(run)
    page = write_page(run.directory)
    assert LEFT_OUT not in page.text
    assert "networks learnt" not in page.text
