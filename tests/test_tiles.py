"""The tiles of the report say what is known of times, and of whom."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import xarray as xr

from grokjax.analysis.timing import Events, Times
from grokjax.report.tiles import tiles
from tests.test_incidence import late_memorisers

NAN = float("nan")


def shown(found, swept=("seed",)):
    """The tiles of a run with these times: label to (value, note)."""

    class Run(SimpleNamespace):
        def __len__(self):
            return len(self.members)

    run = Run(
        members=pd.DataFrame({"status": found.grokked.end}),
        history=xr.Dataset(coords={n: ("member", np.arange(len(found.grokked))) for n in swept}),
        config=SimpleNamespace(stop_patience=3),
        rounds=pd.DataFrame(),
    )
    return {tile["label"]: (tile["value"], tile["note"]) for tile in tiles(run, found, [])}


def test_a_delay_is_that_of_those_who_grokked_and_says_how_many_did_not():
    value, note = shown(late_memorisers())["delay"]
    assert value == "830"
    assert "95% band of the median 780 to 880" in note
    assert "of the 6 that grokked; 12 of the 18 that memorised have not grokked (67%)" in note


def test_without_half_of_the_members_there_is_no_median():
    value, note = shown(late_memorisers())["grokked"]
    assert value == "6 of 18"
    assert note.startswith("33% of the members, so there is no median: 6 of 18 members, 12 reached")


def test_a_tile_names_the_rule_and_the_order_statistics():
    times = Times.of([20] * 10 + [140] * 8, 0, "stopped")
    value, note = shown(Events(times, times, times))["memorised"]
    assert value == "20"
    assert "quartiles 20 to 140; 95% band of the median 20 to 140; 18 of 18 members" in note
    assert "train accuracy of at least 99%, the first of 3 evaluations in a row" in note


def test_members_that_differ_in_more_than_their_seeds_have_no_common_median():
    pooled = shown(late_memorisers(), ("weight_decay", "seed"))
    assert pooled["memorised"][0] == "18 of 18"
    assert "median" not in pooled["memorised"][1]
    assert "delay" not in pooled


def test_nobody_grokked():
    times = Times.of(np.full(3, NAN), 60, "diverged")
    made = shown(Events(times, times, times))
    assert made["grokked"][0] == "0 of 3"
    assert "0%: 0 of 3 members, 3 diverged" in made["grokked"][1]
    assert "delay" in made
