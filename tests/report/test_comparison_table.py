"""The table that compares the values of a swept setting, and how the page shows it."""

from grokjax.analysis.comparison import compare_settings, comparison_texts
from grokjax.report.comparison_table import comparison_table
from grokjax.report.section import Section
from grokjax.report.template import render
from tests.analysis.test_comparison import run_of
from tests.plots.helpers import swept
from tests.report.pages import Page


def test_it_has_a_row_for_each_combination_and_names_the_reference():
    run = run_of(swept(seeds=6, weight_decay=[0.5, 1.0], learning_rate=[0.1, 0.2]))
    table = comparison_table(run, "weight_decay")
    assert table.columns[:3] == ["learning rate", "weight decay", "reached"]
    found = compare_settings(run, "weight_decay").loc[(0.1, 0.5)]
    text = comparison_texts(found.to_frame().T)["ratio (95%)"].item()
    assert text.startswith(f"{found.ratio:.2f} (")
    median = [f"{found[n]:.0f}" for n in ("median", "median_low", "median_high")]
    median = "{} ({} to {})".format(*median).replace("nan", "not reached")
    tests = [f"{found[name]:.3f}" for name in ("p", "p_holm")]
    counts = f"{found.reached} of {found.members}"
    assert table.rows[0] == ["0.1", "0.5", counts, median, text, *tests]
    assert table.rows[1][-3:] == ["-", "-", "-"], "weight decay 1 is the run's own"


def test_there_is_none_without_several_seeds_or_with_too_many_rows():
    assert comparison_table(run_of(swept(seeds=1, weight_decay=[0.5, 1.0])), "weight_decay") is None
    many = run_of(swept(seeds=2, weight_decay=range(41)))
    assert comparison_table(many, "weight_decay") is None
    run = run_of(swept(seeds=2, weight_decay=[0.5, 1.0]))
    run.history["test_accuracy"] *= 0
    assert comparison_table(run, "weight_decay") is None


def test_the_page_shows_a_sections_table():
    run = run_of(swept(seeds=4, weight_decay=[0.5, 1.0]))
    section = Section(
        "sweep", "Against the settings", "", tables=[comparison_table(run, "weight_decay")]
    )
    empty = dict.fromkeys(
        ("subtitle", "written", "unfinished", "notices", "tiles", "save_command", "save_call"), ""
    )
    empty |= {key: [] for key in ("columns", "rows", "settings", "environment", "members_json")}
    by_setting = {"text": "", "columns": [], "rows": []}
    text = render(
        "page.html", title="x", sections=[section.render()], by_setting=by_setting, **empty
    )
    shown = Page(text)
    assert [t["aria-label"] for t in shown.all("div") if "aria-label" in t] == [
        "Against the settings, table",
        "All members, table",
    ]
    assert '<td class="number">0.5</td>' in text
    assert "p, Holm</th>" in text
    assert "95% of 2,000 draws of seeds" in text
