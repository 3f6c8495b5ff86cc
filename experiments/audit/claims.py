"""Claims: what a document says, read from it, beside what the stored results give.

A claim names a place in a document and a function of the stored results. What is claimed is read
from the document, so that changing either the text or the results makes a check fail. Both are
compared as text, to the digits that the document gives.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from experiments.audit.documents import DIGITS, Document, Span

PLACEHOLDER = rf"(-?{DIGITS}|not reached)"
"""What stands for a measured number in a sentence."""


@dataclass(frozen=True)
class Check:
    """One claimed text beside the recomputed one; `span` is its place in the document."""

    document: str
    where: str
    published: str
    claimed: str
    recomputed: str
    span: Span

    @property
    def ok(self) -> bool:
        """Whether the two are the same, apart from spaces."""
        return self.claimed.split() == self.recomputed.split()


@dataclass(frozen=True)
class Sentence:
    """A sentence with `{}` in place of each measured number; it must occur once.

    document: the file. text: the sentence, in which a space also stands for a line end. compute:
    returns the texts of the numbers. published: what was published, if the sentence has it. slow:
    leave it out unless asked for.
    """

    document: str
    text: str
    compute: Callable[[], Sequence[str]]
    published: str = ""
    slow: bool = False

    def checks(self, document: Document) -> Iterator[Check]:
        """Yield a check for each number. Raises LookupError unless the text occurs once."""
        literal = [re.sub(r"(\\ |\\\n)+", r"\\s+", re.escape(p)) for p in self.text.split("{}")]
        found = list(re.finditer(PLACEHOLDER.join(literal), document.text))
        if len(found) != 1:
            raise LookupError(f"occurs {len(found)} times: {self.text}")
        recomputed = self.compute()
        if len(recomputed) != len(literal) - 1:
            raise LookupError(
                f"has {len(literal) - 1} numbers, {len(recomputed)} computed: {self.text}"
            )
        for i, value in enumerate(recomputed):
            where = f"... {self.text.split('{}')[i][-30:].strip()} [{i + 1}]"
            claimed, span = found[0][i + 1], found[0].span(i + 1)
            yield Check(self.document, where, self.published, claimed, value, span)


@dataclass(frozen=True)
class Table:
    """A table whose cells are recomputed row by row.

    columns: its header, all of it. compute: returns the texts of cells of a row by column; other
    cells are settings or not recomputed. published: the column beside which each is published.
    """

    document: str
    columns: tuple[str, ...]
    compute: Callable[[Mapping[str, str]], Mapping[str, str]]
    published: Mapping[str, str] = field(default_factory=dict)
    slow: bool = False

    def checks(self, document: Document) -> Iterator[Check]:
        """Yield a check for each cell. Raises LookupError unless there is one such table."""
        for row in document.table(self.columns):
            key = " ".join(cell.text for cell in list(row.values())[:1])
            for column, value in self.compute({n: c.text for n, c in row.items()}).items():
                cell = row[column]
                beside = row[self.published[column]].text if column in self.published else ""
                yield Check(self.document, f"{key}: {column}", beside, cell.text, value, cell.span)


Claim = Sentence | Table
