import jax
import pytest

from grokjax import Config, ConfigError, Sweep
from grokjax.results.networks import Networks
from grokjax.runtime import devices
from grokjax.training import lane_count, preflight

FOUR = jax.devices()


@pytest.mark.parametrize(
    ("wanted", "available", "members", "expected"),
    [
        ("auto", 2, 64, (2, 2)),  # one a core
        ("auto", 4, 3, (3, 3)),  # the fourth device would only idle
        ("auto", 4, 1, (1, 1)),
        (3, 4, 64, (3, 3)),
        (1, 2, 64, (1, 1)),
        (1000, 2, 5000, (2, 2)),  # one a CPU device, whatever is asked for
    ],
)
def test_lanes(wanted, available, members, expected):
    number, used = lane_count.choose_lanes(wanted, FOUR[:available], members)
    assert (number, len(used)) == expected


@pytest.mark.parametrize(
    ("wanted", "available", "members", "expected"),
    [
        ("auto", 2, 64, (64, 2)),
        ("auto", 2, 3, (4, 2)),  # padded: lanes are a multiple of the devices
        ("auto", 4, 1, (2, 1)),  # never a lone lane, and no idle device
        (7, 2, 64, (8, 2)),  # not divisible: rounded up, not refused
    ],
)
def test_lanes_of_accelerators(monkeypatch, wanted, available, members, expected):
    monkeypatch.setattr(devices, "on_cpu", lambda _: False)
    number, used = lane_count.choose_lanes(wanted, FOUR[:available], members)
    assert (number, len(used)) == expected


@pytest.mark.parametrize("wanted", [0, -1, "many", ""])
def test_bad_lanes_are_refused(wanted):
    with pytest.raises(ConfigError, match="lanes must be auto or a whole number of at least 1"):
        lane_count.choose_lanes(wanted, FOUR, 8)


def test_disk_space_is_measured_in_the_nearest_existing_folder(tmp_path, monkeypatch):
    needed = [1]
    monkeypatch.setattr(preflight, "_bytes_to_write", lambda *_: needed[0])
    sweep, networks = Sweep(Config()), Networks([])
    preflight.check_disk(tmp_path / "not" / "yet" / "there", sweep, networks)
    needed[0] = 10**18
    with pytest.raises(ConfigError, match="B free; this run needs about 1,000 PB"):
        preflight.check_disk(tmp_path, sweep, networks)
