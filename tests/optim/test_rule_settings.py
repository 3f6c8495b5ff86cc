"""Settings of a user's own rule, and which arrays decay."""

import os

import jax
import numpy as np
import optax
import pytest

from grokjax import Config, ConfigError, Sweep
from grokjax.models.model import Model
from grokjax.optim.optimizer import build_optimizer, decayed
from grokjax.optim.rule import Rule
from grokjax.optim.settings import Optimization
from grokjax.results.pieces import with_new_pieces
from grokjax.settings.field import fields_of, setting
from grokjax.tasks.task import Task
from tests.optim.rules_by_hand import hypers

HALF, TWO = np.float32(0.5), np.int64(2)


class TracedMomentum(Rule):
    """A rule whose momentum is traced, so that it needs no program for each value."""

    momentum: float = setting(np.float32(0.5), "Momentum", kind="traced")
    nesterov: bool = np.bool_(False)

    @staticmethod
    def function(momentum, nesterov):
        return optax.trace(momentum, nesterov)


def test_a_users_rule_gets_the_traced_setting_of_its_member():
    sweep = Sweep(Config(optimizer=TracedMomentum, weight_decay=0.0), momentum=[0.25, 0.75])
    assert len(sweep.programs()) == 1
    params = {"a": np.float32([1.0, -2.0])}

    def update(own):
        optimizer = build_optimizer(sweep.config.program, own)
        _, state = optimizer.update(params, optimizer.init(params), params)
        return optimizer.update(params, state, params)[0]["a"]

    stacked = jax.tree.map(lambda *x: np.stack(x), *map(hypers, sweep))
    moves = jax.jit(jax.vmap(update))(stacked)
    for member, move in zip(sweep, moves, strict=True):
        expected = -member.learning_rate * (1 + member.momentum) * params["a"]
        np.testing.assert_allclose(move, expected, rtol=1e-6)


def numbers_of_numpy(learning_rate: float, strength=HALF, times=TWO):
    return optax.sgd(learning_rate)


def test_numpy_defaults_are_plain_settings():
    config = Config(optimizer=TracedMomentum)
    assert [type(config.momentum), type(config.nesterov)] == [float, bool]
    fields = Config(optimizer=numbers_of_numpy).fields
    assert [type(fields[n].default) for n in ("strength", "times")] == [float, int]


def test_config_json_gets_the_rules_and_pieces_that_a_resume_adds(tmp_path):
    first = {"pieces": {"metrics": {"rank": {}}}, "optax_rules": {}}
    sweep = Sweep(Config(optimizer="lion"), optimizer=["lion", TracedMomentum])
    added = with_new_pieces(first, sweep, tmp_path)
    assert list(added["optax_rules"]) == ["lion"]
    assert list(added["pieces"]) == ["metrics", "optimizer"]
    assert list(added["pieces"]["optimizer"]) == ["TracedMomentum"]
    file = added["pieces"]["optimizer"]["TracedMomentum"]["file"]
    assert not os.path.isabs(file)
    assert (tmp_path / file).samefile(__file__)
    stored = {"optax_rules": {"lion": {"settings": {}}}, "pieces": {}}
    assert with_new_pieces(stored, Sweep(Config(optimizer="lion")), tmp_path) == stored


def bad_settings():
    """Return classes with settings of kinds that they cannot have."""

    class TracedTask(Task):
        size: int = setting(3, "Size", kind="traced")

    class TracedModel(Model):
        width: int = setting(3, "Width", kind="traced")

    class RunRule(Rule):
        size: int = setting(3, "Size", kind="run")

    class TracedText(Rule):
        how: str = setting("a", "How", kind="traced")

    return {
        "task": (TracedTask, "size must be static or variant, got kind 'traced'"),
        "model": (TracedModel, "width must be static, got kind 'traced'"),
        "optimizer": (RunRule, "size must be static or traced, got kind 'run'"),
        "text": (TracedText, "how must be a number, True or False"),
    }


@pytest.mark.parametrize("name", ["task", "model", "optimizer", "text"])
def test_a_setting_of_a_kind_that_cannot_be_is_refused(name):
    source, message = bad_settings()[name]
    with pytest.raises(ConfigError, match=message):
        Config(**{"optimizer" if name == "text" else name: source})


def test_arrays_named_bias_or_scale_do_not_decay_whatever_their_shape():
    params = {
        "attention": {"bias": np.ones((2, 3)), "kernel": np.ones((4, 2, 3))},
        "norm": {"scale": np.ones((2, 3))},
        "gate": {"strength": np.ones(())},
        "embed": {"embedding": np.ones((3, 2))},
    }
    found = decayed(params, "no-biases")
    assert found == {
        "attention": {"bias": False, "kernel": True},
        "norm": {"scale": False},
        "gate": {"strength": False},
        "embed": {"embedding": True},
    }
    assert not decayed(params, "kernels")["embed"]["embedding"]
    assert decayed(np.ones((2, 2)), "kernels") is True
    assert decayed(np.ones(2), "kernels") is False


def test_help_says_whose_defaults_the_rate_and_the_decay_are():
    fields = fields_of(Optimization)
    for name in ("learning_rate", "weight_decay"):
        assert "whatever the rule's own default is" in fields[name].help
    assert "in rules without decay, coupled L2" in fields["weight_decay"].help
