"""Call a user's functions with every evaluation, so that they can log members or stop them."""

from __future__ import annotations

import itertools
import time
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np

from grokjax.errors import invalid
from grokjax.results import run
from grokjax.runtime import processes

Metrics = dict[str, np.ndarray]

Callback = Callable[[np.ndarray, np.ndarray, Metrics], Iterable[int] | None]
"""What `on_evaluation` of `grokjax.train` may be.

It is called on the host, after each round, with the numbers of the members that were evaluated,
int32 `[E]`, their epochs, int32 `[E]`, and the metrics, `[E, ...]` by name. It may return numbers
of members to stop: each ends with status `pruned` at its evaluation, or at its next one.
An object may also have `open(run)`, which is called before the first evaluation with the Run of the
directory, and `close()`, which is called after the last one, however the launch ends.
"""

GRACE_SECONDS, SLOW_SHARE = 1.0, 0.1
"""A callback that has taken longer than the grace and this share of the time is called less often,
with the evaluations of several rounds at once."""


def as_callbacks(given: Any) -> tuple[Callback, ...]:
    """Return the functions given as `on_evaluation`: None, one, or a list of them.

    Raises ConfigError for anything else.
    """
    if given is None:
        return ()
    functions: Any = (given,) if callable(given) else given
    if isinstance(functions, Iterable):
        functions = tuple(functions)
        if all(map(callable, functions)):
            return functions
    raise invalid(
        "on_evaluation", given, "must be a function of (members, epochs, metrics), or a list"
    )


class EvaluationCallback:
    """Calls functions with evaluations; neither their errors nor their slowness stop training.

    Only the first process calls them. directory: of the run. say: prints a line.
    """

    def __init__(
        self, functions: tuple[Callback, ...], directory: Path, say: Callable[[str], None]
    ) -> None:
        self._given, self._directory, self._say = bool(functions), directory, say
        self._functions = functions if processes.is_first() else ()
        self._waiting: list[tuple[list[int], list[int], Metrics]] = []
        self._chosen: set[int] = set()
        self._failures: dict[int, int] = {}
        self._began, self._seconds, self._told = time.monotonic(), 0.0, False

    def __enter__(self) -> EvaluationCallback:
        for function in self._functions:
            if begin := getattr(function, "open", None):
                self._try(function, lambda begin=begin: begin(run.load(self._directory)))
        # What could not be opened is not called.
        self._functions = tuple(f for f in self._functions if id(f) not in self._failures)
        self._began, self._seconds = time.monotonic(), 0.0  # opening may take seconds, once
        return self

    def __exit__(self, *_: object) -> None:
        self._deliver()
        for function in self._functions:
            if end := getattr(function, "close", None):
                self._try(function, end)
        for function in self._functions:
            if (count := self._failures.get(id(function), 0)) > 1:
                self._say(f"on_evaluation: {_name(function)} failed {count} times")

    def record(self, members: list[int], epochs: list[int], metrics: Metrics) -> None:
        """Pass one evaluation of some members on, metrics `[E, ...]`."""
        if not self._functions:
            return
        self._waiting.append((members, epochs, metrics))
        now = time.monotonic()
        if self._seconds <= max(GRACE_SECONDS, SLOW_SHARE * (now - self._began)):
            self._deliver()
        elif not self._told:
            self._told = True
            self._say("on_evaluation is slow: it is called less often, with several rounds at once")

    def take_chosen(self, members: list[int]) -> set[int]:
        """Return which of these members, which have just been evaluated, are to be stopped."""
        if not self._given:
            return set()
        asked = np.array([[member in self._chosen for member in members]], bool)
        told = processes.gather({"chosen": asked})["chosen"][0]  # the first process decides for all
        found = {member for member, stop in zip(members, told, strict=True) if stop}
        self._chosen -= found
        return found

    def _deliver(self) -> None:
        """Call every function with all evaluations that wait, program by program."""
        waiting, self._waiting = self._waiting, []
        began = time.monotonic()
        for group, function in itertools.product(_alike(waiting), self._functions):
            # Arrays of its own, for a function may change them.
            members, epochs = (
                np.concatenate([np.array(each[i], np.int32) for each in group]) for i in (0, 1)
            )
            metrics = {name: np.concatenate([m[name] for _, _, m in group]) for name in group[0][2]}
            self._try(function, lambda f=function, a=(members, epochs, metrics): f(*a))
        self._seconds += time.monotonic() - began

    def _try(self, function: Callback, call: Callable[[], Any]) -> None:
        """Call a function; keep the members that it returns, and tell of its first error."""
        try:
            returned = call()
            if returned is not None:
                self._chosen.update(int(member) for member in returned)
        except Exception as error:
            self._failures[id(function)] = self._failures.get(id(function), 0) + 1
            if self._failures[id(function)] == 1:
                where = traceback.extract_tb(error.__traceback__)[-1]
                self._say(
                    f"on_evaluation: {_name(function)} failed, training goes on: "
                    f"{type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})"
                )


def _alike(waiting: list[tuple[list[int], list[int], Metrics]]) -> list[list[Any]]:
    """Group evaluations with the same metrics that follow each other: those of one program."""
    groups: list[list[Any]] = []
    for each in waiting:
        shapes = {name: array.shape[1:] for name, array in each[2].items()}
        if groups and shapes == {n: a.shape[1:] for n, a in groups[-1][0][2].items()}:
            groups[-1].append(each)
        else:
            groups.append([each])
    return groups


def _name(function: Any) -> str:
    return getattr(function, "__name__", type(function).__name__)
