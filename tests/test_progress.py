import io
from collections import Counter

import pytest

from grokjax.progress import Progress, Tally, duration


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    return now


def test_a_plain_line_says_what_how_far_how_fast_and_how_long(clock):
    stream = io.StringIO()
    progress = Progress(stream=stream)
    tally = Tally(10, training=4, rounds=1, epochs=80, steps=1000, remaining_epochs=1000)
    with progress:
        clock[0] += 7
        progress.update(tally)
        tally.rounds, tally.epochs, tally.steps = 11, 880, 11_000
        tally.ended, tally.memorised, tally.remaining_epochs = (
            Counter({"grokked": 2, "not memorised": 1}),
            3,
            400,
        )
        tally.ended_epochs, tally.busy_time, tally.lane_time = 300, 39.0, 40.0
        clock[0] += 10
        progress.update(tally)
    first, second = stream.getvalue().splitlines()
    assert first == "0/10 members: 4 training, 6 waiting | round 1, 80 epochs | 7s elapsed"
    # 10 000 steps and 800 epochs in 10 s: 400 epochs more are 5 s.
    assert second == (
        "3/10 members: 2 grokked, 1 not memorised, 4 training (3 memorised), 3 waiting | "
        "round 11, 880 epochs | 1,000 member-steps/s, lanes 97.5% busy | 17s elapsed, ~5s left"
    )


def test_plain_lines_are_not_a_flood(clock):
    stream = io.StringIO()
    with Progress(stream=stream) as progress:
        for _ in range(100):
            clock[0] += 1
            progress.update(Tally(1, rounds=1))
        progress.update(Tally(1, rounds=1), last=True)
    assert len(stream.getvalue().splitlines()) == 11


def test_a_terminal_gets_a_live_bar_and_a_last_line():
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    stream = Terminal()
    tally = Tally(2, training=2, rounds=3, epochs=60, remaining_epochs=60)
    with Progress(stream=stream) as progress:
        progress.say("compiling")
        progress.update(tally)
        progress.update(tally, last=True)
    shown = stream.getvalue()
    assert "compiling" in shown
    assert "2 training" in shown


def test_disabled_is_silent():
    stream = io.StringIO()
    with Progress(enabled=False, stream=stream) as progress:
        progress.say("hello")
        progress.update(Tally(1), last=True)
    assert stream.getvalue() == ""


@pytest.mark.parametrize(("seconds", "text"), [(59.4, "59s"), (75, "1m15s"), (7300, "2h01m")])
def test_duration(seconds, text):
    assert duration(seconds) == text
