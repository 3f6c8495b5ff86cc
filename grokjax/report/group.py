"""The members of a run that have one kind of network, with all that is known of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from grokjax import layout
from grokjax.config import Config
from grokjax.run import Run

if TYPE_CHECKING:
    import xarray as xr


def settings_of(run: Run, name: str) -> list[Any]:
    """A setting of every member."""
    return [getattr(run.sweep[m], name) for m in run.members.index]


@dataclass(frozen=True)
class Group:
    """Of one kind of network.

    name: what sets it apart, empty if it is the only one. run: those members
    that have parameters. modulus: theirs. found: `analysis.survey` of them.
    """

    name: str
    run: Run
    modulus: int
    found: xr.Dataset

    @property
    def grokked(self) -> np.ndarray:
        """Which of them have, bool `[M]`."""
        return (self.run.members["status"] == "grokked").to_numpy()

    @property
    def key_counts(self) -> tuple[np.ndarray, str]:
        """Key frequencies of those that grokked, of all if none has; and who they are, in words."""
        counts = self.found.key.sum("frequency").values
        if not self.grokked.any():
            return counts, f"all {len(counts)} members, of which none has grokked"
        return counts[self.grokked], f"the {self.grokked.sum()} members that have grokked"

    @property
    def shown(self) -> int:
        """Row of the member to show by itself: the first that grokked, or the first."""
        return int(self.grokked.argmax())

    @property
    def member(self) -> int:
        """The number of that member."""
        return int(self.found.member[self.shown])

    @property
    def one(self) -> xr.Dataset:
        """What is known of that member."""
        return self.found.isel(member=self.shown)

    @property
    def one_hot(self) -> bool:
        """Whether neurons have their own weights from every token, instead of an embedding's."""
        return self.run.network.embed_dim == 0

    @property
    def chance(self) -> float:
        """About the inverse participation ratio of random weights over the tokens."""
        return 2 / (self.modulus // 2 + 2)

    @property
    def ratios(self) -> np.ndarray:
        """Mean inverse participation ratio of the neurons of the members in `key_counts`."""
        means = self.found.neuron_ipr.mean("neuron").values
        return means[self.grokked] if self.grokked.any() else means


def groups(run: Run) -> list[Group]:
    """All groups of a run that have parameters yet, in the order of their first members."""
    from grokjax.analysis.survey import survey

    by_network: dict[Config, list[int]] = {}
    for m in run.members.index:
        by_network.setdefault(layout.network(run.sweep[m]), []).append(m)
    found = []
    for config, members in by_network.items():
        group = run.of(members)
        finite = np.isfinite(group.embeddings).all(axis=(1, 2))
        if not finite.any():
            continue
        kept = group if finite.all() else run.of(np.array(members)[finite].tolist())
        words = [f"{n} {getattr(config, n)}" for n in layout.NETWORK if n in run.sweep.swept]
        name = ", ".join(words).replace("_", " ") if len(by_network) > 1 else ""
        found.append(Group(name, kept, config.modulus, survey(kept)))
    return found
