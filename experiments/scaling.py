"""How does the speed scale with the number of CPU devices, each with its own core?

This measures weak scaling: one device trains one member, two devices two, and so on. Each
measurement is a process whose affinity (`sched_setaffinity`) allows as many cores as it has
devices, so XLA sizes its thread pools to them. Cases alternate, so that drift of the machine
affects all of them alike. Start, compilation and one warm-up round are excluded.
"""

from __future__ import annotations

import multiprocessing
import os
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from grokjax import plots, recipes
from grokjax.cli.scripts import run_script
from grokjax.cli.summary import draw_or_warn
from grokjax.errors import invalid
from grokjax.runtime import paths
from grokjax.runtime.devices import core_count


@dataclass
class Args:
    """Measure member-steps per second against the number of CPU devices, one core each."""

    out: Path = Path("runs/scaling.png")
    """File of the figure."""
    devices: tuple[int, ...] = ()
    """Numbers of devices; by default powers of 2 up to the number of cores."""
    repeats: int = 5
    """Processes per case; the result is their median."""
    rounds: int = 10
    """Rounds of 20 epochs timed in each process."""


def measure(devices: int, rounds: int) -> float:
    """Member-steps per second of the notebook recipe, one lane per device, in a fresh process."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:devices])  # before importing JAX
    from grokjax import Sweep
    from grokjax.runtime.devices import select_devices
    from grokjax.training.lanes import Lanes

    config = recipes.get("notebook").config
    sweep = Sweep(config, seed=range(devices))
    lanes = Lanes(sweep.programs()[0], select_devices(devices), devices)
    lanes.start(dict(enumerate(sweep.members)))
    lanes.round()
    start = time.perf_counter()
    for _ in range(rounds):
        lanes.round()
    steps = rounds * config.eval_every * config.steps_per_epoch * lanes.number
    return steps / (time.perf_counter() - start)


def main(args: Args) -> None:
    cores = core_count()
    cases = args.devices or tuple(2**i for i in range(cores.bit_length()) if 2**i <= cores)
    if min(cases) < 1 or max(cases) > cores:
        raise invalid("devices", cases, f"must be from 1 to the {cores} cores of this machine")
    for name in ("repeats", "rounds"):
        if getattr(args, name) < 1:
            raise invalid(name, getattr(args, name), "must be at least 1")
    paths.require_writable("out", args.out, "choose another file with --out")
    speeds: dict[int, list[float]] = {n: [] for n in cases}
    for repeat in range(args.repeats):
        for n in cases:
            spawn = multiprocessing.get_context("spawn")
            with ProcessPoolExecutor(1, mp_context=spawn) as pool:
                speeds[n].append(pool.submit(measure, n, args.rounds).result())
            print(
                f"{repeat + 1} of {args.repeats}: {n} devices: {speeds[n][-1]:,.0f} member-steps/s"
            )
    first = statistics.median(speeds[cases[0]])
    for n in cases:
        median = statistics.median(speeds[n])
        print(
            f"{n} devices on {n} cores: median {median:,.0f} member-steps/s "
            f"({min(speeds[n]):,.0f} to {max(speeds[n]):,.0f}), {median / first:.2f} times "
            f"{cases[0]}"
        )
    draw_or_warn(lambda: plots.save(plots.scaling(speeds), args.out))


if __name__ == "__main__":
    run_script(main, Args)
