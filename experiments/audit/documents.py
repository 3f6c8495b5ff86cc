"""Markdown documents as headings, blocks and tables, with the place of each in the text."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

Span = tuple[int, int]

DIGITS = r"[.\d](?:\d|[.,](?=\d)|(?<=\d) (?=\d{3}\b))*(?:e-?\d+)?"
NUMBER = re.compile(rf"(?<![\w.]){DIGITS}(?<!\.)")
"""A number of the text, such as `1 020`, `.993` or `2.6e-5`."""


@dataclass(frozen=True)
class Block:
    """A paragraph, a table, or a row of a long table: heading, text, start in the document."""

    heading: str
    text: str
    start: int

    @property
    def end(self) -> int:
        """Where it ends in the document."""
        return self.start + len(self.text)

    def numbers(self) -> list[Span]:
        """Return the places of its numbers in the document."""
        return [(self.start + m.start(), self.start + m.end()) for m in NUMBER.finditer(self.text)]


@dataclass(frozen=True)
class Cell:
    """A cell of a table: its text and its place in the document."""

    text: str
    span: Span


class Document:
    """A markdown file."""

    def __init__(self, name: str, text: str) -> None:
        self.name, self.text = name, text
        self.blocks = list(_blocks(text))

    @classmethod
    def read(cls, root: Path, name: str) -> Document:
        """Read the file of this name below a folder."""
        return cls(name, (root / name).read_text(encoding="utf-8"))

    def table(self, columns: tuple[str, ...]) -> list[dict[str, Cell]]:
        """Return the rows of the one table whose header is these columns, by column.

        A column whose name occurs again has its number in this name, as `published 2`.

        Raises LookupError unless there is exactly one such table.
        """
        tables = [b for b in self.blocks if _header(b) == columns]
        if len(tables) != 1:
            raise LookupError(f"{len(tables)} tables have the columns {' | '.join(columns)}")
        rows, start = [], tables[0].start
        for line in tables[0].text.splitlines(keepends=True)[2:]:
            cells = dict(zip(_distinct(columns), _cells(line, start), strict=True))
            rows.append(cells)
            start += len(line)
        header = tables[0].text.splitlines(keepends=True)[:2]
        shift = sum(map(len, header))
        return [
            {n: Cell(c.text, (c.span[0] + shift, c.span[1] + shift)) for n, c in row.items()}
            for row in rows
        ]


def _blocks(text: str) -> Iterator[Block]:
    """Yield blocks that are separated by empty lines; code is left out."""
    heading, start, lines, in_code = "", 0, [], False
    place = 0
    for line in [*text.splitlines(keepends=True), "\n"]:
        fence = line.startswith("```")
        if lines and (not line.strip() or fence or line.startswith("#")):
            yield Block(heading, "".join(lines), start)
            lines = []
        if fence:
            in_code = not in_code
        elif line.startswith("#") and not in_code:
            heading = line.strip("# \n")
        elif line.strip() and not in_code:
            start = start if lines else place
            lines.append(line)
        place += len(line)


def _cells(line: str, start: int) -> list[Cell]:
    """Return the cells of a row that begins at a place of the document."""
    found, bars = [], [m.start() for m in re.finditer(r"\|", line)]
    for left, right in itertools.pairwise(bars):
        raw = line[left + 1 : right]
        text = raw.strip()
        first = start + left + 1 + len(raw) - len(raw.lstrip())
        found.append(Cell(text, (first, first + len(text))))
    return found


def _header(block: Block) -> tuple[str, ...] | None:
    """Return the columns of a table; None for another block."""
    lines = block.text.splitlines()
    if len(lines) < 3 or not lines[1].startswith("|--"):
        return None
    return tuple(cell.text for cell in _cells(lines[0], 0))


def _distinct(names: tuple[str, ...]) -> list[str]:
    """Number the names that occur before."""
    found: list[str] = []
    for name in names:
        count = names[: len(found)].count(name)
        found.append(f"{name} {count + 1}" if count else name)
    return found
