"""Names of tasks, models and rules, and settings whose names collide."""

from typing import Literal

import numpy as np
import pytest

from grokjax import Config, ConfigError, Dataset
from grokjax.settings.field import PLAIN_VALUE, fields_of
from grokjax.settings.registry import Registry
from grokjax.settings.signature import as_settings, parameters_of, settings_class
from grokjax.tasks.binary_operation import BinaryOperation
from grokjax.tasks.task import TASKS, FunctionTask, Task


def ones(size):
    return Dataset(np.zeros((size, 1)), np.arange(size) % 2, num_classes=2)


def registry():
    """An empty registry of tasks, with one of grokjax's own."""
    builtin = {"binary-operation": "grokjax.tasks.binary_operation:BinaryOperation"}
    return Registry(
        "task", builtin, lambda name, source: settings_class("task", name, source, FunctionTask, ())
    )


def make(name, **attributes):
    """A function with this name, defined at a place of its own."""

    def function(size: int = 4):
        return ones(size)

    function.__name__ = function.__qualname__ = name
    for attribute, value in attributes.items():
        setattr(function, attribute, value)
    return function


def test_a_name_is_used_once():
    found = registry()
    first = make("mine")
    assert found.add("mine", first) == "mine"
    before = found.get("mine")
    assert found.add("mine", first) == found.name_of(first) == found.name_of("mine") == "mine"
    assert found.get("mine") is before
    twice = "^task: the name {} is used twice: {} has one of that name; rename yours$"
    with pytest.raises(ConfigError, match=twice.format("mine", __name__)):
        found.add("mine", make("other"))
    with pytest.raises(ConfigError, match=twice.format("binary-operation", "grokjax")):
        found.add("binary-operation", first)
    assert list(found) == ["binary-operation", "mine"]


def test_a_piece_reloaded_from_its_file_replaces_itself():
    found = registry()
    found.add("mine", make("mine"))
    found.add("mine", again := make("mine"))
    assert found.get("mine").source is again
    assert found.piece("mine") is again


def test_a_class_that_grokjax_has_keeps_its_name():
    assert Config(task=BinaryOperation) == Config()
    assert TASKS.piece("binary-operation") is None
    assert TASKS.source_of("binary-operation") is None


@pytest.mark.parametrize(
    "value",
    [None, 3, [], {}, lambda size=3: ones(size)],
    ids=["None", "number", "list", "dict", "lambda"],
)
def test_what_has_no_name_is_refused(value):
    with pytest.raises(
        ConfigError, match=r"^task must be a name, a class or a named function, got"
    ):
        registry().name_of(value)


@pytest.mark.parametrize("name", ["", " ", "a\nb", "\x1b[1m", None])
def test_a_name_must_be_printable(name):
    with pytest.raises(ConfigError, match=r"^task must have a name that can be printed, got"):
        registry().add(name, make("mine"))


def test_an_unknown_name_is_refused_with_what_was_meant():
    found = registry()
    found.add("larger", make("larger"))
    with pytest.raises(ConfigError, match=r"^task must be a known task, got 'lagrer'; "
                       "did you mean larger[?]; --import FILE"):  # fmt: skip
        found.get("lagrer")


def test_a_setting_of_a_name_that_another_group_has_is_refused():
    def collides(seed: int = 0):
        return ones(4)

    with pytest.raises(ConfigError, match=r"^seed: the name is used twice; rename .* of collides$"):
        Config(task=collides)


@pytest.mark.parametrize("name", ["kind", "out", "step", "order", "values", "lanes", "num_classes",
                                  "replace", "program", "variant"])  # fmt: skip
def test_a_setting_of_a_name_that_grokjax_uses_is_refused(name):
    namespace = {"ones": ones}
    exec(f"def taken({name}: int = 4):\n    return ones(4)", namespace)
    with pytest.raises(ConfigError, match=f"{name}: grokjax uses the name itself; rename this"):
        Config(task=namespace["taken"])


@pytest.mark.parametrize("name", ["source", "dataset", "check"])
def test_a_parameter_must_not_hide_a_method(name):
    namespace = {}
    exec(f"def hides({name}: int = 4):\n    pass", namespace)
    message = f"^task hides: must not name a parameter {name}; rename it$"
    with pytest.raises(ConfigError, match=message):
        settings_class("task", "hides", namespace["hides"], FunctionTask, ())


def every(
    needed: int, bare, text: str, ratio=0.5, flag=True, either: Literal["a", "b"] = "a",
    maybe: int | None = None, table=np.ones,
    first: None | float = None,  # noqa: RUF036
    *, provided,
):  # fmt: skip
    """A parameter of each sort."""


def test_parameters_become_settings_of_their_types():
    cls = settings_class("task", "every", every, FunctionTask, ("provided",))
    fields = fields_of(cls)
    assert {n: f.plain_hint for n, f in fields.items()} == {
        "needed": int, "bare": PLAIN_VALUE, "text": str, "ratio": float, "flag": bool,
        "either": Literal["a", "b"], "maybe": int, "first": float,
    }  # fmt: skip
    assert {n for n, f in fields.items() if f.required} == {"needed", "bare", "text"}
    assert fields["ratio"].default == 0.5
    assert fields["first"].checked(2) == 2.0
    assert fields["maybe"].checked(None) is None
    assert {f.kind for f in fields.values()} == {"static"}
    assert len(parameters_of(every)) == 10


def test_a_parameter_that_no_flag_can_hold_needs_a_default():
    def function(table: np.ndarray):
        pass

    with pytest.raises(ConfigError, match=r"^task function: its parameter table must be a number"):
        settings_class("task", "function", function, FunctionTask, ())


def test_a_subclass_must_have_settings_that_flags_can_hold():
    class Sizes(Task):
        sizes: tuple[int, ...] = (1, 2)

    class Mutable(Task):
        sizes: list[int] = []  # noqa: RUF012

    with pytest.raises(
        ConfigError, match=r"^task Sizes: its setting sizes must be a number, a text"
    ):
        as_settings("task", "Sizes", Sizes)
    with pytest.raises(ConfigError, match=r"^task Mutable: cannot be a dataclass \(mutable"):
        as_settings("task", "Mutable", Mutable)
