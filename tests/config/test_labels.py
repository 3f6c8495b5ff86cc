"""Labels of settings, tasks and losses."""

import numpy as np

import grokjax
from grokjax import Config
from grokjax.config import labels
from grokjax.results.history import merged
from grokjax.tasks.operations import OPERATIONS
from grokjax.training.inventory import take_inventory
from tests.conftest import TINY


def attributes_of(sweep, directory):
    """Attributes of the history of a run that has logged nothing."""
    members = range(len(sweep))
    networks = take_inventory(sweep, ())
    return merged(directory, sweep, networks, members, ["pending"] * len(sweep)).attrs


def test_a_history_names_its_task_and_loss(tmp_path):
    config = Config(**TINY | {"loss": "mse", "operation": "multiply"})
    found = attributes_of(grokjax.Sweep(config, seed=[0, 1]), tmp_path)
    assert found == {"task": "a b mod 7", "loss": "mean squared error"}
    sweep = grokjax.Sweep(config, loss=["mse", "stablemax"], modulus=[5, 7])
    found = attributes_of(sweep, tmp_path)
    assert found == {"task": "a b mod 5; a b mod 7", "loss": "loss"}


def test_tasks_are_named_with_their_size():
    for name, operation in OPERATIONS.items():
        modulus = 120 if operation.needs == "120" else 7
        classes = operation.num_answers(modulus)
        text = labels.task(Config(operation=name, modulus=modulus, classes=classes))
        assert "mod P" not in text
        assert "7" in text or "S5" in text
    three = [Config(modulus=p) for p in (5, 7, 7)]
    assert labels.tasks(three) == "a + b mod 5; a + b mod 7"
    assert labels.tasks(Config(modulus=p) for p in (5, 7, 11, 13)) == "4 tasks"
    assert labels.setting_and_value("batch_size", -1) == "full batch"
    assert labels.setting_and_value("biases", False) == "biases no"
    assert labels.setting_and_value("weight_decay", 0.3) == "weight decay 0.3"


def test_values_keep_all_their_digits():
    assert labels.value("seed", np.int64(20251124)) == "20251124"
    assert labels.value("grokfast_lambda", -1.0) == "default"
    assert labels.value("batch_size", -1) == "full batch"


def test_every_optional_setting_has_a_label_for_none():
    config = Config()
    names = config.names("static", "traced", "variant")
    optional = {n for n in names if config.fields[n].hint is not config.fields[n].plain_hint}
    optional |= {"image_count"}  # of another task
    optional |= {"intervene_from", "intervene_after_memorised", "clamp_norm"}  # of interventions
    optional |= {"changed_learning_rate", "changed_weight_decay"}
    assert optional == labels.NONE_LABELS.keys()
