"""Errors of Orbax's threads after a reported failure are hidden; all others are shown."""

import sys
from types import SimpleNamespace

from grokjax.storage import orbax_io


def test_only_closed_event_loops_are_hidden(monkeypatch):
    seen = []
    monkeypatch.setattr(sys, "unraisablehook", seen.append)
    orbax_io._hide_closed_loop_errors()
    hook = sys.unraisablehook
    orbax_io._hide_closed_loop_errors()
    assert sys.unraisablehook is hook, "the hook is installed once"
    closed, other = (
        SimpleNamespace(exc_value=RuntimeError(text))
        for text in ("Event loop is closed", "something else")
    )
    hook(closed)
    hook(other)
    assert seen == [other]
