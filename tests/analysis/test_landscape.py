"""The reduced landscape has the records of each member's lowest train loss."""

import numpy as np
import pytest

import grokjax
from grokjax import Sweep, plots
from grokjax.analysis.landscape import reduced_landscape
from grokjax.recipes import omnigrok


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    config = omnigrok.DIGITS.replace(
        hidden_dim=8,
        fixed_norm=True,
        weight_decay=0.0,
        max_epochs=40,
        eval_every=10,
        stop_when="never",
        learning_rate=0.05,
    )
    sweep = Sweep(config, init_scale=[0.5, 1.0, 4.0], seed=[0, 1])
    return grokjax.train(sweep, tmp_path_factory.mktemp("landscape") / "run", progress=False)


def test_records_at_the_lowest_train_loss(run):
    found = reduced_landscape(run)
    assert found.sizes == {"init_scale": 3, "seed": 2}
    for m, config in enumerate(run.sweep):
        one = found.sel(init_scale=config.init_scale, seed=config.seed)
        best = int(run.history.train_loss[m].argmin("eval"))
        assert float(one.train_loss) == float(run.history.train_loss[m].min())
        assert float(one.test_loss) == float(run.history.test_loss[m, best])
        assert float(one.epoch) == float(run.history.epoch[best])


def test_the_norm_is_that_of_the_initial_weights(run):
    norms = reduced_landscape(run).weight_norm
    np.testing.assert_allclose(norms.sel(init_scale=4.0), 4 * norms.sel(init_scale=1.0), rtol=1e-5)
    history = run.history.weight_norm.values
    np.testing.assert_allclose(history, np.broadcast_to(history[:, :1], history.shape), rtol=1e-5)


def test_missing_combinations_are_nan(run):
    found = reduced_landscape(run.of([0, 1, 2]))
    assert np.isnan(found.test_loss.sel(init_scale=1.0, seed=1))
    assert found.test_loss.notnull().sum() == 3


def test_figure_of_both_losses(run):
    found = reduced_landscape(run)
    ax = plots.landscape(found)
    lines = {line.get_label(): line.get_ydata() for line in ax.lines}
    np.testing.assert_allclose(lines["test"], found.test_loss.median("seed"), rtol=1e-6)
    np.testing.assert_allclose(lines["train"], found.train_loss.median("seed"), rtol=1e-6)
    assert ax.get_yscale() == "log"
    assert plots.landscape(found, what="accuracy").get_ylim() == (-0.02, 1.02)
    with pytest.raises(grokjax.ConfigError, match="over must be a dim of the landscape, got 'x'"):
        plots.landscape(found, over="x")
    with pytest.raises(grokjax.ConfigError, match="found must be what analysis"):
        plots.landscape(run.history.drop_vars("train_loss"))
