"""How long does the whole analysis of an ensemble take, against its number of members?

`analysis.survey` of untrained networks of the notebook's size: principal
components, circles, spectra, planes and neurons of each. Every number of
members is a process of its own; the first call compiles, further ones do not.
Excluded: reading a run, drawing.
"""

from __future__ import annotations

import multiprocessing
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from grokjax import layout, paths, plots, recipes
from grokjax.config import Config
from grokjax.launching import picture, script
from grokjax.settings import refuse


@dataclass
class Args:
    """Seconds for the whole analysis of an ensemble, against its number of members."""

    out: Path = Path("runs/analysis.png")
    """The figure."""
    members: tuple[int, ...] = (64, 128, 256, 512, 1024)
    """Sizes of the ensemble."""
    repeats: int = 5
    """Calls after the first; the median counts."""


def random_params(config: Config, members: int) -> dict:
    """Parameters `[M, ...]` of untrained networks, as `Run.params`."""
    from grokjax.parameters import nested

    rng = np.random.default_rng(0)
    shapes = layout.shapes(config).items()
    return nested(
        {name: rng.normal(0, 0.1, (members, *shape)).astype(np.float32) for name, shape in shapes}
    )


def measure(members: int, repeats: int) -> tuple[float, list[float]]:
    """Seconds of the first call and of further ones, in a fresh process."""
    from grokjax.analysis.survey import survey

    config = recipes.get("notebook").config
    params = random_params(config, members)
    seconds = []
    for _ in range(1 + repeats):
        began = time.perf_counter()
        survey(params, network=config)
        seconds.append(time.perf_counter() - began)
    return seconds[0], seconds[1:]


def main(args: Args) -> None:
    if min(args.members, default=0) < 1 or len(set(args.members)) < len(args.members):
        raise refuse("members", args.members, "different numbers, all at least 1")
    if args.repeats < 1:
        raise refuse("repeats", args.repeats, "it must be at least 1")
    paths.writable("out", args.out, "name another file by --out")
    first: dict[int, float] = {}
    further: dict[int, float] = {}
    for number in sorted(args.members):
        fresh = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(1, mp_context=fresh) as pool:
            first[number], rest = pool.submit(measure, number, args.repeats).result()
        further[number] = statistics.median(rest)
        print(
            f"{number} members: first call {first[number]:.1f} s, further ones "
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
    picture(lambda: plots.save(fig, args.out))


if __name__ == "__main__":
    script(main, Args)
