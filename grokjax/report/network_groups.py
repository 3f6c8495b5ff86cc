"""Members grouped by kind of network, each group with its Fourier analysis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from grokjax.analysis.fourier import arbitrary_order
from grokjax.analysis.groups import token_group
from grokjax.analysis.survey import survey
from grokjax.config.settings import NetworkSettings
from grokjax.errors import ConfigError
from grokjax.results import prediction
from grokjax.results.pieces import check_known
from grokjax.results.run import Run
from grokjax.tasks.operations import OPERATIONS
from grokjax.tasks.token_group import TokenGroup

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
    if why := reason_not_built(run, member):
        return why
    group = token_group("report", run.of([member]), run.sweep[member].network)
    return group.obstacle


def reason_not_built(run: Run, member: int) -> str:
    """Say why a member's network cannot be computed with here; empty if it can."""
    try:
        check_known([run.sweep[member]], "task")
        prediction.network_of(run.sweep[member], run.networks)
    except ConfigError as error:
        return str(error)
    return ""


def note_on_token_order(run: Run) -> str:
    """Say for which operations the order of tokens is arbitrary; empty if for none."""
    operations = [name for name in values_of(run, "operation") if name is not None]
    note = arbitrary_order(name for name in operations if OPERATIONS[name].needs != "120")
    return f"Frequencies are over the tokens in their own order. {note}" if note else ""


@dataclass(frozen=True)
class NetworkGroup:
    """Members that have parameters and one kind of network.

    name: the settings that distinguish the network, and the group of its tokens; empty if the run
      has only one kind.
    run: these members. findings: `analysis.survey` of them, whose variables depend on the
    kind of network: ask `has`. token_group: the cyclic group of the tokens.
    """

    name: str
    run: Run
    findings: xr.Dataset
    token_group: TokenGroup

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
    def example_title(self) -> str:
        """Title of the figures of the example member."""
        generator = self.token_group.generator
        order = "" if generator is None else f", tokens by powers of {generator}"
        return f"member {self.example_member}{order}"

    @property
    def tokens(self) -> np.ndarray:
        """The tokens in the order of their group."""
        return self.findings.token.values

    @property
    def modulus(self) -> int:
        """Order of the group of tokens."""
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
    """Group the members that can be analysed by network and group of tokens, by first member.

    They have parameters, a token table and a network that is known here.
    """
    members = [m for m in run.members.index if not reason_without_analysis(run, m)]
    return [
        NetworkGroup(name, chosen, survey(chosen), token_group)
        for name, chosen, token_group in split_by_network(run, members)
    ]


def split_by_network(run: Run, members: list[int]) -> list[tuple[str, Run, TokenGroup]]:
    """Split members by network and group of tokens: name, members with parameters, group."""
    kinds: dict[tuple[NetworkSettings, TokenGroup], list[int]] = {}
    for m in members:
        network = run.sweep[m].network
        kinds.setdefault((network, token_group("report", run.of([m]), network)), []).append(m)
    several = len({group for _, group in kinds}) > 1
    found = []
    for (network, group), some in kinds.items():
        finite = np.isfinite(run.of(some).embeddings).all(axis=(1, 2))
        if not finite.any():
            continue
        words = [f"{n} {v}" for n, v in network.values.items() if n in run.sweep.swept]
        words = [", ".join(words).replace("_", " ")] if len(kinds) > 1 and words else []
        name = ", ".join(words + [group.name] * several)
        found.append((name, run.of(np.array(some)[finite].tolist()), group))
    return found
