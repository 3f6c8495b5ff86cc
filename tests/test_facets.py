"""Figures of sweeps: seeds alone are pooled, and labels say what the settings are."""

from typing import get_args

import numpy as np
import pytest
import xarray as xr

import grokjax
from grokjax import Config, cells, labels, plots
from grokjax.analysis import timing
from grokjax.config import TYPES, names_of
from grokjax.history import merged
from grokjax.plots.facets import LISTED, Facets
from grokjax.tasks import TASKS
from tests.conftest import TINY


def swept(seeds=3, evaluations=6, **axes):
    """A made-up history of all combinations, seed fastest; accuracy is not the same anywhere."""
    names = [*axes, "seed"]
    grid = np.meshgrid(*axes.values(), np.arange(seeds), indexing="ij")
    members = grid[0].size
    rng = np.random.default_rng(0)
    shape = ("member", "eval")
    data = {
        f"{split}_{what}": (shape, rng.uniform(0.1, 1, (members, evaluations)))
        for split in ("train", "test")
        for what in ("accuracy", "loss")
    }
    data["weight_norm"] = (shape, rng.uniform(1, 2, (members, evaluations)))
    data["layer_norm"] = (("member", "eval", "layer"), rng.uniform(1, 2, (members, evaluations, 2)))
    epochs = np.arange(evaluations) * 20
    coordinates = {
        "epoch": ("eval", epochs),
        "step": (shape, np.tile(epochs * 7, (members, 1))),
        "layer": ["embed", "output"],
        **{n: ("member", g.ravel()) for n, g in zip(names, grid, strict=True)},
    }
    return xr.Dataset(data, coordinates, {"task": "a + b mod 7", "loss": "mean squared error"})


def medians(history, name, **settings):
    chosen = np.ones(history.sizes["member"], bool)
    for setting, value in settings.items():
        chosen &= history[setting].values == value
    return np.median(history[name].values[chosen], axis=0)


def drawn(ax):
    return [line.get_ydata() for line in ax.lines]


def test_curves_pool_seeds_and_nothing_else():
    history = swept(weight_decay=[0.0, 1.0, 5.0])
    fig = plots.curves(history)
    accuracy, loss = fig.axes
    for ax, what in ((accuracy, "accuracy"), (loss, "loss")):
        lines = iter(ax.lines)
        for value in (0.0, 1.0, 5.0):
            train, test = next(lines), next(lines)
            for line, split in ((train, "train"), (test, "test")):
                expected = medians(history, f"{split}_{what}", weight_decay=value)
                np.testing.assert_allclose(line.get_ydata(), expected)
            assert train.get_color() == test.get_color()
            assert train.get_linestyle() != test.get_linestyle()
        assert next(lines, None) is None
    (legend,) = fig.legends
    assert legend.get_title().get_text() == "weight decay"
    assert [text.get_text() for text in legend.texts] == ["0", "1", "5"]
    assert len({line.get_color() for line in accuracy.lines}) == 3
    assert "a + b mod 7: 3 values of weight decay, 3 seeds each" in fig.get_suptitle()


def test_further_settings_are_panels_and_the_title_says_what_is_not_shown():
    history = swept(weight_decay=[0.0, 1.0], learning_rate=[0.1, 0.2, 0.3])
    fig = plots.curves(history)
    assert len(fig.axes) == 4
    assert [ax.get_title() for ax in fig.axes[::2]] == ["weight decay 0", "weight decay 1"]
    expected = medians(history, "test_accuracy", weight_decay=1.0, learning_rate=0.3)
    np.testing.assert_allclose(drawn(fig.axes[2])[5], expected)
    assert fig.axes[1].get_ylim() == fig.axes[3].get_ylim()
    many = swept(2, weight_decay=np.arange(9.0), learning_rate=np.arange(1.0, 9))
    fig = plots.curves(many)
    assert "6 of 8 combinations are shown" in fig.get_suptitle().replace("\n", " ")
    bar = fig.axes[-1]
    assert bar.get_ylabel() == "weight decay"
    assert len(Facets.of(many).values) > LISTED
    for draw in (plots.accuracy, plots.loss):
        with pytest.raises(ValueError, match="weight_decay, learning_rate are swept; select"):
            draw(history)


def test_settings_that_vary_together_are_one_axis():
    """As made by Sweep.zip: each rate has its own decay, so a panel for each would be empty."""
    history = swept(weight_decay=[0.0, 1.0])
    history = history.assign_coords(
        learning_rate=("member", np.where(history.weight_decay > 0, 0.1, 0.2))
    )
    facets = Facets.of(history)
    assert (facets.axis, facets.tied, facets.combinations) == (
        "weight_decay",
        ("learning_rate",),
        1,
    )
    texts = [text.get_text() for text in plots.curves(history).legends[0].texts]
    assert texts == ["0, learning rate 0.2", "1, learning rate 0.1"]


def test_many_names_are_panels_and_a_lone_member_is_no_median():
    history = swept(1, operation=list(TASKS)[:10])
    facets = Facets.of(history)
    assert (facets.axis, facets.combinations, len(facets.panels)) == (None, 10, 6)
    assert "Each line is one member" in plots.curves(history).get_suptitle()
    one = plots.curves(swept(4))
    assert "a + b mod 7: 4 seeds" in one.get_suptitle()
    assert not one.legends


def test_norms_of_a_sweep_are_a_panel_a_layer():
    history = swept(weight_decay=[0.0, 1.0])
    fig = plots.norms(history)
    assert [ax.get_title() for ax in fig.axes] == ["embed", "output"]
    expected = medians(history.isel(layer=1), "layer_norm", weight_decay=1.0)
    np.testing.assert_allclose(drawn(fig.axes[1])[1], expected)
    both = swept(weight_decay=[0.0, 1.0], learning_rate=[0.1, 0.2])
    fig = plots.norms(both)
    assert [ax.get_title() for ax in fig.axes] == ["learning rate 0.1", "learning rate 0.2"]
    expected = medians(both, "weight_norm", weight_decay=1.0, learning_rate=0.2)
    np.testing.assert_allclose(drawn(fig.axes[1])[1], expected)


def test_a_line_ends_with_its_last_member():
    history = swept(2, weight_decay=[0.0, 1.0])
    for name in ("test_accuracy", "train_accuracy"):
        history[name][:2, 3:] = np.nan
    lines = plots.accuracy(history).lines
    assert [len(line.get_xdata()) for line in lines] == [3, 3, 6, 6]


def test_axes_are_named_after_the_settings():
    fig = plots.curves(swept(weight_decay=[0.0, 1.0]))
    assert [ax.get_ylabel() for ax in fig.axes] == ["accuracy", "mean squared error"]
    assert fig.axes[0].get_xlabel() == "epoch (7 steps)"
    both = plots.curves(swept(loss=["mse", "stablemax"], weight_decay=[0.0, 1.0, 2.0]))
    names = [ax.get_ylabel() for ax in both.axes[1::2]]
    assert names == ["mean squared error", "stablemax cross-entropy"]
    mixed = swept(loss=["mse", "stablemax"])
    assert plots.loss(mixed).get_ylabel() == "loss"
    full = swept(weight_decay=[1.0])
    full = full.assign_coords(step=full.step // 7)
    assert plots.accuracy(full).get_xlabel() == "epoch (1 step: full batch)"


def test_a_history_says_its_task_and_loss(tmp_path):
    config = Config(**TINY | {"loss": "mse", "operation": "multiply"})
    found = merged(tmp_path, grokjax.Sweep(config, seed=[0, 1]), [0, 1], ["pending"] * 2)
    assert found.attrs == {"task": "a b mod 7", "loss": "mean squared error"}
    sweep = grokjax.Sweep(config, loss=["mse", "stablemax"], modulus=[5, 7])
    found = merged(tmp_path, sweep, range(4), ["pending"] * 4)
    assert found.attrs == {"task": "a b mod 5; a b mod 7", "loss": "loss"}


def test_tasks_are_named_with_their_size():
    for name, task in TASKS.items():
        modulus = 120 if task.needs == "120" else 7
        classes = task.classes(modulus)
        text = labels.task(Config(operation=name, modulus=modulus, classes=classes))
        assert "mod P" not in text
        assert "7" in text or "S5" in text
    three = [Config(modulus=p) for p in (5, 7, 7)]
    assert labels.tasks(three) == "a + b mod 5; a + b mod 7"
    assert labels.tasks(Config(modulus=p) for p in (5, 7, 11, 13)) == "4 tasks"
    assert labels.setting_and_value("batch_size", -1) == "full batch"
    assert labels.setting_and_value("biases", False) == "biases no"
    assert labels.setting_and_value("weight_decay", 0.3) == "weight decay 0.3"


def test_cells_differ_in_more_than_seeds():
    history = swept(2, weight_decay=[0.0, 1.0])
    history = history.assign_coords(data_seed=("member", [5, 6, 5, 6]))
    found = cells.cells(history)
    assert [cell.rows.tolist() for cell in found] == [[0, 1], [2, 3]]
    assert [cell.name for cell in found] == ["weight decay 0", "weight decay 1"]


def test_a_setting_with_one_value_is_not_swept():
    history = swept(weight_decay=[0.5])
    assert cells.axes(history) == []
    assert cells.sweep_in_words(history) == "weight decay 0.5, 3 seeds"
    lines = plots.accuracy(history).lines
    np.testing.assert_allclose(lines[1].get_ydata(), medians(history, "test_accuracy"))


def test_values_are_told_apart():
    assert labels.value("seed", np.int64(20251124)) == "20251124"
    assert labels.value("grokfast_lambda", -1.0) == "default"
    assert labels.value("batch_size", -1) == "full batch"


def test_every_setting_that_may_be_none_has_a_name_for_it():
    none = {n for n in names_of("static", "traced") if type(None) in get_args(TYPES[n])}
    assert none == labels.NONE.keys()


def test_every_layer_of_a_deep_network_is_drawn():
    layers = [f"layer_{i}" for i in range(9)]
    history = swept()
    values = np.random.default_rng(1).uniform(1, 2, (3, 6, 9))
    history = history.drop_vars(["layer_norm", "layer"]).assign(
        layer_norm=(("member", "eval", "layer"), values)
    )
    (ax,) = plots.norms(history.assign_coords(layer=layers)).axes
    assert [line.get_label() for line in ax.lines] == layers
    styles = {(line.get_color(), line.get_linestyle()) for line in ax.lines}
    assert len(styles) == len(layers), "each can be told from the others"


def test_ticks_of_a_setting_are_its_values_in_order():
    values = np.array([64, -1, 512, 128])
    times = timing.Times(np.full(4, 20.0), np.full(4, 20.0), np.full(4, "stopped"))
    ax = plots.times_against("batch size", values, {"grokked": times}, 100, "", "epoch")
    assert [t.get_text() for t in ax.get_xticklabels()] == ["full batch", "64", "128", "512"]
