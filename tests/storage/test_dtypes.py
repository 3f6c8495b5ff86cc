"""States of user-made update rules: which dtypes the journal and checkpoints store."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import grokjax
from grokjax import Config
from grokjax.storage import journal
from grokjax.storage.checkpoint import Checkpoints
from grokjax.storage.member_state import STATE_DTYPES, LaneStates, StopState
from tests.conftest import TINY


def save(directory, **arrays):
    """Save one member in one lane whose optimiser has these arrays."""
    state = {f"opt_state/{name}": values[None] for name, values in arrays.items()}
    state |= {"epoch": np.zeros(1, np.int32), "params/x": np.zeros((1, 3), np.float32)}
    with Checkpoints(directory) as checkpoints:
        checkpoints.save(LaneStates(state, {0: 7}, 0, state), {}, {7: StopState()})
        return checkpoints.restore(1)[7].state


def problems_of_part(directory, kind, **arrays):
    """Write a part of a kind with one row, and return the problems that are found in it."""
    directory = directory / "run"  # a new one: `save` would leave it without a list of digests
    directory.mkdir()
    who = {"member": np.zeros(1, np.int32), "epochs": np.ones(1, np.int32)}
    if kind == "params":
        who |= {name: np.zeros(1, np.int32) for name in journal.STOP_STATE}
        who["status"] = np.array(["grokked"])
    journal.append(directory, kind, who | {f"x/{name}": x[None] for name, x in arrays.items()})
    return journal.verify(directory)


@pytest.mark.parametrize("dtype", STATE_DTYPES)
def test_states_of_these_dtypes_are_stored(tmp_path, dtype):
    values = np.array([0, 1, 1]).astype(dtype)
    restored = save(tmp_path, x=values)["opt_state/x"]
    assert restored.dtype == dtype
    assert restored.tolist() == values.tolist()
    assert problems_of_part(tmp_path, "optimizer", x=values) == []


@pytest.mark.parametrize("dtype", ["int64", "float16", "complex64"])
def test_states_of_other_dtypes_are_refused(tmp_path, dtype):
    match = f"^dtype of opt_state/x must be float32 or .*, got '{dtype}'$"
    with pytest.raises(grokjax.ConfigError, match=match):
        save(tmp_path, x=np.zeros(3, dtype))
    (problem,) = problems_of_part(tmp_path, "optimizer", x=np.zeros(3, dtype))
    assert problem.startswith("optimizer/000001.npz: unreadable (x/x: ")


@pytest.mark.parametrize("dtype", ["uint32", "bool", "float16"])
def test_parameters_of_these_dtypes_are_refused(tmp_path, dtype):
    (problem,) = problems_of_part(tmp_path, "params", x=np.zeros(3, dtype))
    assert problem.startswith("params/000001.npz: unreadable (x/x: ")


def train_with_state(value, directory):
    """Train with plain gradient descent that has one more array in its state."""

    def extra(learning_rate):
        keep = optax.GradientTransformation(lambda _: value(), lambda grads, x, _: (grads, x))
        return optax.chain(keep, optax.sgd(learning_rate))

    config = Config(**TINY | {"max_epochs": 2}, optimizer=extra)
    return grokjax.train(config, directory, progress=False, checkpoint_every=1e-9)


@pytest.mark.parametrize("dtype", [each for each in STATE_DTYPES if each != "float64"])
def test_rules_with_states_of_these_dtypes_train(tmp_path, dtype):
    run = train_with_state(lambda: jnp.ones(3, dtype), tmp_path / "run")
    assert journal.verify(run.directory) == []


OTHERS = {dtype: lambda dtype=dtype: jnp.zeros(3, dtype) for dtype in ("bfloat16", "float16")}
OTHERS |= {"int8": lambda: jnp.zeros(3, "int8"), "key<fry>": lambda: jax.random.key(0)}


@pytest.mark.parametrize("dtype", OTHERS)
def test_rules_with_states_of_other_dtypes_are_refused_before_training(tmp_path, dtype):
    match = f"^optimizer extra: its state must be float32, .* or bool, got {dtype}$"
    with pytest.raises(grokjax.ConfigError, match=match):
        train_with_state(OTHERS[dtype], tmp_path / "run")
    assert list(tmp_path.iterdir()) == []
