"""Sections on networks that learnt operations of S5, by its irreducible representations."""

from __future__ import annotations

from functools import partial

import numpy as np

from grokjax import plots
from grokjax.analysis import fourier
from grokjax.analysis.irreps import NAMES, chance, dimensions, irrep_power
from grokjax.report.network_groups import has_token_table, reason_not_built, split_by_network
from grokjax.report.section import Section
from grokjax.results.run import Run
from grokjax.tasks.token_group import permutations_of_five


def has_irreps(run: Run, member: int) -> bool:
    """Whether a member's tokens are the elements of S5, in a network that is known here."""
    if not has_token_table(run, member) or reason_not_built(run, member):
        return False
    return run.sweep[member].task_settings.token_group() == permutations_of_five()


def irrep_sections(run: Run) -> list[Section]:
    """The power in each representation, a section for each kind of network."""
    members = [m for m in run.members.index if has_irreps(run, m)]
    kinds = split_by_network(run, members)
    return [_section(name, some, number) for number, (name, some, _) in enumerate(kinds)]


def _section(name: str, run: Run, number: int) -> Section:
    example = int((run.members["status"] == "grokked").to_numpy().argmax())
    member = run.members.index[example]
    sizes = ", ".join(f"{n} {d}" for n, d in zip(NAMES, dimensions(), strict=True))
    section = Section(
        f"irreps-{number}",
        "What the networks learnt of S5" + (f": {name}" if name else ""),
        "The tokens are the elements of S5, which is no cyclic group: its irreducible "
        "representations take the place of frequencies. Each is named by its partition: (5) is "
        f"trivial, (1,1,1,1,1) the sign. Their dimensions: {sizes}. A random table has d\u00b2/120 "
        f"of its power in one of dimension d. Figures of one member show member {member}.",
    )
    power = irrep_power(run)
    shares = {table: fourier.shares(np.asarray(each)) for table, each in power._asdict().items()}
    section.add(
        partial(plots.irreps_of_members, shares["embedding"], run.members.index.tolist(), NAMES),
        "Power of the embedding of every member in each representation of S5",
    )
    known = {
        table: each[example]
        for table, each in shares.items()
        if table == "embedding" or np.isfinite(each[example]).all()
    }
    caption = "Dotted: the share that a random table has."
    if "first" in known:
        caption += (
            " first, second: what a token contributes to the first hidden layer as either operand; "
            "output: the output weights of each answer."
        )
    section.add(
        partial(plots.irreps, known, NAMES, chance(), f"member {member}"),
        f"Power of member {member} in each representation of S5",
        caption,
    )
    return section
