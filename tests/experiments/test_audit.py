"""The audit of claims passes, and notices a changed text, a changed result, an unlisted number."""

import shutil
from pathlib import Path

import pytest

from experiments.audit import figures, stored
from experiments.audit.__main__ import main
from experiments.audit.documents import Document
from experiments.audit.registry import DOCUMENTS
from experiments.audit.texts import fraction, whole

ROOT = Path(__file__).parents[2]


@pytest.fixture
def copy(tmp_path):
    """The audited documents in a folder, and a function that changes one of them."""
    for name in DOCUMENTS:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tmp_path / name)

    def change(name, old, new):
        text = (tmp_path / name).read_text()
        assert text.count(old) == 1, old
        (tmp_path / name).write_text(text.replace(old, new))
        return main(["--root", str(tmp_path)])

    return change


def test_every_claim_is_what_the_stored_results_give(capsys):
    assert main([]) == 0, capsys.readouterr().out
    assert "NOT OK" not in capsys.readouterr().out


def test_a_changed_text_fails(copy, capsys):
    assert copy("experiments/README.md", "| 0.9 | 1 742 (1 564", "| 0.9 | 1 743 (1 564") == 1
    lines = [x for x in capsys.readouterr().out.splitlines() if "NOT OK" in x]
    assert len(lines) == 1
    assert "1 743 (1 564 to 1 852)" in lines[0]
    assert "1 742 (1 564 to 1 852)" in lines[0]


def test_a_sentence_that_is_gone_fails(copy, capsys):
    assert copy("experiments/README.md", "members did not grok within", "members did not") == 1
    assert "problem: experiments/README.md: occurs 0 times" in capsys.readouterr().out


def test_a_new_paragraph_with_numbers_needs_a_claim_or_a_reason(copy, capsys):
    heading = "## Circles (`circles.py`)\n"
    assert copy("experiments/README.md", heading, f"{heading}\nAll 17 are round.\n") == 1
    out = capsys.readouterr().out
    assert "no claim and no reason: experiments/README.md, Circles (`circles.py`): All 17" in out


def test_a_changed_result_fails(monkeypatch, tmp_path, capsys):
    shutil.copytree(stored.RESULTS, tmp_path / "results")
    path = tmp_path / "results" / "gromov.csv"
    table = stored.results("gromov").copy()
    table["test_50"] += 2
    table.to_csv(path, index=False)
    monkeypatch.setattr(stored, "RESULTS", path.parent)
    stored.results.cache_clear()
    try:
        assert main([]) == 1
    finally:
        stored.results.cache_clear()
    assert "NOT OK" in capsys.readouterr().out


def test_figures_are_drawn_from_the_stored_results(monkeypatch, tmp_path):
    shown = {path.stem for path in (ROOT / "experiments" / "figures").iterdir()}
    assert shown >= set(figures.FIGURES)
    few = {name: figures.FIGURES[name] for name in ("seeds", "phases_rates")}
    monkeypatch.setattr(figures, "FIGURES", few)
    assert main(["--figures", str(tmp_path)]) == 0
    assert {path.stem for path in tmp_path.iterdir()} == set(few)


def test_documents_are_read_as_blocks_and_tables():
    table = "| x | y | y |\n|---|---|---|\n| 1 | 2 | 3 |\n"
    text = f"# A\n\nOf 1 020, .5\nand 2.6e-5.\n\n```\n7\n```\n{table}"
    document = Document("a.md", text)
    assert [b.heading for b in document.blocks] == ["A", "A"]
    found = [text[a:b] for a, b in document.blocks[0].numbers()]
    assert found == ["1 020", ".5", "2.6e-5"]
    (row,) = document.table(("x", "y", "y"))
    assert {name: cell.text for name, cell in row.items()} == {"x": "1", "y": "2", "y 2": "3"}
    assert all(text[slice(*cell.span)] == cell.text for cell in row.values())
    with pytest.raises(LookupError, match="0 tables have the columns x"):
        document.table(("x",))


def test_numbers_are_written_as_the_documents_write_them():
    assert whole(12_345.4) == "12 345"
    assert whole(float("nan")) == "not reached"
    assert [fraction(x) for x in (0.99312, -0.031, 1.0, 0.0)] == [".993", "-.031", "1.000", ".000"]
