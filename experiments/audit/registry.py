"""All claims, and the documents that have them."""

from __future__ import annotations

from experiments.audit import (
    circuits,
    delays,
    embeddings,
    norms,
    phases,
    rates,
    representation,
    training,
    transformers,
)
from experiments.audit.claims import Claim

RECIPES = (
    *("critical_norm", "doshi", "lee_grokfast", "liu", "nanda", "notebook", "omnigrok", "prieto"),
    "zhong",
)
DOCUMENTS = (
    *("README.md", "experiments/README.md", "grokjax/guide/analysis.md"),
    *(f"grokjax/recipes/{name}.py" for name in RECIPES),
)
"""Every number of the first two needs a claim or a reason for having none."""

TOPICS = (
    *(training, rates, circuits, embeddings, transformers),
    *(delays, norms, phases, representation),
)
CLAIMS: list[Claim] = [claim for topic in TOPICS for claim in topic.CLAIMS]
