import io
from collections import Counter

import pytest

from grokjax.config import Config
from grokjax.progress import Progress, duration
from grokjax.stopping import Ended, Standing
from grokjax.tally import Tally


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    return now


def test_a_plain_line_says_what_how_far_how_fast_and_how_long(clock):
    stream = io.StringIO()
    progress = Progress(stream=stream)
    tally = Tally(10, running=4, rounds=1, epochs=80, steps=1000)
    with progress:
        clock[0] += 7
        progress.update(tally)
        tally.rounds, tally.epochs, tally.steps = 11, 880, 11_000
        tally.ended, tally.memorised = Counter({"grokked": 2, "not memorised": 1}), 3
        tally.remaining_epochs, tally.busy_time, tally.lane_time = 400, 39.0, 40.0
        clock[0] += 10
        progress.update(tally)
    first, second = stream.getvalue().splitlines()
    assert first == (
        "0/10 members ended | 4 running, 6 pending | round 1, 80 epochs | "
        "7s elapsed | time left unknown until a member ends"
    )
    # 10 000 steps and 800 epochs in 10 s: 400 epochs more are 5 s.
    assert second == (
        "3/10 members ended: 2 grokked, 1 not memorised | 4 running (3 memorised), 3 pending | "
        "round 11, 880 epochs | 1,000 member-steps/s, lanes 97.5% busy | 17s elapsed, about 5s left"
    )


def test_what_is_left_is_said_of_what_members_have_shown(clock):
    """Not of the budget: a run of ten minutes was said to take at most two hours."""
    config = Config(eval_every=20, max_epochs=20_000)
    tally = Tally(5, running=3)
    tally.look_ahead([800, 800, 800], config)
    assert tally.remaining_epochs is None
    tally.end(Ended("grokked", 1000, Standing()))
    tally.end(Ended("diverged", 40, Standing()))
    tally.members, tally.running = 6, 3
    tally.look_ahead([800, 800, 0], config)  # and one is pending
    assert (tally.remaining_epochs, tally.at_least) == (200 + 200 + 520 + 520, False)
    tally.look_ahead([800, 1000, 1200], config)
    assert (tally.remaining_epochs, tally.at_least) == (200 + 20 + 20 + 520, True)
    fixed = Config(eval_every=20, max_epochs=3000, stop_when="never")
    never = Tally(4, running=2)
    never.look_ahead([800, 1000], fixed)
    assert (never.remaining_epochs, never.at_least) == (2200 + 2000 + 2 * 3000, False)


def test_plain_lines_are_not_a_flood(clock):
    stream = io.StringIO()
    with Progress(stream=stream) as progress:
        for _ in range(100):
            clock[0] += 1
            progress.update(Tally(1, rounds=1))
        progress.update(Tally(1, rounds=1), last=True)
    assert len(stream.getvalue().splitlines()) == 11


def test_disabled_is_silent():
    stream = io.StringIO()
    with Progress(enabled=False, stream=stream) as progress:
        progress.say("hello")
        progress.update(Tally(1), last=True)
    assert stream.getvalue() == ""


@pytest.mark.parametrize(("seconds", "text"), [(59.4, "59s"), (75, "1m15s"), (7300, "2h01m")])
def test_duration(seconds, text):
    assert duration(seconds) == text


def test_a_progress_that_is_used_again_starts_over():
    progress = Progress(enabled=False)
    for steps in (10**6, 10):
        with progress:
            assert progress.rate is None
            progress.update(Tally(1, rounds=1, steps=steps, epochs=1))
            progress.update(Tally(1, rounds=2, steps=2 * steps, epochs=2))
            assert progress.rate is not None
            assert progress.rate > 0
