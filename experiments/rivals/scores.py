"""What the slices say: medians, ratios within a round of slices, shares of the limit."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median
from typing import Any

from matplotlib.figure import Figure

from grokjax import plots
from rivals.stage import Slice
from rivals.workload import Workload

ACCELERATORS = {
    "H100 SXM": (67e12, 3.35e12),  # float32 outside the tensor cores
    "TPU v5e": (197e12 / 6, 0.819e12),  # float32 as six passes in bfloat16
}
"""Operations and bytes a second, from the makers' data sheets."""


@dataclass(frozen=True)
class Row:
    """A contender: `members` in each of `processes`, more than one of them a core each."""

    label: str
    role: str
    members: int
    processes: int = 1

    def __str__(self) -> str:
        return f"{self.label}, {self.members}"


@dataclass
class Score:
    """Rates in member-steps a second, one a slice; peak in MB, of all processes together."""

    row: Row
    compiling: float
    rates: list[float] = field(default_factory=list)
    peak: float = 0.0

    def add(self, slices: list[Slice]) -> None:
        self.rates.append(sum(each.steps / each.seconds for each in slices))
        self.peak = max(self.peak, sum(each.peak for each in slices))

    @property
    def last(self) -> float:
        return self.rates[-1]

    @property
    def rate(self) -> float:
        return median(self.rates)

    def over(self, other: Score) -> float:
        """How many times as fast as another: the median of the ratios within a round."""
        return median(a / b for a, b in zip(self.rates, other.rates, strict=True))


def of(scores: list[Score], role: str) -> list[Score]:
    return [score for score in scores if score.row.role == role]


def ours(scores: list[Score]) -> Score:
    """Of grokjax, at 64 members or the nearest below; where all are more, at the fewest."""
    found = sorted(of(scores, "by_grokjax.Train"), key=lambda score: score.row.members)
    return [found[0], *(score for score in found if score.row.members <= 64)][-1]


def limits(scores: list[Score]) -> tuple[Score, Score, Score]:
    """Products alone, bytes alone, and one after the other."""
    (products,), (bytes_,) = of(scores, "machine.Products"), of(scores, "machine.Bytes")
    both = Score(Row("limit", "", 0), 0.0)
    pairs = zip(products.rates, bytes_.rates, strict=True)
    both.rates = [1 / (1 / p + 1 / b) for p, b in pairs]
    return products, bytes_, both


def table(work: Workload, scores: list[Score]) -> str:
    """Markdown."""
    products, bytes_, both = limits(scores)
    reference, (steps_only,) = ours(scores), of(scores, "by_grokjax.TrainWithoutEvaluation")
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
        if score.row.role.startswith("machine."):
            continue
        cells = (
            score.row.label,
            score.row.members,
            f"{score.rate:,.0f} ({min(score.rates):,.0f} to {max(score.rates):,.0f})",
            f"{reference.over(score):.2f} x",
            "" if score.row.role in evaluating else f"{steps_only.over(score):.2f} x",
            f"{score.over(both):.2f}",
            f"{score.compiling:.1f}",
            f"{score.peak:,.0f}",
        )
        lines.append("| " + " | ".join(map(str, cells)) + " |")
    flops, moved = work.flops / 1e6, work.bytes / 1e6
    lines += [
        "",
        f"Limit: {both.rate:,.0f} member-steps/s. Products alone ({flops:.1f} MFLOP) "
        f"{products.rate:,.0f}/s, {products.rate * flops / 1e3:,.0f} GFLOP/s; bytes alone "
        f"({moved:.2f} MB) {bytes_.rate:,.0f}/s, {bytes_.rate * moved / 1e3:,.0f} GB/s. Of the "
        f"products alone grokjax reaches {reference.over(products):.2f}, without evaluation "
        f"{steps_only.over(products):.2f}.",
        "",
        predicted(work),
        "",
    ]
    return "\n".join(lines)


def predicted(work: Workload) -> str:
    """The limit on accelerators, from data sheets."""
    speeds = {
        name: 1 / (work.flops / operations + work.bytes / memory)
        for name, (operations, memory) in ACCELERATORS.items()
    }
    listed = ", ".join(f"{name} {speed:,.0f}" for name, speed in speeds.items())
    return f"The same limit by data sheets, predicted and not measured: {listed} member-steps/s."


def numbers(work: Workload, scores: list[Score]) -> dict[str, Any]:
    """All of it, for a file."""
    *_, both = limits(scores)
    reference, (steps_only,) = ours(scores), of(scores, "by_grokjax.TrainWithoutEvaluation")
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
                "grokjax_is": reference.over(score),
                "grokjax_without_evaluation_is": steps_only.over(score),
                "share_of_limit": score.over(both),
                "compiling_seconds": score.compiling,
                "peak_mb": score.peak,
            }
            for score in scores
        ],
    }


def draw(results: dict[str, list[Score]]) -> Figure:
    """Member-steps a second against members, a panel a workload, the limit as a line."""
    fig, axes = plots.figure(6.5 * len(results), 4.8, len(results))
    panels = axes if len(results) > 1 else [axes]
    for ax, (name, scores) in zip(panels, results.items(), strict=True):
        curves: dict[str, dict[int, float]] = {}
        for score in scores:
            if not score.row.role.startswith("machine."):
                label = score.row.label.replace("the same", "PyTorch loop")
                curves.setdefault(label, {})[score.row.members * score.row.processes] = score.rate
        plots.throughput(curves, {"limit": limits(scores)[2].rate}, ax)
        ax.set_title(name)
    return fig
