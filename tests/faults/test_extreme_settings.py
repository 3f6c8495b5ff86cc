"""Numeric settings at the ends of their ranges: a round is finite, or only the member diverges."""

import jax
import numpy as np
import pytest

import grokjax
from grokjax import Config, Sweep
from grokjax.errors import ConfigError
from tests.faults import fuzzed_commands

pytestmark = pytest.mark.fault

MAX_INT, MAX_FLOAT, BELOW_ONE = 2**31 - 1, 3.4e38, float(np.nextafter(np.float32(1), np.float32(0)))
ENDS = {
    "seed": (0, 2**32 - 1),
    "data_seed": (0, 2**32 - 1),
    "learning_rate": (0.0, MAX_FLOAT),
    "weight_decay": (0.0, MAX_FLOAT),
    "init_scale": (1e-15, MAX_FLOAT),
    "train_fraction": (0.0401, 0.9999999999999999),
    "label_noise": (0.0, 1.0),
    "final_rate": (0.0, 1.0),
    "grokfast_alpha": (0.0, BELOW_ONE),
    "grokfast_lambda": (0.0, MAX_FLOAT),
    "intervene_from": (0, MAX_INT),
    "intervene_after_memorised": (0, MAX_INT),
    "clamp_norm": (0.0, MAX_FLOAT),
    "clamp_ratio": (0.0, MAX_FLOAT),
    "rescale_factor": (0.0, MAX_FLOAT),
    "changed_learning_rate": (0.0, MAX_FLOAT),
    "changed_weight_decay": (0.0, MAX_FLOAT),
    "logit_temperature": (1e-15, MAX_FLOAT),
}
MAY_DIVERGE = (
    *("learning_rate", "weight_decay", "init_scale", "clamp_norm", "clamp_ratio"),
    *("rescale_factor", "changed_learning_rate", "changed_weight_decay"),
)
INTERVENTIONS = "clamp-norm,rescale,change-settings,temperature"
BEYOND = {
    **dict.fromkeys(("learning_rate", "weight_decay", "grokfast_lambda"), (-1e-09, 1e39)),
    **dict.fromkeys(("embedding_learning_rate", "changed_learning_rate"), (-1e-09, 1e39)),
    **dict.fromkeys(("changed_weight_decay", "learnt_loss"), (-1e-09, 1e39)),
    **dict.fromkeys(("clamp_norm", "clamp_ratio", "rescale_factor"), (-1e-09, 1e39)),
    **dict.fromkeys(("intervene_from", "intervene_after_memorised"), (-1, 2**31)),
    **dict.fromkeys(("seed", "data_seed"), (-1, 2**32)),
    **dict.fromkeys(("label_noise", "final_rate"), (-1e-09, 1.001)),
    **dict.fromkeys(("grokfast_alpha", "beta1", "beta2"), (-1e-09, 0.99999999)),
    **dict.fromkeys(("hidden_dim", "batch_size", "grokfast_window", "stop_patience"), (0, 2**31)),
    **dict.fromkeys(("max_epochs", "eval_every", "snapshot_every"), (0, 2**31)),
    **dict.fromkeys(("embed_dim", "warmup_steps", "decay_steps", "extra_epochs"), (-1, 2**31)),
    "gradient_noise": (-1e-9, 1e39),
    "init_scale": (9e-16, 1e39),
    "logit_temperature": (9e-16, 1e39),
    "learnt_accuracy": (-1e-9, 1.001),
    "evals": (1, 2**31),
    "eps": (1.1e-38, 1e39),
    "train_fraction": (0, 1),
    "modulus": (1, 46_341),
    "classes": (1, 2**31),
    "hidden_layers": (0, 4),
}
TINY = {"modulus": 5, "embed_dim": 4, "hidden_dim": 6, "batch_size": 7, "eval_every": 1}
STATIC = [
    {"modulus": 2, "embed_dim": 0, "hidden_dim": 1, "batch_size": 1, "beta1": 0.0, "beta2": 0.0},
    {
        "beta1": BELOW_ONE,
        "beta2": BELOW_ONE,
        "eps": 1.2e-38,
        "hidden_layers": 3,
        "batch_size": MAX_INT,
    },
    {"eps": MAX_FLOAT, "grokfast": "ma", "grokfast_window": 1, "embed_dim": 1, "classes": 2_000},
    {"warmup_steps": MAX_INT, "gradient_noise": 1e18, "schedule": "cosine", "decay_steps": MAX_INT},
]


def test_numbers_beyond_the_ends_of_their_ranges_are_refused():
    fields = Config(interventions=INTERVENTIONS).fields
    assert set(BEYOND) == {n for n, field in fields.items() if field.allowed is not None}
    for name, values in BEYOND.items():
        for value in values:
            with pytest.raises(ConfigError, match=f"^{name} must "):
                Config(interventions=INTERVENTIONS, **{name: value})
    switches = {"warmup_steps", "decay_steps", "gradient_noise", "embedding_learning_rate"}
    traced = {n for n, field in fields.items() if field.kind == "traced"}
    assert set(ENDS) | switches == traced


def test_a_round_at_every_end_is_finite_or_only_the_member_diverges(tmp_path):
    jax.config.update("jax_disable_most_optimizations", True)
    try:
        base = Config(**TINY, max_epochs=1, interventions=INTERVENTIONS, intervene_from=0)
        ends = [(n, v) for n, values in ENDS.items() for v in values]
        columns = {n: [getattr(base, n)] * len(ends) for n in ENDS}
        columns["seed"] = list(range(10, 10 + len(ends)))
        for i, (name, value) in enumerate(ends):
            columns[name][i] = value
        run = grokjax.train(Sweep.zip(base, **columns), tmp_path / "run", progress=False)
        diverged = {ends[m] for m in run.members.index[run.members.status == "diverged"]}
        assert diverged <= {(n, MAX_FLOAT) for n in MAY_DIVERGE} | {("logit_temperature", 1e-15)}
        for i, end in enumerate(ends):
            values = run.history.isel(member=i).drop_vars("status").data_vars.values()
            assert end in diverged or all(np.isfinite(x).all() for x in values), end
        rounds = fuzzed_commands.OneRound()
        for settings in STATIC:
            rounds.add(Sweep(Config(**TINY | settings, max_epochs=1), seed=range(2)))
        for member, metrics, status in rounds.train():
            assert status != "diverged", member
            assert fuzzed_commands.is_finite(metrics), (member, metrics)
    finally:
        jax.config.update("jax_disable_most_optimizations", False)
