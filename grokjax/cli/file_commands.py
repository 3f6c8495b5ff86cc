"""The commands that turn runs into files: export, merge and compare."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from grokjax.cli.commands import DIRECTORY, IMPORT
from grokjax.cli.machine_flags import optional
from grokjax.cli.summary import summarise_with_curves
from grokjax.errors import ConfigError, invalid
from grokjax.storage.files import file_sizes, format_bytes

DIRECTORIES = Annotated[
    tyro.conf.Positional[tuple[Path, ...]],
    tyro.conf.arg(metavar="DIRECTORY ...", help_behavior_hint="(required)"),
]

WEIGHTS = (".npz", ".safetensors")


@dataclass
class Export:
    """Write a run for other programs: its weights, its history as a table, or all of it."""

    directory: DIRECTORY
    """Run directory."""
    to: Annotated[Path | None, optional("FILE")] = None
    """Weights, if the name ends in .npz or .safetensors; or the whole run, if it ends in .zarr."""
    history: Annotated[Path | None, optional("FILE")] = None
    """The history as a table, a row an evaluation; the name ends in .parquet or .csv."""
    member: Annotated[tuple[int, ...] | None, optional("INT ...")] = None
    """Numbers of members, as in `Run.members`; default: all. The weights of one have no axis of
    members, those of several have it first."""
    format: Literal["grokjax", "transformer-lens", "torch"] = "grokjax"
    """Names and shapes of weights: grokjax, with the settings of the network; transformer-lens; or
    torch, a state dict of the notebook's PyTorch module."""
    overwrite: bool = False
    """Replace files that exist."""
    import_: IMPORT = None
    """Python files with tasks and models of your own that the run has."""

    def __call__(self) -> None:
        from grokjax.results import run

        self._check()
        loaded = run.load(self.directory)
        if self.member is not None:
            loaded = loaded.of(self.member)
        from grokjax.interop import checkpoints, tables

        if self.history is not None:
            tables.write_history(loaded, self.history)
            _print_written("history", self.history)
        if self.to is None:
            return
        if self.to.suffix == ".zarr":
            tables.write_zarr(loaded, self.to, self.overwrite)
            _print_written("run", self.to)
            return
        member = self.member[0] if self.member is not None and len(self.member) == 1 else None
        checkpoints.export_member(loaded, member, self.to, self.format)
        _print_written("weights", self.to)

    def _check(self) -> None:
        """Raise ConfigError for files that cannot be written, before the run is read."""
        if self.to is None and self.history is None:
            raise ConfigError("export: give --to FILE for weights or a run, or --history FILE")
        for name, path in (("to", self.to), ("history", self.history)):
            suffixes = (*WEIGHTS, ".zarr") if name == "to" else (".parquet", ".csv")
            if path is not None and path.suffix not in suffixes:
                listed = " or ".join([", ".join(suffixes[:-1]), suffixes[-1]])
                other = name == "to" and path.suffix in (".parquet", ".csv")
                raise invalid(name, str(path), f"must end in {listed}", "--history" * other)
            if path is not None and not self.overwrite and (path.exists() or path.is_symlink()):
                raise ConfigError(f"{name}: {path} exists; name another, or give --overwrite")
        if self.format != "grokjax" and (self.to is None or self.to.suffix not in WEIGHTS):
            raise invalid("format", self.format, "needs --to with a file of weights")


@dataclass
class Compare:
    """Compare runs: print how many members grokked and when, with tests; write a page and a figure.
    The page has the curves of all runs; the figure beside it, a PNG, has accuracy and groks.
    """

    directories: DIRECTORIES
    """Run directories, at least two."""
    labels: Annotated[tuple[str, ...] | None, optional("NAME ...")] = None
    """A name for each run; default: the names of the directories."""
    out: Path = Path("comparison.html")
    """Page to write; files that exist are replaced."""
    figures: Annotated[Literal["pdf", "svg", "png"] | None, optional("{pdf,svg,png}")] = None
    """Also save every figure in this format, in figures/ beside the page; default: do not."""

    def __call__(self) -> None:
        from grokjax.results.runs import concat

        runs = concat(self.directories, self.labels)
        from grokjax import report

        began = time.monotonic()

        def print_step(step: str) -> None:
            print(f"{time.monotonic() - began:5.1f}s {step}", file=sys.stderr, flush=True)

        for table in report.compare(runs, self.out, print_step, self.figures):
            print(_as_text(table.columns, table.rows))
        _print_written("page", self.out)
        _print_written("figure", self.out.with_suffix(".png"))


@dataclass
class Merge:
    """Join runs of disjoint members, such as the shards of a Slurm array, into one run directory.
    The runs stay as they are. Members that have not ended go on when the merged run is resumed.
    """

    directories: DIRECTORIES
    """Run directories, at least two, with the same settings but for axes and traced settings."""
    out: Path
    """Run directory to write, new or empty."""
    import_: IMPORT = None
    """Python files with tasks, models, rules and metrics of your own that the runs have."""

    def __call__(self) -> None:
        from grokjax.training.merging import merge

        merged = merge(self.directories, self.out)
        print(f"merged {len(self.directories)} runs into {self.out}")
        summarise_with_curves(merged)


def _as_text(columns: list[str], rows: list[list[str]]) -> str:
    """Return a table as lines of text, with an empty line after it."""
    widths = [max(map(len, column)) for column in zip(columns, *rows, strict=True)]
    lines = [columns, *rows] if rows else []
    pairs = (zip(line, widths, strict=True) for line in lines)
    return (
        "\n".join("  ".join(f"{cell:<{w}}" for cell, w in each).rstrip() for each in pairs) + "\n"
    )


def _print_written(what: str, path: Path) -> None:
    sizes = [size for _, size in file_sizes(path)] if path.is_dir() else [path.stat().st_size]
    print(f"{what}: {path} ({format_bytes(sum(sizes))})")
