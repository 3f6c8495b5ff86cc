"""Pages of runs on images, on values and on whole numbers: no Fourier analysis is asked for."""

import numpy as np
import pytest

import grokjax
from grokjax import Sweep, plots
from grokjax.recipes import liu, omnigrok
from tests.report.pages import write_page

SHORT = {"max_epochs": 40, "eval_every": 10, "hidden_dim": 8, "stop_when": "never"}


def page_of(config, tmp_path, metrics=(), **axes):
    sweep = Sweep(config.replace(**SHORT), **(axes or {"seed": [0, 1]}))
    run = grokjax.train(sweep, tmp_path / "run", metrics=metrics, progress=False)
    return run, write_page(run.directory)


@pytest.mark.parametrize("config", [liu.TOY, omnigrok.DIGITS, omnigrok.TEACHER])
def test_nothing_is_said_of_frequencies(config, tmp_path):
    _, page = page_of(config, tmp_path)
    for word in ("Fourier", "key frequencies", "networks learnt", "parameters saved"):
        assert word not in page.text.split("<script")[0], word
    alts = [image["alt"] for image in page.all("img")]
    assert alts[:3] == [
        "Accuracy and loss against epochs",
        "Share of members that had memorised and grokked, against epochs",
        "Norms of the layers' weights against epochs",
    ]
    assert "train accuracy of at least 90%" in page.text


def plain_values(rows: int = 40) -> grokjax.Dataset:
    """Values without a tolerance."""
    inputs = np.random.default_rng(0).normal(size=(rows, 3))
    return grokjax.Dataset(inputs, inputs @ np.ones((3, 2)), num_classes=2)


def test_values_have_no_accuracy(tmp_path):
    config = grokjax.Config(
        task=plain_values, model="dense", loss="mse", batch_size=None, learnt_loss=0.5
    )
    run, page = page_of(config, tmp_path, learning_rate=[1e-2, 1e-3], seed=[0, 1])
    assert run.history.test_accuracy.isnull().all()
    assert [ax.get_ylabel() for ax in plots.curves(run.history).axes] == ["mean squared error"]
    assert "accuracy" not in [name for m in page.data["members"] for name in m["curves"]]
    assert set(page.data["members"][0]["curves"]) == {"train_loss", "test_loss"}
    assert not any("nan" in cell for row in page.rows for cell in row)
    assert "train loss of at most 0.5" in page.text
    accuracies = [row for row in page.rows if row]
    assert all("-" in row for row in accuracies)


def test_the_representation_of_whole_numbers_has_a_section(tmp_path):
    _, page = page_of(liu.TOY, tmp_path, metrics=["representation"])
    alts = [image["alt"] for image in page.all("img")]
    assert "representation quality by epoch" in alts
    assert "effective dimension by epoch" in alts
