"""What the scripts store of a run: a row for each member, with what the run itself has."""

import numpy as np
import pandas as pd
import pytest

import grokjax
from experiments import circles, omnigrok, recipe_times
from grokjax.analysis.survey import survey
from grokjax.cli.scripts import save_results


@pytest.fixture
def trained(tiny, tmp_path):
    """A run of products and quotients, two seeds each."""
    config = tiny.replace(max_epochs=6, eval_every=2, stop_when="never")
    sweep = grokjax.Sweep(config, operation=["multiply", "divide"], seed=range(2))
    return grokjax.train(sweep, tmp_path / "run", progress=False)


def stored(table, tmp_path):
    """The table as it is read again from the file that a script writes."""
    save_results(table, circles.Args(out=tmp_path))
    return pd.read_csv(tmp_path / "results.csv")


def test_crossings_of_a_run_that_is_there(trained, tmp_path):
    args = recipe_times.Args(run=tmp_path / "run", out=tmp_path / "elsewhere")
    recipe_times.main(args)
    assert not (tmp_path / "elsewhere").exists()
    table, losses = pd.read_csv(tmp_path / "run" / "results.csv"), trained.history.test_loss.values
    assert list(table.columns[:3]) == ["member", "operation", "seed"]
    np.testing.assert_allclose(table.max_test_loss, losses.max(axis=1), rtol=1e-5)
    places = losses.argmax(axis=1)
    np.testing.assert_array_equal(table.max_test_loss_at, trained.history.epoch.values[places])
    np.testing.assert_allclose(table.test_loss, losses[:, -1], rtol=1e-5)
    assert table["test_loss_below_0.1"].isna().to_numpy().all()


def test_circles_and_purity_of_every_member(trained, tmp_path):
    found = survey(trained)
    table = stored(circles.results_of(trained, found), tmp_path)
    powers = table.filter(regex=r"^power_\d+$").to_numpy()
    assert powers.shape == (4, found.sizes["frequency"])
    np.testing.assert_allclose(powers.mean(axis=1), 1, rtol=1e-4)
    np.testing.assert_array_equal(table.key_frequencies, found.key.values.sum(axis=1))
    for pair, own in enumerate(found.pair_shares.values.swapaxes(0, 1), start=1):
        np.testing.assert_allclose(table[f"purity_{pair}"], own.max(axis=1), rtol=1e-5)
        strongest = [int(text.split()[0]) for text in table[f"strongest_{pair}"]]
        np.testing.assert_array_equal(strongest, own.argmax(axis=1) + 1)
    for fig in (circles.draw_spectra(table), circles.draw_counts(table)):
        assert fig.axes


def test_accuracies_at_epochs_norms_and_losses(trained, tmp_path, monkeypatch):
    monkeypatch.setattr(omnigrok, "EPOCHS", (4, 5))
    table, history = stored(omnigrok.results_of(trained), tmp_path), trained.history
    assert [n for n in table if "accuracy" in n] == ["train_accuracy_4", "test_accuracy_4"]
    np.testing.assert_allclose(table.test_accuracy_4, history.test_accuracy.values[:, 2], rtol=1e-5)
    ends = history.weight_norm.values[:, [0, -1]]
    names = ["weight_norm_first", "weight_norm_last"]
    np.testing.assert_allclose(table[names], ends, rtol=1e-5)
    assert table.test_loss_grokked.isna().to_numpy().all()
