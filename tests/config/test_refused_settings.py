"""Arguments that Config, Sweep and recipes cannot take are refused in one line."""

import numpy as np
import pytest

import grokjax.recipes
from grokjax import Config, Sweep


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Config(sede=0), "sede: no such setting; did you mean seed?"),
        (lambda: Config().replace(wd=0), "wd: no such setting; did you mean weight_"),
        (lambda: Config(activation=np.array(["relu"])), "relu, gelu, tanh, square, got array("),
        (lambda: Config(loss=["mse"]), "cross-entropy, mse, stablemax, got ['mse']"),
        (lambda: Config.from_dict(None), "config must be a dict of groups of settings, got None"),
        (lambda: Sweep("notebook"), "config must be a grokjax.Config, got 'notebook'"),
        (lambda: Sweep({}), "config must be a grokjax.Config, got {}"),
        (lambda: Sweep(sede=[0]), "sede: no such setting; did you mean seed?"),
        (lambda: Sweep(seed=np.array(3)), "must be a list of values to be an axis, got array(3)"),
        (lambda: Sweep(seed={0: 1}), "seed must be a list of values to be an axis, got {0: 1}"),
        (lambda: Sweep(seed=None), "seed must be a list of values to be an axis, got None"),
        (lambda: Sweep().with_values(["seed"], [1]), "['seed']: no such setting; one of "),
        (lambda: Sweep.zip(3, seed=[0]), "config must be a grokjax.Config, got 3"),
        (lambda: Sweep().extended(Config()), "sweep must be a Sweep, got Config()"),
        (lambda: Sweep.from_dict(None), "sweep must be a dict with config and columns, got None"),
        (lambda: Sweep.from_dict({"config": {}}), "must be a dict with config and columns, got {"),
        (lambda: Sweep.from_dict({"config": {}, "columns": 1}), "must be a dict of axes, got 1"),
        (lambda: grokjax.recipes.get("notbook"), "must name a recipe, got 'notbook'; did you mean"),
        (lambda: grokjax.recipes.get(None), "must name a recipe, got None; one of notebook"),
        (lambda: grokjax.recipes.get(["notebook"]), "must name a recipe, got ['notebook']"),
        (lambda: grokjax.recipes.get("notebook").sweep(sede=[1]), "did you mean seed?"),
    ],
)  # fmt: skip
def test_settings_and_sweeps_refuse_what_they_cannot_be(call, message):
    with pytest.raises(grokjax.ConfigError) as refused:
        call()
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_sweep_is_a_sequence_of_its_members():
    sweep = Sweep(seed=range(3))
    assert [config.seed for config in sweep] == [0, 1, 2]
    assert sweep[-1].seed == 2
    with pytest.raises(IndexError, match="sweep: 3 is not a member; they are 0 to 2"):
        sweep[3]
    with pytest.raises(TypeError, match="sweep: 'a' is not a member; they are 0 to 2"):
        sweep["a"]
    with pytest.raises(TypeError, match="unsupported operand"):
        sweep + Config()
