"""The reference is built without a warning and without a network."""

import re
import sys

import pytest

import grokjax
from grokjax.guide import pages, site

REMOTE = re.compile(r'<(?:script|link|img)[^>]*(?:src|href)="(?:https?:)?//')


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    site.build(folder)
    return folder


def test_every_public_name_has_a_place(folder):
    text = (folder / "grokjax.html").read_text()
    assert not [name for name in grokjax.__all__ if f'id="{name}"' not in text]
    assert 'id="circuits"' in (folder / "grokjax" / "analysis" / "circuits.html").read_text()
    assert 'id="curves"' in (folder / "grokjax" / "plots.html").read_text()


def test_pages_and_settings_are_there(folder):
    guide = folder / "grokjax" / "guide"
    shown = re.sub("<[^>]*>", "", (guide / "cookbook.html").read_text())
    assert "grokjax branch runs/small --member 3" in shown
    assert "attention_rate" in (guide / "settings.html").read_text()
    assert "attention_rate" in (folder / "grokjax.html").read_text()


def test_pages_load_nothing_from_elsewhere(folder):
    pages = list(folder.rglob("*.html"))
    assert len(pages) > 50
    assert not [page for page in pages if REMOTE.search(page.read_text())]


def test_a_page_that_cannot_be_read_stops_the_build(tmp_path, monkeypatch):
    monkeypatch.delitem(sys.modules, "grokjax.guide.runs", raising=False)
    monkeypatch.setattr(pages.Path, "read_text", lambda self, encoding: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        site.build(tmp_path)
    assert not list(tmp_path.iterdir())
