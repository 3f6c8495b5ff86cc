"""What Orbax's threads raise after a failure that was reported is hidden; nothing else is."""

import sys
from types import SimpleNamespace

from grokjax import quiet


def test_only_closed_event_loops_are_hidden(monkeypatch):
    seen = []
    monkeypatch.setattr(sys, "unraisablehook", seen.append)
    quiet.hide_closed_loops()
    hook = sys.unraisablehook
    quiet.hide_closed_loops()
    assert sys.unraisablehook is hook, "it is installed once"
    closed, other = (
        SimpleNamespace(exc_value=RuntimeError(text))
        for text in ("Event loop is closed", "something else")
    )
    hook(closed)
    hook(other)
    assert seen == [other]
