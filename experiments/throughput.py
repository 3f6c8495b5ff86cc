"""How fast is grokjax, compared with other implementations and with the limit of the machine?

Each contender is one process (or one per core) that is set up once. The contenders then take
turns, a few seconds each, so that drift of the machine affects all of them alike. Each one first
computes the loss at given weights, which must equal NumPy's. The table shows medians over the
time slices, and ratios between slices of the same round.

The limit is the time of a step's matrix products at this machine's measured peak (the same
shapes, the faster of NumPy and XLA, on all cores), plus the time of the bytes that AdamW must
move at the measured speed of copying arrays of that size. The two are added, because the
update needs the gradients. `rivals/workload.py` counts both.

Excluded are start, compilation, the first two units of work, and the checkpoints of grokjax (0.3%
at the default interval). PyTorch is optional: `python -m pip install 'torch>=2.5'`.
"""

from __future__ import annotations

import importlib.util
import itertools
import json
import os
import platform
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # many processes, one GPU

from rivals import scores
from rivals.contender_process import ContenderProcess
from rivals.scores import Row, Score
from rivals.workload import Workload
from rivals.workloads import WORKLOADS

from grokjax import plots
from grokjax.cli.scripts import run_script
from grokjax.cli.summary import draw_or_warn
from grokjax.errors import invalid
from grokjax.runtime import paths
from grokjax.runtime.devices import core_count
from grokjax.runtime.environment import package_versions
from grokjax.terminal import printed_commands

COUNTS = (1, 4, 16, 64)
"""Numbers of members that PyTorch trains in one process."""

PAUSE = 0.2
"""Seconds between slices, because thread pools spin for a while after their work."""


@dataclass
class Args:
    """Measure member-steps per second of grokjax, of other implementations, and of the machine."""

    out: Path = Path("runs/throughput.png")
    """File of the figure; tables (.md) and numbers (.json) are written beside it."""
    workloads: tuple[str, ...] = tuple(WORKLOADS)
    """notebook: batches of 64, P = 53; full-batch: P = 113, fraction 0.3; transformer: the same
    data and the one-layer transformer of Nanda et al. 2023."""
    members: tuple[int, ...] = (1, 8, 64, 512, 4096)
    """Numbers of members of grokjax."""
    repeats: int = 5
    """Slices of each contender; the result is their median."""
    seconds: float = 3.0
    """Shortest slice."""
    torch: bool = True
    """Include PyTorch if it is installed."""
    json: bool = False
    """Print the numbers as JSON instead of tables."""


def contenders(args: Args, work: Workload) -> list[Row]:
    """Contenders in the order of the table."""
    counts = COUNTS if work.network == "mlp" else COUNTS[:2]
    stacked = COUNTS if work.network == "mlp" else ()  # only the MLP is written in stacked products
    cores = core_count()
    limit_processes = cores if runs_on_cpu() else 1
    torch = [
        Row("PyTorch loop, evaluating each epoch", "by_torch.Loop", 1),
        Row(f"the same in {cores} processes", "by_torch.Loop", 1, cores),
        Row("PyTorch loop, no evaluation", "by_torch.LoopWithoutEvaluation", 1),
        *(Row("PyTorch stacked (baddbmm)", "by_torch.Stacked", n) for n in stacked),
        *(Row("torch.func (vmap, grad)", "by_torch.Func", n) for n in counts),
    ]
    has_torch = args.torch and importlib.util.find_spec("torch") is not None
    return [
        *(torch if has_torch else []),
        Row("JAX, one by one", "by_jax.OneByOne", 1),
        Row("JAX, naive vmap", "by_jax.Vmapped", 64 if work.network == "mlp" else 8),
        *(Row("grokjax", "by_grokjax.Train", n) for n in args.members),
        Row("grokjax, no evaluation", "by_grokjax.TrainWithoutEvaluation", reference_members(args)),
        Row("limit: products", "machine.Products", 1, limit_processes),
        Row("limit: bytes", "machine.Bytes", 1, limit_processes),
    ]


def runs_on_cpu() -> bool:
    """Whether JAX uses the CPU; found in a subprocess, because it would reserve the device."""
    code = "import jax; print(jax.default_backend())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.split()[-1] == "cpu"


def reference_members(args: Args) -> int:
    """Members of the row to which ratios refer: 64, or the largest number below."""
    return max([min(args.members), *(n for n in args.members if n <= 64)])


def measure(work: Workload, rows: list[Row], args: Args) -> list[Score]:
    """Run all slices of all rows, in turns."""
    groups: dict[Row, list[ContenderProcess]] = {}
    expected = work.reference_loss(work.weights(scale=2.0, bias=0.3))
    found: dict[Row, Score] = {}
    try:
        for row in rows:
            cores = sorted(os.sched_getaffinity(0)) if row.processes > 1 else [None]
            groups[row] = [
                ContenderProcess(row.class_path, row.members, work, core) for core in cores
            ]
            for loss in [process.receive() for process in groups[row]]:
                if loss is not None and not abs(loss / expected - 1) < 1e-4:
                    raise RuntimeError(f"{row}: loss {loss}, where NumPy has {expected}")
            compiling = max(process.receive() for process in groups[row])
            found[row] = Score(row, compiling)
            log(f"{work.name}: {row} is ready, compiled in {compiling:.1f} s")
        for i in range(args.repeats):
            for row, group in groups.items():
                time.sleep(PAUSE)
                for process in group:
                    process.send(args.seconds)
                found[row].add([process.receive() for process in group])
                log(f"{work.name}: {i + 1} of {args.repeats}: {row}: {found[row].last_rate:,.0f}")
    except EOFError:
        raise RuntimeError("a contender ended; its error is printed above") from None
    finally:
        for process in itertools.chain(*groups.values()):
            process.stop()
    return list(found.values())


def log(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main(args: Args) -> None:
    for name in args.workloads:
        if name not in WORKLOADS:
            raise invalid("workloads", name, "must be one of " + ", ".join(WORKLOADS))
    for name in ("repeats", "seconds"):
        if not getattr(args, name) > 0:
            raise invalid(name, getattr(args, name), "must be above 0")
    if min(args.members, default=0) < 1 or len(set(args.members)) < len(args.members):
        raise invalid("members", args.members, "must be distinct numbers of at least 1")
    if not args.workloads:
        raise invalid(
            "workloads", args.workloads, "must name at least one of " + ", ".join(WORKLOADS)
        )
    paths.require_writable("out", args.out, "choose another file with --out")
    rows = {name: contenders(args, WORKLOADS[name]) for name in args.workloads}
    results = {name: measure(WORKLOADS[name], rows[name], args) for name in args.workloads}
    tables = [scores.markdown_table(WORKLOADS[name], found) for name, found in results.items()]
    if not any("torch" in row.class_path for each in rows.values() for row in each):
        install = f"{printed_commands.python_command()} -m pip install 'torch>=2.5'"
        reason = f"it is not installed; {install}" if args.torch else "--no-torch"
        tables.append(f"PyTorch is not included: {reason}\n")
    numbers = {
        "cores": core_count(),
        "platform": platform.platform(),
        "versions": package_versions() | {"torch": torch_version()},
        "settings": {k: v for k, v in asdict(args).items() if k != "out"},
        "workloads": {name: scores.numbers(WORKLOADS[name], s) for name, s in results.items()},
    }
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.with_suffix(".md").write_text("\n".join(tables))
    args.out.with_suffix(".json").write_text(json.dumps(numbers, indent=1) + "\n")
    print(json.dumps(numbers) if args.json else "\n".join(tables))
    draw_or_warn(lambda: plots.save(scores.draw(results), args.out), log)


def torch_version() -> str:
    try:
        return metadata.version("torch")
    except metadata.PackageNotFoundError:
        return "not installed"


if __name__ == "__main__":
    run_script(main, Args)
