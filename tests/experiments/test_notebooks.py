"""The notebooks run on smaller runs of the scripts that they name, and keep their outputs."""

import ast
import json
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.conftest import once

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
SMALLER = {
    "seeds.py": ("--seeds", 2, "--max-epochs", 60),
    "circles.py": ("--seeds", 2, "--max-epochs", 200, "--no-film"),
    "delay_law.py": ("--modulus", 13, "--seeds", 1, "--max-steps", 520, "--longest", 450),
    "mlp_circuits.py": (
        *("--seeds", 2, "--max-epochs", 40),
        *("--vary", "weight_decay", "combine", "--varied-seeds", 1),
    ),
    "nanda.py": ("--seeds", 2, "--max-epochs", 60, "--snapshot-every", 20),
    "phase_diagram.py": ("--points", 2, 2, "--seeds", 2, "--max-epochs", 100, "--hidden-dim", 8),
    "sweep_wd.py": ("--seeds", 2, "--max-epochs", 40, "--weight-decay", 0, 1),
}


def read(path):
    return nbformat.read(path, as_version=4)


def command(path):
    """Script and arguments named in the first cell."""
    (line,) = re.findall(r"^python experiments/(.+)$", read(path).cells[0].source, re.M)
    script, *arguments = line.split()
    return script, arguments


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A folder with the `runs/` that the notebooks expect beside their folder."""
    folder = tmp_path_factory.mktemp("notebooks")
    (folder / "notebooks").mkdir()
    for script, arguments in {command(path)[0]: command(path)[1] for path in NOTEBOOKS}.items():
        words = once([*arguments, *map(str, SMALLER[script]), "--quiet"])
        done = subprocess.run(
            [sys.executable, ROOT / "experiments" / script, *words],
            cwd=folder,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr
    return folder


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # Jupyter has its own
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_notebook_runs_without_warnings(path, runs):
    notebook = read(path)
    place = {"metadata": {"path": str(runs / "notebooks")}}
    NotebookClient(notebook, timeout=300, resources=place).execute()
    printed = json.dumps([cell.get("outputs") for cell in notebook.cells])
    assert "Warning" not in printed


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_outputs_are_kept_and_no_function_is_defined(path):
    code = [cell for cell in read(path).cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert all(cell.outputs for cell in code)
    assert "image/png" in json.dumps([cell.outputs for cell in code])
    outputs = json.dumps([cell.outputs for cell in code])
    assert "Traceback" not in outputs
    assert not re.search(r"/(home|root|tmp|Users|site-packages)/", outputs)  # paths of the machine
    assert str(ROOT) not in outputs
    for cell in code:
        plain = "\n".join(line for line in cell.source.splitlines() if not line.startswith("%"))
        for node in ast.walk(ast.parse(plain)):
            assert not isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef)


def test_notebooks_are_numbered():
    assert [path.name[:2] for path in NOTEBOOKS] == [f"{i + 1:02}" for i in range(8)]
