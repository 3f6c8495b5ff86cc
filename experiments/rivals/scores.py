"""Results of the benchmark: medians, ratios within a round of slices, shares of the limit."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median
from typing import Any

from matplotlib.figure import Figure

from grokjax import plots
from rivals.contender_process import TimeSlice
from rivals.workload import Workload

ACCELERATORS = {
    "H100 SXM": (67e12, 3.35e12),  # float32 outside the tensor cores
    "TPU v5e": (197e12 / 6, 0.819e12),  # float32 as six passes in bfloat16
}
"""Operations and bytes per second, from the manufacturers' data sheets."""


@dataclass(frozen=True)
class Row:
    """A contender with `members` in each process; several processes have one core each."""

    label: str
    class_path: str
    members: int
    processes: int = 1

    def __str__(self) -> str:
        return f"{self.label}, {self.members}"


@dataclass
class Score:
    """Rates in member-steps per second, one per slice; peak memory in MB of all processes."""

    row: Row
    compiling: float
    rates: list[float] = field(default_factory=list)
    peak: float = 0.0

    def add(self, slices: list[TimeSlice]) -> None:
        self.rates.append(sum(each.steps / each.seconds for each in slices))
        self.peak = max(self.peak, sum(each.peak for each in slices))

    @property
    def last_rate(self) -> float:
        return self.rates[-1]

    @property
    def rate(self) -> float:
        return median(self.rates)

    def speedup_over(self, other: Score) -> float:
        """Speed relative to another contender: the median of the ratios within each round."""
        return median(a / b for a, b in zip(self.rates, other.rates, strict=True))


def scores_of(scores: list[Score], class_path: str) -> list[Score]:
    """Scores of the contenders of a class."""
    return [score for score in scores if score.row.class_path == class_path]


def reference_score(scores: list[Score]) -> Score:
    """Score of grokjax with 64 members, or the largest number below, or else the smallest."""
    found = sorted(scores_of(scores, "by_grokjax.Train"), key=lambda score: score.row.members)
    return [found[0], *(score for score in found if score.row.members <= 64)][-1]


def limits(scores: list[Score]) -> tuple[Score, Score, Score]:
    """Limits by the products, by the bytes, and by one after the other."""
    (products,), (bytes_,) = (
        scores_of(scores, "machine.Products"),
        scores_of(scores, "machine.Bytes"),
    )
    both = Score(Row("limit", "", 0), 0.0)
    pairs = zip(products.rates, bytes_.rates, strict=True)
    both.rates = [1 / (1 / p + 1 / b) for p, b in pairs]
    return products, bytes_, both


def markdown_table(work: Workload, scores: list[Score]) -> str:
    """Table of all contenders, in Markdown."""
    products, bytes_, both = limits(scores)
    reference, (steps_only,) = (
        reference_score(scores),
        scores_of(scores, "by_grokjax.TrainWithoutEvaluation"),
    )
    evaluating = "by_torch.Loop", "by_grokjax.Train"
    lines = [
        f"### {work.name}: P = {work.modulus}, {work.train_size} rows, "
        + (f"batches of {work.batch_size}" if work.batch_size else "full batch"),
        "",
        f"| contender | members | member-steps/s | grokjax, {reference.row.members}, is | "
        "without evaluation | share of the limit | compiling, s | peak, MB |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for score in scores:
        if score.row.class_path.startswith("machine."):
            continue
        cells = (
            score.row.label,
            score.row.members,
            f"{_speed(score.rate)} ({_speed(min(score.rates))} to {_speed(max(score.rates))})",
            f"{reference.speedup_over(score):.2f} x",
            "" if score.row.class_path in evaluating else f"{steps_only.speedup_over(score):.2f} x",
            f"{score.speedup_over(both):.2f}",
            f"{score.compiling:.1f}",
            f"{score.peak:,.0f}",
        )
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    flops, moved = work.flops / 1e6, work.bytes / 1e6
    share, share_without = reference.speedup_over(products), steps_only.speedup_over(products)
    lines += [
        "",
        f"Limit: {both.rate:,.0f} member-steps/s. Products alone ({flops:.1f} MFLOP): "
        f"{products.rate:,.0f}/s, {products.rate * flops / 1e3:,.0f} GFLOP/s; bytes alone "
        f"({moved:.2f} MB): {bytes_.rate:,.0f}/s, {bytes_.rate * moved / 1e3:,.0f} GB/s. grokjax "
        f"reaches {share:.2f} of the products alone, without evaluation {share_without:.2f}.",
        "",
        predicted_limit(work),
        "",
    ]
    return "\n".join(lines)


def _speed(rate: float) -> str:
    """Return a rate with at least two digits."""
    return f"{rate:,.0f}" if rate >= 10 else f"{rate:.1f}"


def predicted_limit(work: Workload) -> str:
    """The limit on accelerators, computed from data sheets."""
    speeds = {
        name: 1 / (work.flops / operations + work.bytes / memory)
        for name, (operations, memory) in ACCELERATORS.items()
    }
    listed = ", ".join(f"{name} {speed:,.0f}" for name, speed in speeds.items())
    return f"The limit computed from data sheets, not measured: {listed} member-steps/s."


def numbers(work: Workload, scores: list[Score]) -> dict[str, Any]:
    """All results, for the JSON file."""
    *_, both = limits(scores)
    reference, (steps_only,) = (
        reference_score(scores),
        scores_of(scores, "by_grokjax.TrainWithoutEvaluation"),
    )
    return {
        "flops": work.flops,
        "bytes": work.bytes,
        "limit": both.rate,
        "rows": [
            {
                "contender": score.row.label,
                "members": score.row.members,
                "processes": score.row.processes,
                "member_steps_per_second": score.rates,
                "median": score.rate,
                "grokjax_is": reference.speedup_over(score),
                "grokjax_without_evaluation_is": steps_only.speedup_over(score),
                "share_of_limit": score.speedup_over(both),
                "compiling_seconds": score.compiling,
                "peak_mb": score.peak,
            }
            for score in scores
        ],
    }


def draw(results: dict[str, list[Score]]) -> Figure:
    """Plot member-steps per second against members; one panel per workload, with the limit."""
    fig, axes = plots.figure(6.5 * len(results), 4.8, len(results))
    panels = axes if len(results) > 1 else [axes]
    for ax, (name, scores) in zip(panels, results.items(), strict=True):
        curves: dict[str, dict[int, float]] = {}
        for score in scores:
            if not score.row.class_path.startswith("machine."):
                label = score.row.label.replace("the same", "PyTorch loop")
                curves.setdefault(label, {})[score.row.members * score.row.processes] = score.rate
        plots.throughput(curves, {"limit": limits(scores)[2].rate}, ax)
        ax.set_title(name)
    return fig
