"""Claims of `mlp_circuits.py` and `clock_pizza.py`: the Clock and the Pizza."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from experiments.audit.claims import Claim, Sentence, Table
from experiments.audit.stored import results
from experiments.audit.texts import fraction, quartiles, spread
from grokjax.analysis.circuits import CIRCULAR, SYMMETRIC
from grokjax.analysis.incidence import incidence
from grokjax.analysis.times_table import times_of

HERE = "experiments/README.md"
CELLS = {
    "the recipe `notebook`": "notebook",
    "weight decay 0.5": "weight decay 0.5",
    "weight decay 2": "weight decay 2",
    "128 hidden neurons": "hidden dim 128",
    "512 hidden neurons": "hidden dim 512",
    "GELU": "activation gelu",
    "x²": "activation square",
    "summed embeddings": "combine sum",
}
MEASURES = ("gradient symmetricity", "distance irrelevance")


def notebook() -> pd.DataFrame:
    """The 256 members of the recipe itself."""
    table = results("mlp_circuits")
    return table.loc[table.cell == "notebook"]


def network(row: Mapping[str, str]) -> dict[str, str]:
    """Recompute a row of the networks like the notebook's."""
    table = results("mlp_circuits")
    own = table.loc[table.cell == CELLS[row["network"]]]
    grokked = incidence(times_of(own, "grokked")).quartiles()
    found = {"n": str(len(own)), "grokked at epoch": spread(grokked)}
    found |= {m: spread(quartiles(own[m.replace(" ", "_")]), fraction) for m in MEASURES}
    labels = [
        f"{n} {label if label == 'neither' else label + 's'}"
        for label, n in own.label.value_counts().items()
    ]
    return found | {"label": ", ".join(labels)}


def of_notebook(name: str, digits: int) -> list[str]:
    """Median and quartiles of a measure in the notebook's network."""
    low, median, high = quartiles(notebook()[name])
    return [fraction(x, digits) for x in (median, low, high)]


def fits() -> list[str]:
    """How well the best circle fits both kinds of logits; where the clock does it better."""
    table = notebook()
    better = int((table.clock_fve > table.pizza_fve).sum())
    return [*of_notebook("clock_fve", 2), *of_notebook("pizza_fve", 2), str(better)]


def extremes() -> list[str]:
    """Ranges of both measures in the notebook's network."""
    table = notebook()
    names = ("gradient_symmetricity", "distance_irrelevance")
    digits = (2, 3)
    found = [(table[n].min(), table[n].max(), d) for n, d in zip(names, digits, strict=True)]
    return [fraction(x, d) for low, high, d in found for x in (low, high)]


def circular_networks() -> list[str]:
    """How many members have four circles of equal size."""
    table = results("mlp_circuits")
    return [str((table.least_circularity >= CIRCULAR).sum()), str(len(table))]


def transformers(low: float, high: float) -> pd.DataFrame:
    """Transformers with an attention rate from `low` to below `high`; 1 is in the last interval."""
    table = results("clock_pizza")
    return table.loc[(table.attention_rate >= low) & (table.attention_rate < high + (high == 1))]


def rates(row: Mapping[str, str]) -> dict[str, str]:
    """Recompute a row of the transformers."""
    own = transformers(*map(float, row["attention rate"].split(" to ")))
    columns = {
        "gradient symmetricity": own.gradient_symmetricity,
        "distance irrelevance": own.distance_irrelevance,
        "by the largest wrong logit": own.distance_irrelevance_incorrect,
    }
    found = {name: spread(quartiles(values), fraction) for name, values in columns.items()}
    return {"n": str(len(own))} | found


def labels() -> list[str]:
    """How many transformers have each label."""
    counts, low = results("clock_pizza").label.value_counts(), transformers(0, 0.5)
    pizzas = int((low.label == "pizza").sum())
    return [
        *(str(counts[n]) for n in ("pizza",)),
        "100",
        str(pizzas),
        str(counts["clock"]),
        str(counts["neither"]),
    ]


def symmetricity_by_rate() -> list[str]:
    """Range below .4, and quartiles above .7."""
    low, high = (
        transformers(0, 0.4).gradient_symmetricity,
        transformers(0.7, 1).gradient_symmetricity,
    )
    first, median, last = quartiles(high)
    return [
        fraction(low.min()),
        fraction(low.max()),
        str(len(low)),
        *(fraction(x, 2) for x in (median, first, last)),
        str(len(high)),
    ]


def circular_transformers() -> list[str]:
    """How many are circular, and their distance irrelevance below .5 and above .7."""
    table = results("clock_pizza")
    circular = table.loc[table.least_circularity >= CIRCULAR]
    found = [str(len(circular)), str(len(table))]
    for own in (
        circular.loc[circular.attention_rate < 0.5],
        circular.loc[circular.attention_rate > 0.7],
    ):
        low, median, high = quartiles(own.distance_irrelevance_incorrect)
        found += [*(fraction(x) for x in (median, low, high)), str(len(own))]
    return found


def symmetric_shares() -> list[str]:
    """How many members have symmetric gradients, by attention rate."""
    found = []
    for low, high in ((0.4, 0.5), (0.5, 0.6), (0.6, 0.7), (0.7, 1)):
        own = transformers(low, high)
        found += [str((own.gradient_symmetricity > SYMMETRIC).sum()), str(len(own))]
    return found


CLAIMS: list[Claim] = [
    Table(HERE, ("network", "n", "grokked at epoch", *MEASURES, "label"), network),
    Sentence(
        HERE,
        "gradient symmetricity {} ({} to {}) at the end",
        lambda: of_notebook("gradient_symmetricity", 2),
    ),
    Sentence(
        HERE,
        "distance irrelevance {} ({} to {}), ",
        lambda: of_notebook("distance_irrelevance", 3),
    ),
    Sentence(
        HERE,
        "at the end, {} ({} to {}) when it groks",
        lambda: of_notebook("gradient_symmetricity_grokked", 2),
    ),
    Sentence(
        HERE,
        "(.984 to .989), {} ({} to {}) then",
        lambda: of_notebook("distance_irrelevance_grokked", 3),
    ),
    Sentence(
        HERE,
        "by {} ({} to {}) and a pizza's by {} ({} to {}); the clock fits better in all {}.",
        fits,
    ),
    Sentence(HERE, "are rare ({} of {} members", circular_networks),
    Sentence(
        "grokjax/guide/analysis.md",
        "gradients are not symmetric ({} to {}) and the right answer's logit hardly depends on the "
        "distance ({} to {})",
        extremes,
    ),
    Table(
        HERE,
        (
            *("attention rate", "n", "gradient symmetricity", "published"),
            *("distance irrelevance", "by the largest wrong logit", "published"),
        ),
        rates,
        {
            "gradient symmetricity": "published",
            "by the largest wrong logit": "published 2",
        },
    ),
    Sentence(HERE, "{} of {} are pizzas (all {} below .5), {} clocks, {} neither", labels),
    Sentence(
        HERE,
        "{} of {} are pizzas, {} clocks, {} neither, after",
        lambda: [x for i, x in enumerate(labels()) if i != 2],
    ),
    Sentence(
        HERE,
        "gradient symmetricity {} to {} in all {} members below .4, and a median of {} ({} to {}) "
        "in the {} above .7",
        symmetricity_by_rate,
    ),
    Sentence(
        HERE,
        "{} of our {} are circular (published: 34.3% of all runs); their distance irrelevance by "
        "the largest wrong logit is {} ({} to {}) in the {} below a rate of .5 and {} ({} to {}) "
        "in the {} above .7",
        circular_transformers,
        "34.3%",
    ),
    Sentence(
        HERE,
        "above .98 is {} of {} at rates of .4 to .5, {} of {} at .5 to .6, {} of {} at .6 to .7 "
        "and {} of {} above",
        symmetric_shares,
    ),
    Sentence(
        "grokjax/recipes/zhong.py",
        '"all {} of width 128 below rate .5, {} of {} at .5 to " ".6, {} of {} at .6 to .7, none '
        "of {} above;",
        lambda: [labels()[2], *symmetric_shares()[2:6], symmetric_shares()[7]],
        ".40 at .50 to .55, none above .60",
    ),
    Sentence(
        "grokjax/recipes/zhong.py",
        'circularities >= .995": "{} of {}"',
        lambda: circular_transformers()[:2],
        "34.3%",
    ),
]
