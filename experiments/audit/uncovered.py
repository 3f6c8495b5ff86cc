"""Why paragraphs, tables and rows with numbers have no claim.

Each is a document, the beginning of a heading, and the first words below it; no words: everything
below the heading.
"""

from __future__ import annotations

MAIN, HERE = "README.md", "experiments/README.md"

REASONS: dict[str, list[tuple[str, str, str]]] = {
    "not stored: measured, but no small file of results is kept": [
        (HERE, "Experiments", "| Which circles does each seed learn"),
        (HERE, "Circles", "Seed 0: pairs"),
        (HERE, "Circles", "The notebook's network has six"),
        (HERE, "Weight decay", ""),
        (HERE, "Recipes", ""),
        (HERE, "Operations", ""),
        (HERE, "Label noise", ""),
    ],
    "measured on a machine: speed and memory, not recomputed": [
        (MAIN, "grokjax", "grokjax trains hundreds"),
        (MAIN, "Quick start", ""),
        (MAIN, "Results", "On 2 CPU cores"),
        (MAIN, "Files", "`make test`"),
        (HERE, "Experiments", "| How long does the analysis take?"),
        (HERE, "Experiments", "| Does a large ensemble cost more"),
        (HERE, "Experiments", "| How does speed scale"),
        (HERE, "Experiments", "| How fast is grokjax"),
        (HERE, "Throughput", ""),
        (HERE, "notebook: P = 53", ""),
        (HERE, "full-batch: P = 113", ""),
        (HERE, "Accelerators", ""),
    ],
    "no measurement: settings, definitions, published figures, commands": [
        (MAIN, "grokjax", "*Addition mod 53"),
        (MAIN, "Install", ""),
        (MAIN, "Concepts", ""),
        (MAIN, "Cookbook", ""),
        (MAIN, "Results", "A *recipe*"),
        (MAIN, "Promises", ""),
        (MAIN, "Limits", ""),
        (MAIN, "References", ""),
        (HERE, "Experiments", "| How do memorising and grokking depend"),
        (HERE, "Experiments", "| How do I train a task"),
        (HERE, "Experiments", "`python -m experiments.audit`"),
        (HERE, "Experiments", "Dates and machines"),
        (HERE, "Experiments", "A member has memorised"),
        (HERE, "Seeds", "Eight seeds"),
        (HERE, "Seeds", "The recipe `notebook`"),
        (HERE, "Circles", "The same embedding"),
        (HERE, "Clock or pizza", "Members 200 epochs"),
        (HERE, "Effective theory", "Medians of 5 seeds"),
        (HERE, "Fixed norm", "Epochs, of 2 000"),
        (HERE, "Images and a teacher", "Regression on a teacher"),
        (HERE, "Reproduce each figure", ""),
    ],
}
