"""Members grouped by kind of network, each group with its Fourier analysis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from grokjax.analysis.fourier import order_of_tokens
from grokjax.analysis.survey import survey
from grokjax.config.settings import NetworkSettings
from grokjax.errors import ConfigError
from grokjax.results import prediction
from grokjax.results.pieces import check_known
from grokjax.results.run import Run
from grokjax.tasks.binary_operation import OPERATIONS

if TYPE_CHECKING:
    import xarray as xr


def values_of(run: Run, setting: str) -> list[Any]:
    """A setting's value for every member; None for a member without this setting."""
    return [run.sweep[m].values.get(setting) for m in run.members.index]


def example_row(run: Run) -> int:
    """Row of the member that is shown as an example: the first that grokked, or the first."""
    return int((run.members["status"] == "grokked").to_numpy().argmax())


def user_metrics(run: Run) -> list[str]:
    """Variables of the history that metrics of the user's own recorded."""
    return [name for name in run.info["pieces"].get("metrics", {}) if name in run.history]


def has_token_table(run: Run, member: int) -> bool:
    """Whether a member's network has a table over the tokens of Z_P, to be Fourier-analysed."""
    config = run.sweep[member]
    return config.spec.modulus is not None and run.networks.of(config).token_table is not None


def reason_without_analysis(run: Run, member: int) -> str:
    """Say why a member's network is not Fourier-analysed; empty if it is."""
    if not has_token_table(run, member):
        return "it needs networks with a table over tokens of Z_P"
    try:
        check_known([run.sweep[member]], "task")
        prediction.network_of(run.sweep[member], run.networks)
    except ConfigError as error:
        return str(error)
    return ""


def note_on_token_order(run: Run) -> str:
    """Say for which operations the order of tokens is arbitrary; empty if for none."""
    operations = [name for name in values_of(run, "operation") if name is not None]
    cyclic = all(OPERATIONS[name].cyclic for name in operations)
    return "" if cyclic else order_of_tokens(operations)


@dataclass(frozen=True)
class NetworkGroup:
    """Members that have parameters and one kind of network.

    name: the settings that distinguish the network; empty if the run has only one kind.
    run: these members. findings: `analysis.survey` of them, whose variables depend on the
    kind of network: ask `has`.
    """

    name: str
    run: Run
    findings: xr.Dataset

    def has(self, *variables: str) -> bool:
        """Whether the analysis found all of these variables."""
        return all(name in self.findings for name in variables)

    @property
    def grokked(self) -> np.ndarray:
        """Which members grokked, bool `[M]`."""
        return (self.run.members["status"] == "grokked").to_numpy()

    @property
    def counted(self) -> np.ndarray:
        """Members that statistics are taken over, bool `[M]`: those that grokked, or else all."""
        return self.grokked if self.grokked.any() else np.ones(len(self.run), bool)

    @property
    def counted_label(self) -> str:
        """Description of the members in `counted`."""
        if self.grokked.any():
            return f"the {self.grokked.sum()} members that have grokked"
        return f"all {len(self.run)} members, none of which has grokked"

    @property
    def key_counts(self) -> np.ndarray:
        """Number of key frequencies of each member in `counted`."""
        return self.findings.key.sum("frequency").values[self.counted]

    @property
    def mean_ratios(self) -> np.ndarray:
        """Mean inverse participation ratio of the neurons of each member in `counted`."""
        return self.findings.neuron_ipr.mean("neuron").values[self.counted]

    @property
    def example(self) -> xr.Dataset:
        """Findings of the example member."""
        return self.findings.isel(member=example_row(self.run))

    @property
    def example_member(self) -> int:
        """Number of the example member."""
        return int(self.example.member)

    @property
    def modulus(self) -> int:
        """Number of tokens, P."""
        return self.findings.sizes["token"]

    @property
    def one_hot(self) -> bool:
        """Whether the token table has the neurons' own weights, as there is no embedding."""
        table = self.run.networks.of(self.run.sweep[self.example_member]).token_table
        assert table is not None  # else there is no analysis
        return not table.parameter.endswith("/embedding") and self.has("neuron_frequency")

    @property
    def chance_ratio(self) -> float:
        """Approximate inverse participation ratio of random weights over the tokens."""
        return 2 / (self.modulus // 2 + 2)


def group_by_network(run: Run) -> list[NetworkGroup]:
    """Group the members that can be analysed by network, ordered by first member.

    They have parameters, a token table and a network that is known here.
    """
    by_network: dict[NetworkSettings, list[int]] = {}
    for m in run.members.index:
        by_network.setdefault(run.sweep[m].network, []).append(m)
    groups = []
    for network, members in by_network.items():
        if reason_without_analysis(run, members[0]):
            continue
        finite = np.isfinite(run.of(members).embeddings).all(axis=(1, 2))
        if not finite.any():
            continue
        chosen = run.of(np.array(members)[finite].tolist())
        words = [f"{n} {v}" for n, v in network.values.items() if n in run.sweep.swept]
        name = ", ".join(words).replace("_", " ") if len(by_network) > 1 else ""
        groups.append(NetworkGroup(name, chosen, survey(chosen)))
    return groups
