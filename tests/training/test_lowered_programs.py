"""The programs as they are lowered for accelerators, and the options they are compiled with."""

import jax
import pytest

from grokjax.config.sweep import Program
from grokjax.runtime.numerics import CPU_OPTIONS
from grokjax.training.program import ProgramKey, trace_programs
from tests.training.launches import BASE
from tests.training.lowering import lowered


@pytest.mark.parametrize("platform", ["cuda", "tpu"])
@pytest.mark.parametrize(
    "settings",
    [{}, {"batch_size": None}, {"grokfast": "ma", "grokfast_window": 3}],
    ids=["batches", "full batch", "moving average"],
)
def test_off_cpu_the_programs_scatter_nothing(settings, platform):
    text = lowered(BASE.replace(**settings), platform)
    assert "stablehlo.dot_general" in text
    for unwanted in ("stablehlo.scatter", "callback", "f64>", "all_reduce", "all_gather"):
        assert unwanted not in text


@pytest.mark.parametrize("on_cpu", [True, False])
def test_compiler_options_are_for_cpu_only(monkeypatch, on_cpu):
    """They make a user's softmax the same on one device and on two (drawn launches show that)."""
    given, jit = [], jax.jit
    monkeypatch.setattr(jax, "jit", lambda *a, **k: given.append(k) or jit(*a, **k))
    trace_programs(ProgramKey.of(Program.of({0: BASE})), tuple(jax.devices()[:2]), 2, on_cpu)
    options = [each["compiler_options"] for each in given if "compiler_options" in each]
    assert options == [CPU_OPTIONS if on_cpu else None] * 2
