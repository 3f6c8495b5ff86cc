"""The pages of the guide: their code runs, their links lead somewhere, `help` shows them."""

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


def run_shell(code):
    """Run a block as it would be pasted into a shell in which grokjax is installed."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = os.environ | {"PATH": path, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(["bash", "-ec", code], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_the_cookbook_runs_from_top_to_bottom(tmp_path, monkeypatch):
    text = (GUIDE / "cookbook.md").read_text()
    blocks = BLOCK.findall(text)
    assert len(blocks) > 10
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "cookbook"}
    for language, code in blocks:
        if language == "shell":
            run_shell(code)
        else:
            exec(compile(code, f"cookbook: {code.splitlines()[0]}", "exec"), names)


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
