"""`grokjax compare`: tables, the page and the figure."""

import re

import numpy as np
import pandas as pd
import pytest

import grokjax
from grokjax import Config, Sweep
from grokjax.analysis.comparison import compare_times
from grokjax.analysis.run_comparison import compare_runs
from grokjax.analysis.times import events
from grokjax.cli import main
from grokjax.report import comparison_page
from grokjax.report.comparison_page import draw_comparison, settings_table
from tests.conftest import TINY
from tests.results.test_selection import refusal

EASY = Config(**TINY | {"learnt_accuracy": 0.12, "stop_patience": 1})


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two runs with the same axis, whose members learn the test split sooner or later."""
    folder = tmp_path_factory.mktemp("compared")
    sweeps = {
        "fast": Sweep(EASY, weight_decay=[0.0, 1.0], seed=range(3)),
        "slow": Sweep(EASY.replace(learning_rate=1e-4), weight_decay=[0.0, 1.0], seed=range(3)),
    }
    return grokjax.concat(
        [grokjax.train(sweep, folder / name, progress=False) for name, sweep in sweeps.items()]
    )


def test_runs_are_compared_where_their_settings_agree(runs):
    table = compare_runs(runs)
    assert list(table.index.names) == ["weight_decay", "run"]
    assert table.index.tolist() == [(d, label) for d in (0.0, 1.0) for label in ("fast", "slow")]
    grokked, members = events(runs).grokked, runs.members
    for decay in (0.0, 1.0):
        rows = {
            label: np.flatnonzero((members["run"] == label) & (members["weight_decay"] == decay))
            for label in ("fast", "slow")
        }
        seeds = {n: members[["seed", "data_seed"]].to_numpy()[r] for n, r in rows.items()}
        one = compare_times({n: grokked[r] for n, r in rows.items()}, seeds=seeds)
        found = table.loc[decay].drop(columns="p_holm")
        pd.testing.assert_frame_equal(found, one.drop(columns="p_holm"), check_names=False)
    assert set(np.isfinite(events(runs).grokked.epochs)) == {True, False}
    assert (table.p_holm.dropna() >= table.p.dropna()).all()


def test_runs_whose_settings_agree_nowhere_are_compared_as_wholes(runs, tmp_path, monkeypatch):
    """As those of a search, of which each member has settings of its own."""
    other = Sweep(EASY, weight_decay=[0.1, 2.0], seed=range(3))
    grokjax.train(other, tmp_path / "slow", progress=False)
    apart = grokjax.concat([runs.runs["fast"], tmp_path / "slow"])
    table = compare_runs(apart)
    assert table.index.tolist() == ["fast", "slow"]
    assert table["members"].tolist() == [6, 6]
    assert np.isfinite(table.p["slow"])
    grokked = events(runs).grokked
    assert len(legend_of(draw_comparison(runs, grokked))) == 4
    monkeypatch.setattr(comparison_page, "MOST_CURVES", 3)
    assert [text.partition(":")[0] for text in legend_of(draw_comparison(runs, grokked))] == [
        "fast",
        "slow",
    ]


def legend_of(fig):
    """Return the texts of the longest legend, which names the curves."""
    legends = [*fig.legends, *(ax.get_legend() for ax in fig.axes if ax.get_legend())]
    return max(([text.get_text() for text in each.get_texts()] for each in legends), key=len)


def test_settings_that_differ_are_listed_with_the_values_of_each_run(runs):
    table = settings_table(runs)
    assert table.columns == ["setting", "fast", "slow"]
    assert table.rows == [["learning rate", "0.01", "0.0001"]]
    assert settings_table(runs.select(weight_decay=1.0).select(run="fast")).rows == []


def test_the_command_prints_tables_and_writes_a_page_and_a_figure(runs, tmp_path, capsys):
    page = tmp_path / "new" / "two.html"
    directories = [str(run.directory) for run in runs.runs.values()]
    words = ["compare", *directories, "--labels", "new <b>", "old", "--out", str(page)]
    assert main.main([*words, "--figures", "svg"]) == 0
    said = capsys.readouterr().out
    lines = said.splitlines()
    assert re.match(r"run +weight decay +learning rate +seeds +memorised +at epoch +grokked", said)
    firsts = [line.split()[:2] for line in lines[1:5]]
    assert firsts == [["new", "<b>"], ["new", "<b>"], ["old", "0"], ["old", "1"]]
    assert any(line.split() == ["learning", "rate", "0.01", "0.0001"] for line in lines)
    assert any(re.match(r"weight decay +run +reached +median \(95%\) +ratio", li) for li in lines)
    assert lines[-2].startswith(f"page: {page} (")
    assert lines[-1].startswith(f"figure: {tmp_path / 'new' / 'two.png'} (")
    text = page.read_text()
    assert "new &lt;b&gt;" in text
    assert "new <b>" not in text
    assert not re.search(r'(src|href)="(?!data:|#)', text)
    figures = sorted(path.name for path in (tmp_path / "new" / "figures").iterdir())
    assert figures == ["learning-1.svg", "learning-2.svg", "runs-1.svg"]


def test_refusals(runs, tmp_path, capsys):
    one = next(iter(runs.runs.values()))
    said = refusal(grokjax.report.compare, grokjax.concat([one]), tmp_path / "x.html")
    assert said == "compare: needs at least two runs; for one see grokjax report"
    assert "must end in .html" in refusal(grokjax.report.compare, runs, tmp_path / "x")
    assert main.main(["compare", str(one.directory), str(tmp_path / "none")]) == 2
    assert "holds no run" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
