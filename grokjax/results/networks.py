"""What a run stores of its members' networks, so that it is read without their modules.

For each network of a sweep `config.json` has the names and shapes of its parameters, where its
token table is, its metrics with their dimensions, and the shapes and sizes of its data.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from grokjax.config.config import Config
from grokjax.errors import ConfigError
from grokjax.models.model import Shapes, TokenTable
from grokjax.settings.data_spec import DataSpec

NEEDED_METRICS = frozenset({"train_loss", "test_loss", "train_accuracy", "test_accuracy"})
"""Metrics that every run records; without them a member's status cannot be told."""


@dataclass(frozen=True)
class MetricInfo:
    """The dimensions of a metric by name, with what stands along each."""

    dims: dict[str, list[Any]]

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape in one evaluation."""
        return tuple(map(len, self.dims.values()))


@dataclass(frozen=True)
class NetworkInfo:
    """What is stored of one network.

    settings: of the task and the model, by name. examples: how many examples each variant of the
    task has. state_bytes: what training keeps for one member. digests: SHA-256 of the examples of
    each variant, for a task of the user's own.
    """

    settings: dict[str, Any]
    shapes: Shapes
    token_table: TokenTable | None
    metrics: dict[str, MetricInfo]
    spec: DataSpec
    examples: dict[str, int]
    state_bytes: int
    digests: dict[str, str] = dataclasses.field(default_factory=dict)

    @property
    def table_shape(self) -> tuple[int, int] | None:
        """Shape of the token table, `[P, D]`."""
        if self.token_table is None:
            return None
        return self.token_table.rows, self.shapes[self.token_table.parameter][-1]

    def snapshot_bytes(self, config: Config) -> int:
        """Return the bytes of one snapshot of a member with this network."""
        if config.snapshot == "states":
            return self.state_bytes
        shapes = self.shapes.values() if config.snapshot == "params" else [self.table_shape or (0,)]
        size = 2 if config.snapshot_dtype == "bfloat16" else config.float_dtype.itemsize
        return size * sum(map(math.prod, shapes))

    def to_dict(self) -> dict[str, Any]:
        return {
            "settings": self.settings,
            "parameters": {name: list(shape) for name, shape in self.shapes.items()},
            "token_table": None if self.token_table is None else self.token_table._asdict(),
            "metrics": {name: each.dims for name, each in self.metrics.items()},
            "data": dataclasses.asdict(self.spec),
            "examples": self.examples,
            "state_bytes": self.state_bytes,
            "digests": self.digests,
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> NetworkInfo:
        """Return what `to_dict` gave; raise an error of any kind for other values."""
        table, data = values["token_table"], dict(values["data"])
        data["input_shape"] = tuple(map(_count, data["input_shape"]))
        data["axes"] = tuple(map(name_of, data["axes"]))
        data["template"] = tuple(t if t is None else _count(t) for t in data["template"])
        info = cls(
            dict(values["settings"]),
            {name_of(n): tuple(map(_count, shape)) for n, shape in values["parameters"].items()},
            None if table is None else TokenTable(**table),
            {name_of(n): MetricInfo(_dims(dims)) for n, dims in values["metrics"].items()},
            DataSpec(**data),
            {str(n): _count(size) for n, size in values["examples"].items()},
            _count(values["state_bytes"]),
            {str(n): name_of(digest) for n, digest in values["digests"].items()},
        )
        if not info.metrics.keys() >= NEEDED_METRICS:
            raise ValueError(f"metrics {sorted(info.metrics)}")
        if info.token_table is not None:
            name_of(info.token_table.title)
            rows, shape = info.token_table.rows, info.shapes[info.token_table.parameter]
            if info.token_table.second is not None:
                _ = info.shapes[name_of(info.token_table.second)]  # a parameter of the module
            if len(shape) != 2 or not 0 < _count(rows) <= shape[0]:
                raise ValueError(f"token_table {info.token_table}")
        if info.spec.num_tokens is not None:
            _count(info.spec.num_tokens)
        _count(info.spec.num_classes)
        if info.spec.input_dtype not in ("int32", "float32"):
            raise ValueError(f"input_dtype {info.spec.input_dtype!r}")
        return info


def name_of(value: Any) -> str:
    """Return a name from config.json; raise ValueError for anything else."""
    if not isinstance(value, str) or not value or not value.isprintable() or len(value) > 200:
        raise ValueError(f"name {value!r}")
    return value


def _count(value: Any) -> int:
    if type(value) is not int or not 0 <= value < 2**48:
        raise ValueError(f"size {value!r}")
    return value


def _dims(dims: dict[str, Any]) -> dict[str, list[Any]]:
    for name, labels in dims.items():
        name_of(name)
        if len({type(label) for label in labels}) > 1 or len(set(labels)) != len(labels):
            raise ValueError(f"labels of {name}")
        for label in labels:
            name_of(label) if isinstance(label, str) else _count(label)
    return {str(name): list(labels) for name, labels in dims.items()}


def key_of(config: Config) -> tuple:
    """Return the key that distinguishes a member's network from others."""
    return tuple(config.network.values.items())


class Networks:
    """The networks of a run by the settings of its members."""

    def __init__(self, infos: Iterable[NetworkInfo]) -> None:
        self.all = list(infos)
        self._by_settings = {tuple(info.settings.items()): info for info in self.all}
        dims: dict[str, list[str]] = {}
        types: dict[str, type] = {}
        for info in self.all:
            for name, metric in info.metrics.items():
                same = dims.setdefault(name, list(metric.dims)) == list(metric.dims)
                for dim, labels in metric.dims.items():
                    same &= all(types.setdefault(dim, type(x)) is type(x) for x in labels)
                if not same:
                    raise ConfigError(f"metric {name}: its dimensions differ between networks")

    def of(self, config: Config) -> NetworkInfo:
        """Return the network of a member. Raises LookupError if the run has none such."""
        return self._by_settings[key_of(config)]

    def with_settings(self, settings: dict[str, Any]) -> NetworkInfo | None:
        """Return the network with these settings of task and model; None if there is none."""
        return self._by_settings.get(tuple(settings.items()))

    @property
    def metric_names(self) -> list[str]:
        return list(dict.fromkeys(name for info in self.all for name in info.metrics))

    def to_list(self) -> list[dict[str, Any]]:
        return [info.to_dict() for info in self.all]


def joined_networks(named: Mapping[str, Networks]) -> Networks:
    """Return the networks of several runs, by label; a network that several have has all metrics.

    Raises ConfigError if one with the same settings differs in its parameters, data or metrics.
    """
    found: dict[tuple, tuple[str, NetworkInfo]] = {}
    for label, networks in named.items():
        for info in networks.all:
            key = tuple(info.settings.items())
            if key in found:
                info = _joined_network(*found[key], label, info)
            found[key] = label, info
    return Networks(info for _, info in found.values())


def _joined_network(label: str, info: NetworkInfo, other: str, theirs: NetworkInfo) -> NetworkInfo:
    runs = f"differs between {label} and {other}; read these runs one by one"
    if info.shapes != theirs.shapes or info.token_table != theirs.token_table:
        raise ConfigError(f"model {info.settings['model']}: its network {runs}")
    same = all(theirs.digests.get(n, digest) == digest for n, digest in info.digests.items())
    if info.spec != theirs.spec or not same:
        raise ConfigError(f"task {info.settings['task']}: its data {runs}")
    for name in info.metrics.keys() & theirs.metrics.keys():
        if info.metrics[name] != theirs.metrics[name]:
            raise ConfigError(f"metric {name}: its dimensions or their labels {runs}")
    return dataclasses.replace(
        info,
        metrics=info.metrics | theirs.metrics,
        examples=info.examples | theirs.examples,
        digests=info.digests | theirs.digests,
        state_bytes=max(info.state_bytes, theirs.state_bytes),
    )
