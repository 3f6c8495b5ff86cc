"""Pages of runs, parsed, and runs that were stopped, for tests of the report."""

import json
from html.parser import HTMLParser

import pytest

import grokjax
from grokjax import report
from grokjax.training.progress import Progress

VOID = {"source", "meta", "br", "img", "input", "hr", "link", "line", "path", "col"}


class Page(HTMLParser):
    """Text, elements and data of a page; asserts that elements are closed in order."""

    def __init__(self, text):
        super().__init__()
        self.text = text
        self.elements, self.open, self.data, self.rows = [], [], None, []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append((tag, dict(attributes)))
        if tag == "tr" and ("table", {"id": "table"}) in self.open:
            self.rows.append([])

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop()[0] == tag

    def handle_data(self, text):
        if not self.open:
            return
        tag, attributes = self.open[-1]
        if tag == "script" and attributes.get("id") == "members":
            self.data = json.loads(text)
        elif text.strip() and self.rows and any(tag == "tbody" for tag, _ in self.open):
            self.rows[-1].append(text.strip())

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def write_page(directory):
    return Page(report.write(directory).read_text())


class StopAfter(Progress):
    """Interrupts a run after some rounds, as Ctrl-C does."""

    def __init__(self, rounds):
        super().__init__(False)
        self._left = rounds

    def update(self, counts, last=False):
        super().update(counts, last)
        self._left -= 1
        if self._left == 0:
            raise KeyboardInterrupt


def train_and_interrupt(tiny, directory):
    """Train a run and interrupt it before its first checkpoint."""
    sweep = grokjax.Sweep(tiny.replace(max_epochs=40), seed=range(6))
    with pytest.raises(KeyboardInterrupt):
        grokjax.train(sweep, directory, lanes=2, progress=StopAfter(2))
    return directory
