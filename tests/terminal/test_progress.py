import io
from collections import Counter

import pytest

from grokjax.config.config import Config
from grokjax.storage.member_state import Outcome, StopState
from grokjax.training.progress import Progress, duration
from grokjax.training.progress_counts import ProgressCounts


@pytest.fixture
def clock(monkeypatch):
    now = [1000.0]
    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    return now


def test_a_plain_line_shows_counts_rate_and_time(clock):
    stream = io.StringIO()
    progress = Progress(stream=stream)
    counts = ProgressCounts(10, running=4, rounds=1, epochs=80, steps=1000)
    with progress:
        clock[0] += 7
        progress.update(counts)
        counts.rounds, counts.epochs, counts.steps = 11, 880, 11_000
        counts.ended, counts.memorised = Counter({"grokked": 2, "not memorised": 1}), 3
        counts.remaining_epochs, counts.busy_seconds, counts.lane_seconds = 400, 39.0, 40.0
        clock[0] += 10
        progress.update(counts)
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


def test_remaining_epochs_are_estimated_from_finished_members(clock):
    """Not from max_epochs: the display once said two hours for a run of ten minutes."""
    config = Config(eval_every=20, max_epochs=20_000)
    counts = ProgressCounts(5, running=3)
    counts.estimate_remaining([800, 800, 800], config)
    assert counts.remaining_epochs is None
    counts.add_ended(Outcome("grokked", 1000, StopState()))
    counts.add_ended(Outcome("diverged", 40, StopState()))
    counts.members, counts.running = 6, 3
    counts.estimate_remaining([800, 800, 0], config)  # and one is pending
    assert (counts.remaining_epochs, counts.lower_bound) == (200 + 200 + 520 + 520, False)
    counts.estimate_remaining([800, 1000, 1200], config)
    assert (counts.remaining_epochs, counts.lower_bound) == (200 + 20 + 20 + 520, True)
    fixed = Config(eval_every=20, max_epochs=3000, stop_when="never")
    never = ProgressCounts(4, running=2)
    never.estimate_remaining([800, 1000], fixed)
    assert (never.remaining_epochs, never.lower_bound) == (2200 + 2000 + 2 * 3000, False)


def test_no_rate_and_no_time_left_before_a_second_round(clock):
    """A resumed program that ended in one round said `0 member-steps/s ... 16m07s left`."""
    stream = io.StringIO()
    counts = ProgressCounts(8, running=4, rounds=1, epochs=80, steps=1000, remaining_epochs=400)
    with Progress(stream=stream) as progress:
        progress.update(counts)
        clock[0] += 20  # the next program compiles
        progress.exclude(19)
        progress.update(counts)
        assert progress.rate is None
        counts.rounds, counts.epochs, counts.steps = 2, 160, 2000
        clock[0] += 19
        progress.update(counts)
    first, second, third = stream.getvalue().splitlines()
    assert first.endswith("| round 1, 80 epochs | 0s elapsed")
    assert second.endswith("| round 1, 80 epochs | 20s elapsed")
    assert third.endswith("| 50 member-steps/s | 39s elapsed, about 1m40s left")


def test_plain_lines_are_limited_in_rate(clock):
    stream = io.StringIO()
    with Progress(stream=stream) as progress:
        for _ in range(100):
            clock[0] += 1
            progress.update(ProgressCounts(1, rounds=1))
        progress.update(ProgressCounts(1, rounds=1), last=True)
    assert len(stream.getvalue().splitlines()) == 11


def test_disabled_is_silent():
    stream = io.StringIO()
    with Progress(enabled=False, stream=stream) as progress:
        progress.print_line("hello")
        progress.update(ProgressCounts(1), last=True)
    assert stream.getvalue() == ""


@pytest.mark.parametrize(("seconds", "text"), [(59.4, "59s"), (75, "1m15s"), (7300, "2h01m")])
def test_duration(seconds, text):
    assert duration(seconds) == text


def test_a_reused_progress_starts_over():
    progress = Progress(enabled=False)
    for steps in (10**6, 10):
        with progress:
            assert progress.rate is None
            progress.update(ProgressCounts(1, rounds=1, steps=steps, epochs=1))
            progress.update(ProgressCounts(1, rounds=2, steps=2 * steps, epochs=2))
            assert progress.rate is not None
            assert progress.rate > 0
