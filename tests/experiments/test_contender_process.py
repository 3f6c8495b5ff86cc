"""A contender's process reports the time of each slice of training."""

import sys

import pytest

from tests.experiments.test_experiments import SCRIPTS

sys.path.insert(0, str(SCRIPTS))
from rivals import contender_process


class Wire:
    """One end of a pipe whose other end asks for slices of 0 seconds, then stops."""

    def __init__(self, slices):
        self.sent, self.requests = [], [*[0.0] * slices, None]

    def send(self, message):
        self.sent.append(message)

    def recv(self):
        return self.requests.pop(0)


def test_a_slice_excludes_the_first_two_units(monkeypatch):
    clock = iter([5.0, 6.0, 6.0, 8.0, 8.5, 10.5])
    monkeypatch.setattr(contender_process.time, "perf_counter", lambda: next(clock))
    wire = Wire(slices=2)
    tick = contender_process.SliceTimer(wire, start=0.0)
    tick(100)  # compiles and trains until 5.0
    tick(100)  # until 6.0: a unit takes 1, so compiling took 4
    tick(100)  # from 6.0 to 8.0
    with pytest.raises(contender_process.Stopped):
        tick(100)  # from 8.5 to 10.5
    compiling, first, second = wire.sent
    assert compiling == 4.0
    assert (first.steps, first.seconds) == (second.steps, second.seconds) == (100, 2.0)
    assert first.peak > 10
