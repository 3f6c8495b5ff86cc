"""Tiles and the table by setting: what is known of times, and of which members."""

import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import xarray as xr

from grokjax.analysis.times import Events, Times
from grokjax.config.config import Config
from grokjax.report.summary import tiles
from tests.analysis.test_incidence import late_memorisers


def tiles_of(events, swept=("seed",)):
    """The tiles of a run with these times: label to (value, note)."""

    class Run(SimpleNamespace):
        def __len__(self):
            return len(self.members)

    run = Run(
        members=pd.DataFrame({"status": events.grokked.end}),
        history=xr.Dataset(coords={n: ("member", np.arange(len(events.grokked))) for n in swept}),
        config=Config(stop_patience=3),
        rounds=pd.DataFrame(),
    )
    return {tile["label"]: (tile["value"], tile["note"]) for tile in tiles(run, events, [])}


def test_the_delay_is_over_members_that_grokked_and_counts_the_others():
    value, note = tiles_of(late_memorisers())["delay"]
    assert value == "830"
    assert "95% band of the median 780 to 880" in note
    assert "of the 6 that grokked; 12 of the 18 that memorised have not grokked (67%)" in note


def test_there_is_no_median_if_fewer_than_half_grokked():
    value, note = tiles_of(late_memorisers())["grokked"]
    assert value == "6 of 18"
    assert note.startswith("33% of the members, so there is no median: 6 of 18 members, 12 reached")


def test_a_tile_states_the_definition_and_the_quartiles():
    times = Times.from_arrays([20] * 10 + [140] * 8, 0, "stopped")
    value, note = tiles_of(Events(times, times, times))["memorised"]
    assert value == "20"
    assert "quartiles 20 to 140; 95% band of the median 20 to 140; 18 of 18 members" in note
    assert "train accuracy of at least 99%, the first of 3 evaluations in a row" in note


def test_members_with_different_settings_have_no_common_median():
    pooled = tiles_of(late_memorisers(), ("weight_decay", "seed"))
    assert pooled["memorised"][0] == "18 of 18"
    assert "median" not in pooled["memorised"][1]
    assert "delay" not in pooled


def test_tiles_if_no_member_grokked():
    times = Times.from_arrays(np.full(3, np.nan), 60, "diverged")
    found = tiles_of(Events(times, times, times))
    assert found["grokked"][0] == "0 of 3"
    assert "0%: 0 of 3 members, 3 diverged" in found["grokked"][1]
    assert "delay" in found


def test_each_setting_has_a_row_and_no_tile_pools_settings(finished_page):
    text = finished_page.text
    table = text[text.index('id="by-setting"') :]
    rows = re.findall(r"<tr>(.*?)</tr>", table[: table.index("</table>")], re.DOTALL)
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in rows]
    assert cells[0][:5] == ["modulus", "learning rate", "weight decay", "seeds", "memorised"]
    assert [row[:4] for row in cells[1:3]] == [["5", "0.01", "0", "1"], ["5", "0.01", "1", "1"]]
    assert len(cells) == 9
    tiles = text[text.index('<dl class="tiles">') : text.index('id="by-setting"')]
    assert "median" not in tiles
