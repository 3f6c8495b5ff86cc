"""Members in the table and in the data of the page."""

import numpy as np
import pytest

import grokjax
from grokjax.analysis.survey import survey
from grokjax.report.members import shown_evaluations
from tests.conftest import TINY
from tests.report.pages import write_page


def test_every_member_is_in_the_table_and_in_the_data(finished, finished_page):
    rows = [row for row in finished_page.rows if row and row[0].isdigit() and row[1] != "0"]
    members = finished.members
    assert [int(row[0]) for row in rows[: len(members)]] == members.index.tolist()
    assert [row[1] for row in rows[: len(members)]] == members["status"].tolist()
    data = finished_page.data["members"]
    assert [each["member"] for each in data] == members.index.tolist()
    assert finished_page.data["epochs"] == [0, 2, 4, 6]
    last = finished.history.test_accuracy.values[0]
    np.testing.assert_allclose(data[0]["curves"]["test_accuracy"], last, rtol=5e-3)
    assert len(data[0]["spectrum"]) == 2
    assert sum(data[0]["spectrum"]) == pytest.approx(1, abs=1e-2)
    plane = survey(finished.of([0])).plane.values[0]  # [K, P, 2]
    assert data[0]["circles"]
    for circle in data[0]["circles"]:
        points = np.stack([circle["x"], circle["y"]], axis=1) / 100
        np.testing.assert_allclose(points, plane[circle["frequency"] - 1], atol=0.0051)
    diverged = members.index[members["status"] == "diverged"][0]
    assert len(data[diverged]["curves"]["train_loss"]) < 4


def test_labels_name_the_loss_the_steps_and_the_table(finished_page, tmp_path):
    """The loss of a member, its steps an epoch, and the table of its spectrum."""
    assert {each["loss"] for each in finished_page.data["members"]} == {"cross-entropy"}
    assert finished_page.data["members"][0]["epoch"] == "epoch (2 steps)"
    sweep = grokjax.Sweep(grokjax.Config(**TINY | {"embed_dim": 0}), loss=["mse", "stablemax"])
    grokjax.train(sweep, tmp_path / "run", progress=False)
    other = write_page(tmp_path / "run")
    losses = [each["loss"] for each in other.data["members"]]
    assert losses == ["mean squared error", "stablemax cross-entropy"]
    assert other.data["members"][0]["table"] == "first-layer weights"
    titles = [head.get("title") or "" for head in other.all("th")]
    assert "last logged: loss" in titles
    assert not any("cross-entropy" in title for title in titles)


def test_the_page_stays_small_with_many_members():
    """The page has fewer evaluations of each member, with the first and the last."""
    assert shown_evaluations(50, 8).tolist() == list(range(50))
    many = shown_evaluations(1001, 1000)
    assert len(many) == 60
    assert (many[0], many[-1]) == (0, 1000)
    assert len(shown_evaluations(1001, 10)) == 160
    assert len(shown_evaluations(1001, 100_000)) == 40
