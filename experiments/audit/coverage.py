"""Numbers of the documents that no claim covers, and why."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from experiments.audit.claims import Check
from experiments.audit.documents import Block, Document
from experiments.audit.uncovered import REASONS

Place = tuple[str, str, str]


@dataclass(frozen=True)
class Uncovered:
    """A block without any claim. reason: a key of `REASONS` and place: the entry; None if none."""

    document: str
    heading: str
    text: str
    numbers: int
    reason: str | None
    place: Place | None


def uncovered(document: Document, checks: Iterable[Check]) -> list[Uncovered]:
    """Return the blocks with numbers that no check of this document lies in."""
    places = [check.span[0] for check in checks if check.document == document.name]
    found = []
    for block in rows_of(document):
        count = len(block.numbers())
        if count and not any(block.start <= place < block.end for place in places):
            text = " ".join(block.text.split())[:70]
            reason, place = place_of(document.name, block) or (None, None)
            found.append(Uncovered(document.name, block.heading, text, count, reason, place))
    return found


def rows_of(document: Document) -> list[Block]:
    """Return the document's blocks, with each row of the two long tables as one of its own."""
    found = []
    for block in document.blocks:
        if not block.text.startswith(("| question", "| recipe")):
            found.append(block)
            continue
        start = block.start
        for line in block.text.splitlines(keepends=True):
            found.append(Block(block.heading, line, start))
            start += len(line)
    return found


def place_of(document: str, block: Block) -> tuple[str, Place] | None:
    """Return the reason that a block is listed under, and its entry: that with most words."""
    text = " ".join(block.text.split())
    found = [
        (reason, place)
        for reason, places in REASONS.items()
        for place in places
        if place[0] == document and block.heading.startswith(place[1]) and text.startswith(place[2])
    ]
    return max(found, key=lambda each: len(each[1][2]), default=None)


def needless(rest: Iterable[Uncovered]) -> list[str]:
    """Describe the entries of `REASONS` to which no block without a claim belongs."""
    used = {each.place for each in rest}
    listed = [place for places in REASONS.values() for place in places]
    return [f"listed, but has a claim or is gone: {p}" for p in listed if p not in used]
