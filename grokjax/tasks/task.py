"""What a task is: settings that build a data set.

Letters: N examples, V variants, C classes.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from grokjax.errors import ConfigError, reason
from grokjax.settings.data_spec import DataSpec
from grokjax.settings.field import fields_of
from grokjax.settings.registry import Registry
from grokjax.settings.signature import as_settings, settings_class
from grokjax.tasks.dataset import Dataset, checked_dataset, digest, template_of
from grokjax.tasks.token_group import TokenGroup

TargetKind = Literal["classes", "codes", "values"]


@dataclass(frozen=True, kw_only=True)
class Task:
    """Base of the settings of a task.

    A task with several variants, such as operations on the same tokens, has one setting of kind
    `variant`, whose values name them.

    reads_files: whether the examples come from files or libraries that another machine may lack.
      A run then keeps what reading it needs, as for a task of the user's own.
    """

    reads_files: ClassVar[bool] = False

    def dataset(self, variants: tuple[str, ...]) -> Dataset:
        """Build the examples, with a row of targets for each of these variants, as texts."""
        raise NotImplementedError

    @classmethod
    def variant_name(cls) -> str | None:
        """The name of the setting that chooses a variant; None if there is only one."""
        return next((n for n, f in fields_of(cls).items() if f.kind == "variant"), None)

    def check(self) -> None:
        """Raise ConfigError where settings contradict each other."""

    # What follows is asked for before anything is built, of every member of a sweep. A task with
    # large data sets answers from its settings.

    def num_rows(self) -> int:
        """N, including examples that a variant does not have."""
        return len(member_dataset(self).inputs)

    def num_examples(self) -> int:
        """Examples that this member's variant has."""
        targets = member_dataset(self).targets[0]
        return len(targets) if targets.ndim == 2 else int((targets >= 0).sum())

    def digest(self) -> str:
        """SHA-256 of the examples of this member's variant."""
        return digest(member_dataset(self))

    def spec(self) -> DataSpec:
        """Shapes of the data."""
        data = member_dataset(self)
        return DataSpec(
            data.inputs.shape[1:],
            str(data.inputs.dtype),
            data.num_tokens,
            data.num_classes,
            data.axes,
            template_of(data.inputs),
        )

    def token_group(self) -> TokenGroup | None:
        """The group that the tokens form under this member's variant; None without one."""
        groups = member_dataset(self).groups
        return groups[0] if groups else None

    def target_kind(self) -> TargetKind:
        """What the targets are: classes, codes of classes, or values; the latter two need mse."""
        data = member_dataset(self)
        return "values" if data.regression else "classes" if data.codes is None else "codes"

    def has_mirror(self) -> bool:
        """Whether the symmetric split is possible."""
        return member_dataset(self).mirror is not None

    def in_words(self) -> str:
        """What is learned, for titles."""
        return type(self).__name__.replace("_", " ")


@functools.lru_cache(maxsize=256)
def member_dataset(task: Task) -> Dataset:
    """Return the data set of one member's task."""
    name = task.variant_name()
    return build_dataset(task, ("",) if name is None else (str(getattr(task, name)),))


@functools.lru_cache(maxsize=16)
def build_dataset(task: Task, variants: tuple[str, ...]) -> Dataset:
    """Build and check the data set of a program: its task, and its members' variants.

    Raises ConfigError, naming the task, where the data set does not fit together.
    """
    name = type(task).__name__
    try:
        data = task.dataset(variants)
        if isinstance(data, Dataset):
            return checked_dataset(name, data, len(variants))
    except ConfigError:
        raise
    except Exception as error:  # whatever the user's function raises, or its arrays do
        raise ConfigError(f"task {name}: its data cannot be built ({reason(error)})") from error
    raise ConfigError(f"task {name}: must return a grokjax.Dataset, got {type(data).__name__}")


@dataclass(frozen=True, kw_only=True)
class FunctionTask(Task):
    """A task made of a user's function that returns a `Dataset`; its parameters are settings."""

    source: ClassVar[Callable[..., Dataset]]

    def dataset(self, variants: tuple[str, ...]) -> Dataset:
        return type(self).source(**{name: getattr(self, name) for name in fields_of(type(self))})


def _adapted(name: str, source: Any) -> type:
    """Return the class of settings of a task that a user registers."""
    if isinstance(source, type) and issubclass(source, Task):
        return as_settings("task", name, source)
    if not callable(source):
        raise ConfigError(f"task {name}: must be a function that returns a grokjax.Dataset")
    return settings_class("task", name, source, FunctionTask, ())


TASKS = Registry(
    "task",
    {
        "binary-operation": "grokjax.tasks.binary_operation:BinaryOperation",
        "toy-addition": "grokjax.tasks.toy_addition:ToyAddition",
        "images": "grokjax.tasks.images:Images",
        "teacher": "grokjax.tasks.teacher:Teacher",
    },
    _adapted,
)


def task(source: Any) -> Any:
    """Decorator: make a function that returns a `Dataset`, or a subclass of `Task`, known by name.

    Parameters become settings: flags, sweep axes and coordinates. The data set is built once for
    the same settings: where you change a function that `source` calls, such as in a notebook,
    define `source` again or restart.

    Example:
      >>> import grokjax
      >>> import numpy as np
      >>> @task
      ... def maximum_of_two(size: int = 24) -> grokjax.Dataset:
      ...     pairs = np.array([(a, b) for a in range(size) for b in range(size)])
      ...     return grokjax.Dataset(pairs, pairs.max(axis=1), size, num_tokens=size)
      >>> grokjax.Config(task="maximum_of_two", size=10).num_examples
      100
    """
    TASKS.add(source.__name__, source)
    return source
