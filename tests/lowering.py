"""Programs as they are lowered for platforms that are not here (StableHLO), and how exactly
they multiply.
"""

import dataclasses
import functools

import jax

from grokjax import models, programs

HIGHEST, HIGH, DEFAULT = "HIGHEST", "HIGH", "DEFAULT"
"""On accelerators: float32, three passes of a shorter type, one."""


@functools.cache
def lowered(config, platform):
    """Both programs of four lanes on two devices of an accelerator."""
    return "\n".join(
        program.lower(lowering_platforms=(platform,)).as_text() for program in traced(config)
    )


@functools.cache
def traced(config):
    settings = config.compiled, config.train_size, tuple(jax.devices()[:2]), 4
    found = programs.traced(*settings, on_cpu=False)
    return found.refill, found.round


def applied(monkeypatch):
    """The programs by which networks are applied from here on, one a call, as for a GPU."""
    seen, build = [], models.build

    @dataclasses.dataclass(frozen=True)
    class Watched:
        model: models.Model

        def apply(self, params, pairs):
            traced = jax.jit(self.model.apply).trace(params, pairs)
            seen.append(traced.lower(lowering_platforms=("cuda",)).as_text())
            return self.model.apply(params, pairs)

    monkeypatch.setattr(models, "build", lambda config: Watched(build(config)))
    return seen


def precisions(text):
    """Those of all matrix products of a program."""
    products = [line for line in text.splitlines() if "stablehlo.dot_general" in line]
    assert products
    words = (line.partition("precision = [")[2].partition("]")[0] for line in products)
    return {word for each in words for word in (each or DEFAULT).split(", ")}
