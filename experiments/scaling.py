"""How does speed scale with CPU devices, each with a core of its own?

Weak scaling: one device trains one member, two devices two, and so on. Each
measurement is a process of its own, held to as many cores as it has devices by
its affinity (`sched_setaffinity`), so XLA sees no others and sizes its thread
pools to them. Cases alternate, so that the machine's drift meets all alike.
Excluded: start, compilation and one warm-up round.
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from grokjax import paths, plots, recipes
from grokjax.devices import cores
from grokjax.launching import picture, script
from grokjax.settings import refuse


@dataclass
class Args:
    """Member-steps a second against the number of CPU devices, a core each."""

    out: Path = Path("runs/scaling.png")
    """The figure."""
    devices: tuple[int, ...] = ()
    """Numbers of devices; none given: 1, 2, 4 ... as there are cores."""
    repeats: int = 5
    """Processes a case; the median counts."""
    rounds: int = 10
    """Rounds timed in each, of 20 epochs a member."""


def measure(devices: int, rounds: int) -> float:
    """Member-steps a second of the notebook recipe, one lane a device; in a fresh process."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:devices])
    from grokjax import Sweep
    from grokjax.devices import start
    from grokjax.lanes import Lanes

    config = recipes.get("notebook").config
    sweep = Sweep(config, seed=range(devices))
    lanes = Lanes(sweep.programs()[0], start(devices), devices)
    lanes.start(dict(enumerate(sweep.members)))
    lanes.round()
    began = time.perf_counter()
    for _ in range(rounds):
        lanes.round()
    steps = rounds * config.eval_every * config.steps_per_epoch * lanes.number
    return steps / (time.perf_counter() - began)


def main(args: Args) -> None:
    there = cores()
    cases = args.devices or tuple(2**i for i in range(there.bit_length()) if 2**i <= there)
    if min(cases) < 1 or max(cases) > there:
        raise refuse("devices", cases, f"from 1 to the {there} cores there are")
    for name in ("repeats", "rounds"):
        if getattr(args, name) < 1:
            raise refuse(name, getattr(args, name), "it must be at least 1")
    paths.writable("out", args.out, "name another file by --out")
    speeds: dict[int, list[float]] = {n: [] for n in cases}
    for repeat in range(args.repeats):
        for n in cases:
            fresh = multiprocessing.get_context("spawn")
            with ProcessPoolExecutor(1, mp_context=fresh) as pool:
                speeds[n].append(pool.submit(measure, n, args.rounds).result())
            print(
                f"{repeat + 1} of {args.repeats}: {n} devices: {speeds[n][-1]:,.0f} member-steps/s"
            )
    first = statistics.median(speeds[cases[0]])
    for n in cases:
        middle = statistics.median(speeds[n])
        print(
            f"{n} devices on {n} cores: median {middle:,.0f} member-steps/s "
            f"({min(speeds[n]):,.0f} to {max(speeds[n]):,.0f}), {middle / first:.2f} times "
            f"{cases[0]}"
        )
    picture(lambda: plots.save(plots.scaling(speeds), args.out))


if __name__ == "__main__":
    script(main, Args)
