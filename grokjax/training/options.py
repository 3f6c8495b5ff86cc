"""How a launch is carried out, and which metrics it records."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from grokjax.errors import ConfigError, invalid, printable
from grokjax.metrics.builtin import BUILTIN, OPTIONAL_BY_NAME
from grokjax.metrics.metric import Metric, as_metric, check_names
from grokjax.results.piece_files import how_to_import
from grokjax.runtime.arguments import check_bool
from grokjax.training import preflight
from grokjax.training.evaluation_callback import Callback, as_callbacks
from grokjax.training.progress import Progress

CHECKPOINT_EVERY = 60.0
"""Seconds. A save of four lanes takes 0.1 s, so this costs 0.2%."""


@dataclass(frozen=True)
class Options:
    """How a launch is carried out; none of it changes a member's numbers.

    lanes: members in training at a time, or auto. devices: of each process, or auto.
    checkpoint_every: seconds. progress: whether to show any, or a `Progress`. metrics: what is
    recorded besides the built-in metrics: functions, `Metric` objects, or names of
    `OPTIONAL_BY_NAME`. compile_cache: whether compiled programs are kept on disk and loaded (see
    `grokjax.runtime.compile_cache`). on_evaluation: called with each evaluation, or several.
    """

    lanes: int | str = "auto"
    devices: int | str = "auto"
    checkpoint_every: float = CHECKPOINT_EVERY
    progress: bool | Progress = True
    metrics: Iterable[Any] = ()
    compile_cache: bool = True
    on_evaluation: Callback | Iterable[Callback] | None = None

    added_metrics: tuple[Metric, ...] = field(init=False)
    callbacks: tuple[Callback, ...] = field(init=False)

    def __post_init__(self) -> None:
        preflight.check_machine(self.lanes, self.devices, self.checkpoint_every)
        check_bool("compile_cache", self.compile_cache)
        if not isinstance(self.progress, bool | Progress):
            raise invalid(
                "progress",
                self.progress,
                "must be True, False or a grokjax.training.progress.Progress",
            )
        if isinstance(self.metrics, str) or not isinstance(self.metrics, Iterable):
            raise invalid("metrics", self.metrics, "must be a list of functions and names")
        added = tuple(metric for each in self.metrics for metric in _metrics_of(each))
        check_names((*BUILTIN, *added))
        object.__setattr__(self, "added_metrics", added)
        object.__setattr__(self, "callbacks", as_callbacks(self.on_evaluation))

    @property
    def users_metrics(self) -> tuple[Metric, ...]:
        """Those of `added_metrics` that are not grokjax's own."""
        return tuple(each for each in self.added_metrics if each.name not in OPTIONAL_BY_NAME)


def _metrics_of(given: Any) -> tuple[Metric, ...]:
    """Return the metrics that a function, a Metric or a name stands for."""
    if not isinstance(given, str):
        return (as_metric(given),)
    if given not in OPTIONAL_BY_NAME:
        raise invalid("metrics", given, f"must be one of {', '.join(OPTIONAL_BY_NAME)}")
    return OPTIONAL_BY_NAME[given]


def metrics_of_run(info: dict[str, Any], added: tuple[Metric, ...]) -> tuple[Metric, ...]:
    """Return the metrics that a run records, to record them again when it is resumed.

    Raises ConfigError where one is unknown here.
    """
    optional = [each for group in OPTIONAL_BY_NAME.values() for each in group]
    known = {each.name: each for each in (*BUILTIN, *optional, *added)}
    names = dict.fromkeys(name for each in info["networks"] for name in each["metrics"])
    for name in names:
        if name not in known:
            source = info.get("pieces", {}).get("metrics", {}).get(name)
            if source is None:
                raise ConfigError(
                    f"metric {name} must be given, as the run records it: it is defined in another "
                    "version of grokjax"
                )
            how = how_to_import(printable(source["module"]), printable(source["name"]))
            raise ConfigError(
                f"metric {name} must be given, as the run records it: {how} and give metrics=[...]"
            )
    extra = [each.name for each in added if each.name not in names]
    if extra:
        raise ConfigError(
            f"metric {extra[0]}: the run does not record it, and cannot begin to when it is resumed"
        )
    return tuple(known[name] for name in names)
