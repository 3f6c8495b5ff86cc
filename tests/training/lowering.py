"""Lower programs for other platforms, and read the precision of their matrix products."""

import functools

import jax

from grokjax.config.sweep import Program
from grokjax.models import network
from grokjax.training.program import ProgramKey, trace_programs

HIGHEST, HIGH, DEFAULT = "HIGHEST", "HIGH", "DEFAULT"
"""Precisions on accelerators: float32; three passes of a shorter type; one pass."""


@functools.cache
def lowered(config, platform):
    """Return the StableHLO of both programs, for four lanes on two devices of an accelerator."""
    return "\n".join(
        program.lower(lowering_platforms=(platform,)).as_text() for program in traced(config)
    )


@functools.cache
def traced(config):
    key = ProgramKey.of(Program.of({0: config}))
    found = trace_programs(key, tuple(jax.devices()[:2]), 4, on_cpu=False)
    return found.refill, found.round


def record_applied_programs(monkeypatch):
    """Return a list that gets the StableHLO for a GPU of each later call of `Network.apply`."""
    seen, apply = [], network.Network.apply

    def watched(self, params, inputs, *settings):
        if not any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(params)):
            traced = jax.jit(lambda p, i: apply(self, p, i, *settings)).trace(params, inputs)
            seen.append(traced.lower(lowering_platforms=("cuda",)).as_text())
        return apply(self, params, inputs, *settings)

    monkeypatch.setattr(network.Network, "apply", watched)
    return seen


def precisions(text):
    """Return the precisions of all matrix products of a program."""
    products = [line for line in text.splitlines() if "stablehlo.dot_general" in line]
    assert products
    words = (line.partition("precision = [")[2].partition("]")[0] for line in products)
    return {word for each in words for word in (each or DEFAULT).split(", ")}
