"""The settings that compiled code sees: those that all members of a program share."""

import pytest

from grokjax import Config
from grokjax.config.hyperparams import hypers_of
from grokjax.config.training import Training
from grokjax.optim.settings import Optimization
from grokjax.tasks.data import Data

CONFIG = Config()
BLANKED = CONFIG.names("traced", "variant", "run")

OTHER = {
    "seed": 5,
    "data_seed": 6,
    "learning_rate": 1.0,
    "weight_decay": 2.0,
    "init_scale": 3.0,
    "train_fraction": 0.25,
    "label_noise": 0.5,
    "final_rate": 0.1,
    "grokfast_alpha": 0.5,
    "grokfast_lambda": 3.0,
}
"""Another value of each traced setting, but for those that switch code on."""

SWITCHES = {
    "warmup_steps": 7,
    "decay_steps": 9,
    "gradient_noise": 0.1,
    "embedding_learning_rate": 0.1,
}


@pytest.mark.parametrize("name", [name for name in BLANKED if name != "eval_every"])
def test_a_setting_in_which_members_may_differ_is_an_attribute_error(name):
    """A default in its place would be compiled in, silently, for all members."""
    program = Config(weight_decay=0.3).program
    groups = [program.group(cls) for cls in (Data, Optimization, Training)]
    pieces = [program.task_settings, program.model_settings, program.rule]
    for settings in (program, *groups, *pieces):
        with pytest.raises(AttributeError, match=name):
            getattr(settings, name)
        assert name not in vars(settings)
    assert name not in program.values


def test_the_length_of_a_round_is_the_one_run_setting_that_is_compiled_in():
    assert "eval_every" in BLANKED
    assert Config(eval_every=10).program.eval_every == 10
    assert Config(eval_every=10).program != CONFIG.program
    for name, value in {"max_epochs": 40, "stop_when": "never", "stop_patience": 1}.items():
        assert Config(**{name: value}).program == CONFIG.program


def test_members_that_differ_in_traced_settings_share_a_program():
    assert {*OTHER, *SWITCHES} == set(CONFIG.names("traced"))
    assert Config(**OTHER, operation="multiply").program == CONFIG.program
    assert hash(Config(**OTHER).program) == hash(CONFIG.program)


@pytest.mark.parametrize(("name", "value"), SWITCHES.items())
def test_a_switch_is_compiled_in_where_it_is_not_zero(name, value):
    once, twice = Config(**{name: value}).program, Config(**{name: 2 * value}).program
    assert once == twice != CONFIG.program
    assert once.uses(name)
    assert not CONFIG.program.uses(name)
    assert not hasattr(once, name)


def another(field):
    """A value of a setting that is not its default."""
    value = field.default
    if field.choices:
        return next(choice for choice in field.choices if choice != value)
    if field.name in ("batch_size", "classes"):
        return 100
    return not value if isinstance(value, bool) else value / 2 if value < 1 else value + 1


@pytest.mark.parametrize("name", [n for n in CONFIG.names("static") if n not in ("task", "model")])
def test_a_static_setting_makes_another_program(name):
    further = {
        "tied": {"hidden_dim": 128},
        "schedule": {"decay_steps": 9},
        "sequence": {"model": "transformer"},
    }
    needs = further.get(name, {})
    kinds = {"optimizer": "sgd", "interventions": "rescale"}
    value = kinds.get(name) or another(CONFIG.fields[name])
    assert Config(**needs, **{name: value}).program != Config(**needs).program


def test_hypers_have_a_number_for_each_traced_setting():
    hypers = hypers_of(Config(**OTHER, operation="multiply"), ("add", "multiply"))
    names = {CONFIG.fields[n].traced_name or n for n in CONFIG.names("traced")}
    assert set(hypers._fields) == names | {"variant", "num_examples", "order"}
    assert (hypers.learning_rate, hypers.weight_decay, hypers.variant) == (1.0, 2.0, 1)
    assert (hypers.train_size, hypers.noisy_size) == (702, 351)
    assert hypers.learning_rate.dtype == "float32"
    assert hypers.seed.dtype == "uint32"


def test_the_network_is_a_function_of_task_and_model_alone():
    for values in (OTHER, SWITCHES, {"optimizer": "sgd"}, {"batch_size": 9}, {"operation": "sum"}):
        assert Config(classes=120, **values).network == Config(classes=120).network
    for values in ({"hidden_dim": 8}, {"modulus": 31}, {"biases": False}):
        assert Config(**values).network != CONFIG.network
    with pytest.raises(AttributeError, match="optimizer"):
        _ = CONFIG.network.optimizer
