"""Networks of a user's own: plain NNX modules, and what is refused of them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

import grokjax
from grokjax import Config, ConfigError, Sweep
from grokjax.models.model import PROVIDED, Model
from grokjax.models.network import build_network
from tests.conftest import TINY

LAUNCH = {n: v for n, v in TINY.items() if n not in ("embed_dim", "hidden_dim")}


class FlaxDocumentation(nnx.Module):
    """The module of Flax's own introduction, but for its dropout and batch norm."""

    def __init__(self, din: int, dmid: int, dout: int, rngs: nnx.Rngs):
        self.linear1 = nnx.Linear(din, dmid, rngs=rngs)
        self.linear2 = nnx.Linear(dmid, dout, rngs=rngs)

    def __call__(self, x):
        return self.linear2(nnx.relu(self.linear1(x)))


class Blocks(nnx.Module):
    """An embedding, a list of blocks with skip connections, and a parameter at the top."""

    def __init__(
        self, num_tokens, num_classes, width: int = 6, depth: int = 2, rate: float = 1.0,
        gain: int | None = None, act="relu", init=nnx.initializers.zeros, *, rngs,
    ):  # fmt: skip
        self.embed = nnx.Embed(num_tokens, width, rngs=rngs)
        self.blocks = nnx.List([nnx.Linear(width, width, rngs=rngs) for _ in range(depth)])
        self.output = nnx.Linear(width, num_classes, rngs=rngs)
        self.scale = nnx.Param(jnp.full((), rate))
        self.act = getattr(jax.nn, act)

    def __call__(self, pairs):
        x = self.embed(pairs).sum(axis=1)
        for block in self.blocks:
            x = x + self.act(block(x))
        return self.scale[...] * self.output(x)


def network_of(module, **settings):
    config = Config(model=module, modulus=7, **settings)
    return build_network(config.model_settings, config.spec)


def test_parameters_of_the_constructor_are_settings_but_those_that_are_filled_in():
    config = Config(model=Blocks)
    own = set(config.fields) - set(Config().fields)
    assert own == {"width", "depth", "rate", "gain", "act"}
    assert (config.width, config.rate, config.gain, config.act) == (6, 1.0, None, "relu")
    assert not own & set(PROVIDED)
    with pytest.raises(ConfigError, match=r"width must be a whole number, got 1.5"):
        config.replace(width=1.5)
    with pytest.raises(ConfigError, match="init: no such setting"):
        config.replace(init="zeros")


def test_a_parameter_without_default_must_be_given():
    with pytest.raises(ConfigError, match=r"^dmid must be given, since it has no default$"):
        Config(model=FlaxDocumentation)
    assert Config(model=FlaxDocumentation, dmid=4).dmid == 4
    assert Config().replace(model=FlaxDocumentation, dmid=4).dmid == 4
    assert [m.dmid for m in Sweep(Config(), model=[FlaxDocumentation], dmid=[4, 5])] == [4, 5]


def test_shapes_and_names_come_from_the_module():
    network = network_of(FlaxDocumentation, dmid=4)
    assert network.shapes == {
        "linear1/kernel": (2, 4), "linear1/bias": (4,),
        "linear2/kernel": (4, 7), "linear2/bias": (7,),
    }  # fmt: skip
    assert network.token_table is None
    network = network_of(Blocks, depth=11)
    assert network.shapes["blocks/10/kernel"] == (6, 6)
    assert network.shapes["scale"] == ()
    assert network.token_table is not None
    assert network.token_table.parameter == "embed/embedding"
    assert network.token_table.read(network.init(jax.random.key(0))).shape == (7, 6)


@pytest.mark.parametrize(
    ("module", "settings"),
    [(FlaxDocumentation, {"dmid": 4}), (Blocks, {"depth": 11, "act": "tanh"})],
)
def test_logits_are_those_of_the_module_itself(module, settings):
    network = network_of(module, **settings)
    params = network.init(jax.random.key(3))
    given = {"din": 2, "dout": 7} if module is FlaxDocumentation else dict.fromkeys(PROVIDED[:2], 7)
    alone = module(**given, **settings, rngs=nnx.Rngs(jax.random.key(3)))
    pairs = jnp.array([[0, 1], [6, 2], [3, 3]])
    np.testing.assert_array_equal(network.apply(params, pairs), alone(pairs))


@pytest.mark.parametrize(
    ("module", "axes"),
    [(FlaxDocumentation, {"dmid": [3, 4]}), (Blocks, {"depth": [1, 2], "rate": [0.5, 1.0]})],
)
def test_a_plain_module_trains_with_its_settings_as_axes(module, axes, tmp_path):
    settings = {"dmid": 3} if module is FlaxDocumentation else {}
    sweep = Sweep(Config(**LAUNCH, model=module, **settings), **axes)
    run = grokjax.train(sweep, tmp_path / "run", progress=False)
    assert set(axes) <= set(run.history.coords)
    assert np.isfinite(run.history.train_loss.values).all()
    assert (run.history.train_loss[:, -1] != run.history.train_loss[:, 0]).all()
    for member, config in enumerate(sweep):
        found = jax.tree.map(jnp.shape, run.params_of(member))
        expected = build_network(config.model_settings, config.spec).init(jax.random.key(0))
        assert found == jax.tree.map(jnp.shape, expected)


def test_a_sweep_over_networks_has_a_program_for_each(tmp_path):
    sweep = Sweep(Config(**TINY), model=["mlp", Blocks], seed=range(2))
    assert [m.values.get("depth") for m in sweep] == [None, None, 2, 2]
    assert [m.values.get("hidden_dim") for m in sweep] == [8, 8, None, None]
    run = grokjax.train(sweep, tmp_path / "run", progress=False)
    assert run.history.model.values.tolist() == ["mlp"] * 2 + ["Blocks"] * 2
    assert np.isfinite(run.history.test_loss.values).all()


class WrongShape(FlaxDocumentation):
    def __call__(self, x):
        return super().__call__(x)[:, :3]


class WrongDtype(FlaxDocumentation):
    def __call__(self, x):
        return super().__call__(x).astype(jnp.bfloat16)


class Tuple(FlaxDocumentation):
    def __call__(self, x):
        return super().__call__(x), None


class Raises(nnx.Module):
    def __init__(self, dmid: int = 4, *, rngs):
        raise ValueError("no\nluck")

    def __call__(self, x):
        return x


class RaisesWhenCalled(FlaxDocumentation):
    def __call__(self, x, y):
        return x


class HalfPrecision(FlaxDocumentation):
    def __init__(self, din: int, dmid: int, dout: int, rngs: nnx.Rngs):
        self.linear1 = nnx.Linear(din, dmid, param_dtype=jnp.bfloat16, rngs=rngs)
        self.linear2 = nnx.Linear(dmid, dout, rngs=rngs)


class Dropout(FlaxDocumentation):
    def __init__(self, din: int, dmid: int, dout: int, rngs: nnx.Rngs):
        super().__init__(din, dmid, dout, rngs)
        self.dropout = nnx.Dropout(0.1, rngs=rngs)


class BatchNorm(FlaxDocumentation):
    def __init__(self, din: int, dmid: int, dout: int, rngs: nnx.Rngs):
        super().__init__(din, dmid, dout, rngs)
        self.norm = nnx.BatchNorm(dmid, rngs=rngs)


class Empty(nnx.Module):
    def __init__(self, dmid: int = 4, *, rngs):
        pass

    def __call__(self, x):
        return jnp.zeros((len(x), 7))


class Array(FlaxDocumentation):
    def __init__(self, din: int, dmid: int, dout: int, rngs: nnx.Rngs):
        super().__init__(din, dmid, dout, rngs)
        self.positions = jnp.ones(dmid)


class NumPyArray(FlaxDocumentation):
    def __init__(self, din: int, dmid: int, dout: int, rngs: nnx.Rngs):
        super().__init__(din, dmid, dout, rngs)
        self.linear1.mask = np.ones(dmid)


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (Array, "its attribute positions must not be an array; make it an nnx.Param, or a "
         "constant in __call__"),
        (NumPyArray, "its attribute linear1.mask must not be an array"),
        (WrongShape, r"its __call__ must return float32 logits of shape \[B, 7\], got float32 "
         r"\[3, 3\] for a batch of 3"),
        (WrongDtype, r"its __call__ must return float32 logits .*, got bfloat16 \[3, 7\]"),
        (Tuple, r"its __call__ must return float32 logits .*, got tuple"),
        (Raises, r"cannot be built \(ValueError: no luck\)"),
        (RaisesWhenCalled, r"cannot be called with int32 of shape \[3, 2\] \(TypeError: .*'y'"),
        (HalfPrecision, "parameters must be float32, got bfloat16"),
        (Dropout, "must have no other variables than nnx.Param, got RngCount, RngKey; "),
        (BatchNorm, "must have no other variables than nnx.Param, got BatchStat; "),
        (Empty, "must have parameters, got none"),
    ],
)  # fmt: skip
def test_a_module_that_cannot_be_trained_is_named_and_nothing_is_written(module, message, tmp_path):
    config = Config(**LAUNCH, model=module, dmid=4)
    with pytest.raises(ConfigError, match=f"^model {module.__name__}: {message}") as caught:
        grokjax.train(config, tmp_path / "run", progress=False)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_what_is_no_module_is_refused():
    for source in (len, int.__add__, type("Silent", (), {})):
        with pytest.raises(ConfigError, match=r"must be a class of flax.nnx modules with __call__"):
            Config(model=source)


def test_the_mlp_needs_pairs_of_tokens():
    def features(rows: int = 8):
        return grokjax.Dataset(np.ones((rows, 3)), np.zeros(rows, int), num_classes=2)

    with pytest.raises(
        ConfigError, match=r"mlp needs .* pairs of tokens, got float32 of shape \[3"
    ):
        Config(task=features)
    assert Config(task=features, model=FlaxDocumentation, dmid=4).spec.input_shape == (3,)


def test_a_subclass_of_model_brings_its_own_settings_and_token_table():
    class Wide(Model):
        network = lambda settings, spec, rngs: FlaxDocumentation(  # noqa: E731
            2, settings.breadth * 2, spec.num_classes, rngs
        )
        breadth: int = 3

    config = Config(model=Wide, modulus=7)
    assert (config.breadth, config.model) == (3, "Wide")
