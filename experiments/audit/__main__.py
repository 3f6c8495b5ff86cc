"""`python -m experiments.audit`: recompute the measured numbers of the documents.

Prints each claim with what was published, what the document says and what the stored results give,
then what is not recomputed, and why. The exit code is 1 if a claim is not ok, its place is not
found, or a paragraph with numbers has neither a claim nor a reason for having none.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

from experiments.audit.claims import Check
from experiments.audit.coverage import Uncovered, needless, uncovered
from experiments.audit.documents import Document
from experiments.audit.figures import draw_figures
from experiments.audit.registry import CLAIMS, DOCUMENTS

ROOT = Path(__file__).parents[2]


def main(arguments: list[str] | None = None) -> int:
    """Run the audit; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m experiments.audit", description=__doc__)
    parser.add_argument("--root", type=Path, default=ROOT, help="folder of the documents")
    parser.add_argument("--slow", action="store_true", help="also bootstrap intervals: minutes")
    parser.add_argument("--figures", type=Path, help="only redraw figures, into this folder")
    flags = parser.parse_args(arguments)
    if flags.figures:
        print(*draw_figures(flags.figures), sep="\n")
        return 0
    documents = {name: Document.read(flags.root, name) for name in DOCUMENTS}
    checks, problems = run_claims(documents, flags.slow)
    print_checks(checks)
    rest = [u for d in documents.values() if d.name in DOCUMENTS[:2] for u in uncovered(d, checks)]
    print_uncovered(rest)
    unlisted = [u for u in rest if u.reason is None]
    problems += [f"no claim and no reason: {u.document}, {u.heading}: {u.text}" for u in unlisted]
    problems += needless(rest)
    wrong = [check for check in checks if not check.ok]
    skipped = 0 if flags.slow else sum(claim.slow for claim in CLAIMS)
    print(f"{len(checks)} numbers recomputed, {len(wrong)} not ok; {skipped} claims need --slow")
    print(*(f"problem: {text}" for text in problems), sep="\n", end="\n" if problems else "")
    return 1 if wrong or problems else 0


def run_claims(documents: dict[str, Document], slow: bool) -> tuple[list[Check], list[str]]:
    """Return all checks, and the claims whose place in a document is not found."""
    checks, problems = [], []
    for claim in CLAIMS:
        if slow or not claim.slow:
            try:
                checks += claim.checks(documents[claim.document])
            except LookupError as error:
                problems.append(f"{claim.document}: {error}")
    return checks, problems


def print_checks(checks: list[Check]) -> None:
    """Print a line for each number."""
    print(f"{'claim':46} {'published':>24} {'claimed':>26} {'recomputed':>26}")
    for check in checks:
        texts = f"{check.published:>24} {check.claimed:>26} {check.recomputed:>26}"
        print(f"{check.where[:46]:46} {texts} {'ok' if check.ok else 'NOT OK'}")


def print_uncovered(rest: list[Uncovered]) -> None:
    """Print the paragraphs and rows without a claim by reason, and how many numbers they have."""
    for reason, count in Counter(u.reason for u in rest).items():
        own = [u for u in rest if u.reason == reason]
        numbers = sum(u.numbers for u in own)
        print(f"\n{reason}: {count} paragraphs, tables or rows, {numbers} numbers")
        for u in own:
            print(f"  {u.document}, {u.heading}: {u.text}")
    print()


if __name__ == "__main__":
    sys.exit(main())
