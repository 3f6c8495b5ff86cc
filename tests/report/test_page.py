"""The page is self-contained, complete and escaped."""

import json
import re

from grokjax.cli.main import main
from grokjax.storage import digests
from tests.report.pages import train_and_interrupt, write_page


def test_the_page_loads_no_other_file(finished_page):
    for tag, attributes in finished_page.elements:
        for name in ("src", "srcset", "href"):
            if name in attributes:
                allowed = ("data:", "#")
                assert attributes[name].startswith(allowed), (tag, attributes[name][:80])
    text = finished_page.text
    addresses = set(re.findall(r"https?://[^\s\"'<)]+", text))
    assert addresses <= {"http://www.w3.org/2000/svg"}
    policy = [a["content"] for a in finished_page.all("meta") if "http-equiv" in a]
    assert "default-src 'none'" in policy[0]
    assert "@import" not in text


def test_figures_have_alternative_texts_and_each_network_a_section(finished_page):
    images = finished_page.all("img")
    assert all(image["alt"] for image in images)
    alts = [image["alt"] for image in images]
    assert "Accuracy and loss against epochs" in alts
    assert {"Time to memorise against modulus", "Time to grok against modulus"} <= set(alts)
    assert not any("Median epoch" in alt for alt in alts), "it would pool the third setting"
    assert "a + b mod 5; a + b mod 7: 2 values of modulus" in finished_page.text
    ids = [attributes["id"] for _, attributes in finished_page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {"learning", "sweep", "learnt-0", "learnt-1", "machine"} <= set(ids)


def test_hostile_names_are_escaped(tiny, tmp_path):
    """A directory may have any name, and `config.json` may have been edited by hand."""
    directory = train_and_interrupt(tiny, tmp_path / "<img src=x onerror=alert(1)>")
    scripts = len(write_page(directory).all("script"))
    info = json.loads((directory / "config.json").read_text())
    info["recipe"] = "</script><script>alert(1)</script>"
    info["environment"]["python"] = '"><script>alert(2)</script>'
    with digests.write_listed(directory, "config.json") as path:
        path.write_text(json.dumps(info))
    whole = write_page(directory)
    assert "<script>alert" not in whole.text
    assert not any("onerror" in attributes for _, attributes in whole.elements)
    assert len(whole.all("script")) == scripts


def test_the_report_command(tiny, tmp_path, capsys):
    directory = train_and_interrupt(tiny, tmp_path / "run")
    assert main(["report", str(directory), "--out", str(tmp_path / "page.html")]) == 0
    captured = capsys.readouterr()
    assert f"report: {tmp_path / 'page.html'}" in captured.out
    assert "drawing 1 of" in captured.err
    taken = tmp_path / "taken"
    taken.touch()
    for words in (
        [tmp_path / "nothing"],
        [directory, "--out", tmp_path],
        [directory, "--out", taken / "a"],
    ):
        assert main(["report", *map(str, words)]) == 2
        assert capsys.readouterr().err.count("\n") == 1
