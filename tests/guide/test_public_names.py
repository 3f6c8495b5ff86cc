"""Every public name says what it does, of which shapes, and with what example."""

import ast
import importlib
import inspect
import itertools
import pkgutil
import re
import textwrap

import pytest

import grokjax

PACKAGES = ["analysis", "plots", "metrics", "tasks", "models", "optim", "interop", "results"]
SHAPE = re.compile(r"\[[^\]`]*\]|leading axis|[Ss]calar|one number|any shape|shape of")
ARRAYS = re.compile(r"\b(Array|ArrayLike|ndarray|DataArray)\b")


def public_names():
    """Full name and object of each public function, class and method of the packages."""
    found = {f"grokjax.{name}": getattr(grokjax, name) for name in grokjax.__all__}
    for package in PACKAGES:
        root = importlib.import_module(f"grokjax.{package}")
        for info in pkgutil.walk_packages(root.__path__, f"{root.__name__}."):
            module = importlib.import_module(info.name)
            for name, value in vars(module).items():
                own = getattr(value, "__module__", None) == info.name
                if own and callable(value) and not name.startswith("_"):
                    found[f"{info.name}.{name}"] = value
    return found


NAMES = public_names()


def text_of(value):
    return inspect.getdoc(value) or ""


def array_hints(value):
    """Whether a function takes or returns arrays, by its annotations."""
    function = getattr(value, "one", value)  # of analysis that is mapped over members
    hints = getattr(function, "__annotations__", {})
    return inspect.isfunction(inspect.unwrap(function)) and any(
        ARRAYS.search(str(hint)) for hint in hints.values()
    )


def test_the_first_line_is_a_sentence():
    wrong = [
        name
        for name, value in NAMES.items()
        if not re.match(r"[A-Z0-9`].*[.:]$", text_of(value).partition("\n\n")[0].replace("\n", " "))
    ]
    assert not wrong


def test_functions_of_arrays_give_their_shapes():
    wrong = [n for n, v in NAMES.items() if array_hints(v) and not SHAPE.search(text_of(v))]
    assert not wrong


@pytest.mark.parametrize("name", grokjax.__all__)
def test_the_names_of_grokjax_have_an_example(name):
    assert ">>> " in text_of(getattr(grokjax, name))


def array_fields(cls):
    """Array fields of a class that neither a docstring below nor that of the class explains."""
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(cls))).body
    for field, below in itertools.zip_longest(tree.body, tree.body[1:]):
        if isinstance(field, ast.AnnAssign) and ARRAYS.search(ast.unparse(field.annotation)):
            explained = isinstance(below, ast.Expr) or field.target.id in text_of(cls)
            if not explained and "Callable" not in ast.unparse(field.annotation):
                yield field.target.id


def test_array_fields_are_explained():
    classes = {name: value for name, value in NAMES.items() if inspect.isclass(value)}
    assert not {n: found for n, cls in classes.items() if (found := list(array_fields(cls)))}
