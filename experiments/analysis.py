"""How does the time of the whole analysis grow with the number of members?

This times `analysis.survey` on untrained networks of the notebook's size: principal components,
circles, spectra, planes and neurons of each. Each number of members runs in its own process;
only the first call compiles. Reading a run and drawing are excluded.
"""

from __future__ import annotations

import multiprocessing
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from grokjax import plots, recipes
from grokjax.analysis.survey import survey
from grokjax.cli.scripts import run_script
from grokjax.cli.summary import draw_or_warn
from grokjax.config.config import Config
from grokjax.errors import invalid
from grokjax.models.network import build_network
from grokjax.results.params import nested
from grokjax.runtime import paths


@dataclass
class Args:
    """Measure the seconds of the whole analysis against the number of members."""

    out: Path = Path("runs/analysis.png")
    """File of the figure."""
    members: tuple[int, ...] = (64, 128, 256, 512, 1024)
    """Numbers of members to measure."""
    repeats: int = 5
    """Calls after the first; the result is their median."""


def random_params(config: Config, members: int) -> dict:
    """Random parameters `[M, ...]` in the form of `Run.params`."""
    rng = np.random.default_rng(0)
    shapes = build_network(config.model_settings, config.spec).shapes.items()
    return nested(
        {name: rng.normal(0, 0.1, (members, *shape)).astype(np.float32) for name, shape in shapes}
    )


def measure(members: int, repeats: int) -> tuple[float, list[float]]:
    """Seconds of the first call, and of each further call; runs in a fresh process."""
    config = recipes.get("notebook").config
    params = random_params(config, members)
    seconds = []
    for _ in range(1 + repeats):
        start = time.perf_counter()
        survey(params, network=config.network)
        seconds.append(time.perf_counter() - start)
    return seconds[0], seconds[1:]


def main(args: Args) -> None:
    if min(args.members, default=0) < 1 or len(set(args.members)) < len(args.members):
        raise invalid("members", args.members, "must be distinct numbers of at least 1")
    if args.repeats < 1:
        raise invalid("repeats", args.repeats, "must be at least 1")
    paths.require_writable("out", args.out, "choose another file with --out")
    first: dict[int, float] = {}
    further: dict[int, float] = {}
    for number in sorted(args.members):
        spawn = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=spawn) as pool:
            first[number], rest = pool.submit(measure, number, args.repeats).result()
        further[number] = statistics.median(rest)
        print(
            f"{number} members: first call {first[number]:.1f} s, further calls "
            f"{further[number]:.2f} s ({min(rest):.2f} to {max(rest):.2f}), "
            f"{further[number] / number * 1e3:.1f} ms a member",
            flush=True,
        )
    fig, ax = plots.figure()
    for label, seconds in (("first call, compiling", first), ("further calls", further)):
        ax.plot(list(seconds), list(seconds.values()), "o-", label=label)
    title = "whole analysis of untrained networks of the recipe notebook"
    ax.set(xlabel="members", ylabel="seconds", xlim=(0, None), ylim=(0, None), title=title)
    ax.legend()
    draw_or_warn(lambda: plots.save(fig, args.out))


if __name__ == "__main__":
    run_script(main, Args)
