"""Paths in messages that say what to import."""

import sys
from types import ModuleType

import pytest

from grokjax.results.piece_files import describe_file, how_to_import, note_files, path_to_import


@pytest.fixture
def piece(tmp_path, monkeypatch):
    """A function of a module in `code/my pieces.py`; the working directory is its folder."""
    file = tmp_path / "code" / "my pieces.py"
    file.parent.mkdir()
    file.touch()
    module = ModuleType("my pieces")
    module.__file__ = str(file)
    monkeypatch.setitem(sys.modules, "my pieces", module)
    monkeypatch.chdir(tmp_path)

    def mine():
        pass

    mine.__module__ = "my pieces"
    return mine


def noted(directory, file, module="my pieces"):
    """Read a run that says this of a piece's file; return the path that a message shows."""
    about = {"module": module, "name": "mine"} | file
    note_files({"task": {"mine": about}}, directory)
    return path_to_import(module, "mine")


def test_the_path_can_be_pasted_from_any_directory(piece, tmp_path, monkeypatch):
    directory = tmp_path / "runs" / "one"
    directory.mkdir(parents=True)
    file = describe_file(piece, directory)
    assert file == {"file": "../../code/my pieces.py"}
    assert noted(directory, file) == "'code/my pieces.py'"
    monkeypatch.chdir(directory)
    assert noted(directory, file) == f"'{tmp_path}/code/my pieces.py'"
    assert how_to_import("my pieces", "mine").startswith("it is defined in my pieces; give --imp")
    (tmp_path / "code" / "my pieces.py").unlink()
    assert noted(directory, file) == "'my pieces.py'"


@pytest.mark.parametrize("file", ["inside.py", "../other.py", "a\n.py", 3, "../inside.py/x", None])
def test_a_path_of_a_stranger_counts_only_outside_of_the_run(file, tmp_path):
    directory = tmp_path / "run"
    directory.mkdir()
    for path in (directory / "inside.py", tmp_path / "other.py"):
        path.touch()
    assert noted(directory, {"file": file}, "inside") == "inside.py"


def test_a_piece_of_a_notebook_has_no_file(tmp_path):
    def cell():
        pass

    cell.__module__ = "__main__"
    assert "notebook" in how_to_import("__main__", "cell")
    cell.__module__ = "no such module"
    assert describe_file(cell, tmp_path) == {}
