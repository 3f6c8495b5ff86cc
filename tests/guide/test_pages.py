"""The pages of the guide: their code runs, their links lead somewhere, `help` shows them."""

import importlib
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import grokjax.guide
from grokjax.guide.pages import page

ROOT = Path(__file__).parents[2]
GUIDE = Path(grokjax.guide.__file__).parent
PAGES = sorted(path.stem for path in GUIDE.glob("*.md"))
BLOCK = re.compile(r"^```(python|shell)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)#]+)[^)]*\)")


SLURM = {
    "sbatch": """
        export JOB=$PWD/$1
        for task in 1 2; do
            SLURM_JOB_ID=$task SLURM_ARRAY_TASK_ID=$task bash $JOB || [ -e requeued-$task ]
        done""",
    # The first task gets the signal once its run is there; it is started again.
    "srun": """
        if [ $SLURM_JOB_ID = 2 ] || [ -e runs/shard-1 ]; then exec "$@"; fi
        "$@" & pid=$!
        until [ -e runs/shard-1/config.json ] || ! kill -0 $pid; do sleep 0.05; done
        kill -USR1 $pid; wait $pid""",
    "scontrol": "touch requeued-$2; bash $JOB",
}
"""Commands of Slurm, as far as the page needs them, on one machine."""


@pytest.fixture
def shell(tmp_path, monkeypatch):
    """A function that runs a block as it would be pasted into a shell with grokjax and Slurm."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name, code in SLURM.items():
        (folder / name).write_text(f"#!/bin/bash\n{code}\n")
        (folder / name).chmod(0o755)
    path = [str(folder), str(Path(sys.executable).parent), os.environ["PATH"]]
    monkeypatch.setenv("PATH", os.pathsep.join(path))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.chdir(tmp_path)

    def run(code):
        done = subprocess.run(["bash", "-ec", code], capture_output=True, text=True)
        assert done.returncode == 0, done.stderr

    return run


@pytest.mark.slow
def test_the_cookbook_runs_from_top_to_bottom(shell, tmp_path):
    blocks = BLOCK.findall((GUIDE / "cookbook.md").read_text())
    assert len(blocks) > 20
    names = {"__name__": "cookbook"}
    for language, code in blocks:
        if language == "shell":
            shell(code)
        else:
            exec(compile(code, f"cookbook: {code.splitlines()[0]}", "exec"), names)
    assert (tmp_path / "requeued-1").exists()
    assert not (tmp_path / "requeued-2").exists()


@pytest.mark.slow
def test_the_page_on_own_pieces_runs(tmp_path, monkeypatch):
    code = [c for lang, c in BLOCK.findall((GUIDE / "own_pieces.md").read_text())]
    (tmp_path / "own_page.py").write_text("\n\n".join(code))  # in a file, as the page says
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    run = importlib.import_module("own_page").run
    assert run.history.effective_rank.dims == ("member", "eval")
    assert (run.history.train_accuracy.isel(eval=-1) > 0.9).all()


@pytest.mark.parametrize("path", [ROOT / "README.md", *(GUIDE / f"{name}.md" for name in PAGES)])
def test_links_lead_to_files(path):
    for target in LINK.findall(path.read_text()):
        assert "://" in target or (path.parent / target).exists(), target


@pytest.mark.parametrize("name", PAGES)
def test_help_and_the_site_show_a_page(name):
    shown = getattr(grokjax.guide, name).__doc__
    assert shown == page(name)
    assert shown.startswith("# ")
    assert not [target for target in LINK.findall(shown) if not target.endswith(".html")]


def test_a_page_that_is_missing_is_an_error():
    with pytest.raises(FileNotFoundError, match=r"nothing\.md"):
        page("nothing")


def test_the_readme_has_at_most_200_lines():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 200
