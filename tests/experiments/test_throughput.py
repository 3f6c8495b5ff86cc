"""The benchmark counts operations correctly, and its contenders do the same work."""

import dataclasses
import json
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from grokjax import recipes
from grokjax.config.hyperparams import hypers_of
from grokjax.models.network import build_network
from grokjax.training.batches import BatchPlan
from grokjax.training.member import build_member, relaid
from grokjax.training.step import layout_of
from tests.experiments.test_experiments import SCRIPTS
from tests.reference import AdamW, gradients
from tests.training.lowering import HIGHEST, precisions, record_applied_programs

sys.path.insert(0, str(SCRIPTS))
from rivals import by_grokjax, by_jax, scores
from rivals.transformer import TransformerWorkload
from rivals.workload import Workload
from rivals.workloads import WORKLOADS

SMALL = Workload("small", modulus=7, train_fraction=0.5, batch_size=9, embed_dim=4, hidden_dim=8)
PLANTED = SMALL.weights(scale=2.0, bias=0.3)


@pytest.fixture(autouse=True)
def allow_rank_promotion():
    with jax.numpy_rank_promotion("allow"):
        yield


TRANSFORMER = TransformerWorkload("small", 7, 0.5, None, embed_dim=8, hidden_dim=12, heads=2)


@pytest.mark.parametrize("make", [by_jax.OneByOne, by_jax.Vmapped, by_grokjax.Train])
@pytest.mark.parametrize(("work", "bias"), [(SMALL, "hidden_bias"), (TRANSFORMER, "mlp/in/bias")])
def test_contenders_compute_the_loss_of_numpy(make, work, bias):
    planted = work.weights(scale=2.0, bias=0.3)
    contender = make(work, 3, planted)
    assert contender.loss() == pytest.approx(work.reference_loss(planted), rel=1e-5)
    other = planted | {bias: planted[bias] + 0.1}
    assert make(work, 3, other).loss() != pytest.approx(work.reference_loss(planted), rel=1e-4)


def test_the_loss_of_grokjax_is_computed_in_float32(monkeypatch):
    texts = record_applied_programs(monkeypatch)
    by_grokjax.Train(SMALL, 3, PLANTED).loss()
    assert precisions(texts[0]) == {HIGHEST}


def test_the_jax_rivals_train_as_numpy_does():
    full = dataclasses.replace(SMALL, batch_size=None)
    epoch, carry = by_jax.OneByOne(full, 1, PLANTED).compiled()
    many, carries = by_jax.Vmapped(full, 2, PLANTED).compiled()
    nested = {
        "embed": {"embedding": PLANTED["embed"]},
        "hidden": {"kernel": PLANTED["hidden"], "bias": PLANTED["hidden_bias"]},
        "output": {"kernel": PLANTED["output"], "bias": PLANTED["output_bias"]},
    }
    pairs, labels, _, _ = full.data()
    expected = AdamW(full.learning_rate, full.weight_decay).step(
        nested, gradients(nested, pairs, labels)
    )
    found = epoch(carry, jax.random.key(0))[0]
    both = many(carries, jax.random.split(jax.random.key(0), 2))[0]
    np.testing.assert_allclose(found["hidden"], expected["hidden"]["kernel"], atol=1e-6)
    np.testing.assert_allclose(both["hidden"][1], expected["hidden"]["kernel"], atol=1e-6)


def test_an_epoch_of_a_rival_uses_each_row_once():
    class Counting(by_jax.OneByOne):
        def step(self, carry, rows):
            return carry.at[rows].add(1), None

    rival = Counting(SMALL, 1, PLANTED)
    np.testing.assert_array_equal(rival.epoch(jnp.zeros(24), jax.random.key(1)), np.ones(24))


def test_operations_and_bytes_by_hand():
    notebook, full = WORKLOADS["notebook"], WORKLOADS["full-batch"]
    assert (notebook.train_size, full.train_size) == (1404, 3830)
    assert notebook.parameters == 86_197
    assert notebook.flops == 3 * (4 * 53 * 128 * 256 + 2 * 64 * 256 * 53)
    assert full.flops == 3 * (4 * 113 * 128 * 256 + 2 * 3830 * 256 * 113)
    assert notebook.bytes == 7 * 4 * 86_197
    transformer = WORKLOADS["transformer"]
    assert transformer.parameters == 231 * 128 + 4 * 128**2 + 2 * 128 * 512 + 640
    per_row = 128 * (512 + 114) + 512 * 114
    kernels = 228 * 128 * 256 + 128 * 128 * (512 + 114) + 512 * 128 * 114
    assert transformer.flops == 3 * 2 * (3830 * per_row + kernels)


@pytest.mark.parametrize(
    ("name", "most"), [("notebook", 1.3), ("full-batch", 1.7), ("transformer", 1.4)]
)
@pytest.mark.parametrize("platform", ["cuda", "tpu"])
def test_a_step_on_accelerators_needs_few_operations_above_the_minimum(name, most, platform):
    """Compare operations of the lowered step with the minimum counted by hand.

    In full batch the gradient of the lookup, one-hot products instead of a scatter, adds 0.62.
    """
    work, lanes = WORKLOADS[name], 4
    recipe = "nanda" if name == "transformer" else "notebook"
    config = recipes.get(recipe).config.replace(
        modulus=work.modulus,
        train_fraction=work.train_fraction,
        batch_size=work.batch_size,
    )
    variants = (config.variant,)
    member = build_member(config.program, config.train_size, variants)
    plan = BatchPlan.of(config.batch_size, work.modulus**2, config.train_size, None)
    hypers = jax.tree.map(lambda x: jnp.stack([x] * lanes), hypers_of(config, variants))
    state = jax.eval_shape(jax.vmap(member.init), hypers)[0]
    constants = jax.eval_shape(jax.vmap(member.constants), hypers)
    network = build_network(config.model_settings, config.spec)
    enter = layout_of(network, config.rule.elementwise).enter
    packed = jax.eval_shape(
        jax.vmap(lambda s: relaid(enter, s.params, (s.params, s.opt_state))), state
    )
    shape = lanes, plan.chunks, plan.rows
    batch = jax.ShapeDtypeStruct(shape, jnp.int32), jax.ShapeDtypeStruct(shape, jnp.float32)
    with jax.default_matmul_precision(config.precision):
        traced = jax.jit(jax.vmap(member.step)).trace(constants, packed, batch)
        lowered = traced.lower(lowering_platforms=(platform,))
    text = lowered.as_text()
    assert 1 < lowered.cost_analysis()["flops"] / lanes / work.flops < most
    for unwanted in (
        "stablehlo.scatter",
        "f64>",
        "callback",
        "infeed",
        "outfeed",
        "stablehlo.send",
    ):
        assert unwanted not in text
    assert precisions(text) == {HIGHEST}


def test_predicted_limit_adds_the_times_of_operations_and_bytes():
    text = scores.predicted_limit(WORKLOADS["notebook"])
    h100 = 1 / (26_050_560 / 67e12 + 2_413_516 / 3.35e12)
    assert f"H100 SXM {h100:,.0f}" in text
    assert "not measured" in text


def score(label, class_path, members, rates):
    return scores.Score(scores.Row(label, class_path, members), 1.5, rates, 100.0)


def test_ratios_are_taken_within_a_round_and_limits_add_up():
    found = [
        score("rival", "by_jax.OneByOne", 1, [10.0, 20.0, 40.0]),
        score("grokjax", "by_grokjax.Train", 8, [1.0, 1.0, 1.0]),
        score("grokjax", "by_grokjax.Train", 64, [30.0, 40.0, 120.0]),
        score("grokjax", "by_grokjax.Train", 512, [1.0, 1.0, 1.0]),
        score("steps", "by_grokjax.TrainWithoutEvaluation", 64, [60.0, 60.0, 60.0]),
        score("products", "machine.Products", 1, [100.0, 100.0, 200.0]),
        score("bytes", "machine.Bytes", 1, [100.0, 100.0, 200.0]),
    ]
    assert scores.reference_score(found).row.members == 64
    assert scores.limits(found)[2].rates == [50.0, 50.0, 100.0]
    assert found[2].speedup_over(found[0]) == 3.0
    text = scores.markdown_table(SMALL, found)
    assert "| rival | 1 | 20 (10 to 40) | 3.00 x | 3.00 x | 0.40 | 1.5 | 100 |" in text
    assert scores.numbers(SMALL, found)["rows"][0]["share_of_limit"] == pytest.approx(0.4)


def test_a_contender_with_another_loss_is_an_error(monkeypatch):
    import throughput

    monkeypatch.setattr(Workload, "reference_loss", lambda *_: 1.0)
    with pytest.raises(RuntimeError, match=r"JAX, 1: loss .*, where NumPy has 1\.0"):
        throughput.measure(SMALL, [scores.Row("JAX", "by_jax.OneByOne", 1)], throughput.Args())


# The script as users start it, with a smaller workload.
SMALLER = """
import runpy, sys
from pathlib import Path

sys.argv = sys.argv[1:]
sys.path.insert(0, str(Path(sys.argv[0]).parent))
from rivals.workload import Workload
from rivals.workloads import WORKLOADS

WORKLOADS["notebook"] = Workload(
    "notebook", modulus=13, train_fraction=0.8, batch_size=64, embed_dim=32, hidden_dim=64
)
runpy.run_path(sys.argv[0], run_name="__main__")
"""


@pytest.mark.slow
def test_the_script_measures_and_draws(tmp_path):
    out = tmp_path / "figure.png"
    arguments = ("--workloads", "notebook", "--members", "1", "--repeats", "1", "--seconds", "0.1")
    command = [sys.executable, "-c", SMALLER, str(SCRIPTS / "throughput.py"), "--out", str(out)]
    command += ["--no-torch", "--json", *arguments]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    table = out.with_suffix(".md").read_text()
    assert "PyTorch is not included: --no-torch" in table
    assert "| JAX, naive vmap | 64 |" in table
    assert out.stat().st_size > 10_000
    numbers = json.loads(done.stdout)
    assert numbers == json.loads(out.with_suffix(".json").read_text())
    found = numbers["workloads"]["notebook"]
    rows = {row["contender"]: row for row in found["rows"]}
    speed = rows["grokjax"]["median"]
    # Speeds depend on the machine, so this checks only their ratios.
    assert rows["grokjax"]["share_of_limit"] == pytest.approx(speed / found["limit"])
    assert rows["JAX, naive vmap"]["grokjax_is"] == pytest.approx(
        speed / rows["JAX, naive vmap"]["median"]
    )
    assert rows["grokjax"]["peak_mb"] > 100
