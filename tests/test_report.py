"""The page of a run: whole, self-contained, escaped, also while the run goes on."""

import base64
import dataclasses
import io
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

import grokjax
from grokjax import files, plots, report
from grokjax.analysis.survey import survey
from grokjax.cli import main
from grokjax.progress import Progress

VOID = {"source", "meta", "br", "img", "input", "hr", "link", "line", "path", "col"}


class Page(HTMLParser):
    """The elements of a page, with their attributes, and that they are closed in order."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open, self.data, self.rows = [], [], None, []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append((tag, dict(attributes)))
        if tag == "tr" and ("table", {"id": "table"}) in self.open:
            self.rows.append([])

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop()[0] == tag

    def handle_data(self, text):
        if not self.open:
            return
        tag, attributes = self.open[-1]
        if tag == "script" and attributes.get("id") == "members":
            self.data = json.loads(text)
        elif text.strip() and self.rows and any(tag == "tbody" for tag, _ in self.open):
            self.rows[-1].append(text.strip())

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def page(directory, out=None):
    return Page(report.write(directory, out).read_text())


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """Two moduli, two learning rates, of which one diverges."""
    from tests.conftest import TINY

    config = grokjax.Config(**TINY)
    sweep = grokjax.Sweep(config, modulus=[5, 7], learning_rate=[0.01, 1e30], weight_decay=[0, 1])
    return grokjax.train(sweep, tmp_path_factory.mktemp("report") / "run", progress=False)


@pytest.fixture(scope="module")
def whole(finished):
    return page(finished.directory)


def test_every_member_is_in_the_table_and_in_the_data(finished, whole):
    rows = [row for row in whole.rows if row and row[0].isdigit() and row[1] != "0"]
    members = finished.members
    assert [int(row[0]) for row in rows[: len(members)]] == members.index.tolist()
    assert [row[1] for row in rows[: len(members)]] == members["status"].tolist()
    data = whole.data["members"]
    assert [each["member"] for each in data] == members.index.tolist()
    assert whole.data["epochs"] == [0, 2, 4, 6]
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


def test_it_needs_no_network_and_no_other_file(finished, whole):
    for tag, attributes in whole.elements:
        for name in ("src", "srcset", "href"):
            if name in attributes:
                allowed = ("data:", "#")
                assert attributes[name].startswith(allowed), (tag, attributes[name][:80])
    text = (finished.directory / "report.html").read_text()
    addresses = set(re.findall(r"https?://[^\s\"'<)]+", text))
    assert addresses <= {"http://www.w3.org/2000/svg"}
    policy = [a["content"] for a in whole.all("meta") if "http-equiv" in a]
    assert "default-src 'none'" in policy[0]
    assert "@import" not in text


def test_pictures_have_words_and_each_shape_its_own(finished, whole):
    text = (finished.directory / "report.html").read_text()
    images = whole.all("img")
    assert all(image["alt"] for image in images)
    words = [image["alt"] for image in images]
    assert "Accuracy and loss against epochs" in words
    assert {"Time to memorise against modulus", "Time to grok against modulus"} <= set(words)
    assert not any("Median epoch" in each for each in words), "it would pool the third setting"
    assert "a + b mod 5; a + b mod 7: 2 values of modulus" in text
    ids = [attributes["id"] for _, attributes in whole.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {"learning", "sweep", "learnt-0", "learnt-1", "machine"} <= set(ids)


def test_figures_are_there_for_phones_too(whole):
    sources, images = whole.all("source"), whole.all("img")
    assert len(sources) == len(images) > 10
    for source, image in zip(sources, images, strict=True):
        assert source["srcset"].startswith("data:image/png")
        assert "max-width" in source["media"]
        assert int(source["width"]) < 400 < int(image["width"])


def test_small_figures_keep_the_colour_of_a_short_line():
    """Among gradients, which the palette of a smaller file would spend itself on."""
    from grokjax.report.figures import Section

    def draw():
        fig, ax = plots.figure()
        ax.imshow(np.arange(10_000.0).reshape(100, 100))
        ax.plot([5, 8], [50, 50], color="#ff0000", linewidth=4)
        return fig

    section = Section("colours", "", "")
    section.add(draw, "a line")
    source = section.rendered()["figures"][0]["src"]
    image = Image.open(io.BytesIO(base64.b64decode(source.partition(",")[2]))).convert("RGB")
    away = np.abs(np.asarray(image).astype(int) - [255, 0, 0]).max(axis=-1)
    assert np.sum(away < 12) > 20


def test_what_is_swept_has_a_row_each_and_no_tile_pools_it(finished):
    text = (finished.directory / "report.html").read_text()
    table = text[text.index('id="by-setting"') :]
    rows = re.findall(r"<tr>(.*?)</tr>", table[: table.index("</table>")], re.DOTALL)
    cells = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in rows]
    assert cells[0][:5] == ["modulus", "learning rate", "weight decay", "seeds", "memorised"]
    assert [row[:4] for row in cells[1:3]] == [["5", "0.01", "0", "1"], ["5", "0.01", "1", "1"]]
    assert len(cells) == 9
    tiles = text[text.index('<dl class="tiles">') : text.index('id="by-setting"')]
    assert "median" not in tiles


def test_labels_follow_the_settings(whole, tmp_path, monkeypatch):
    """The loss of a member, its steps an epoch, and what its spectrum is of."""
    from grokjax.engine import Engine

    assert {each["loss"] for each in whole.data["members"]} == {"cross-entropy"}
    assert whole.data["members"][0]["epoch"] == "epoch (2 steps)"
    monkeypatch.setattr(Engine, "run", lambda *_: None)  # nothing is trained
    sweep = grokjax.Sweep(grokjax.Config(embed_dim=0), loss=["mse", "stablemax"])
    grokjax.train(sweep, tmp_path / "run", progress=False)
    other = page(tmp_path / "run")
    losses = [each["loss"] for each in other.data["members"]]
    assert losses == ["mean squared error", "stablemax cross-entropy"]
    assert other.data["members"][0]["table"] == "first-layer weights"
    titles = [head.get("title") or "" for head in other.all("th")]
    assert "last logged: loss" in titles
    assert not any("cross-entropy" in title for title in titles)


def test_every_figure_can_be_a_file(finished, tmp_path, capsys):
    text = (finished.directory / "report.html").read_text()
    assert "report " in text
    assert "--figures pdf" in text
    out = tmp_path / "page.html"
    assert main(["report", str(finished.directory), "--out", str(out), "--figures", "svg"]) == 0
    found = sorted((tmp_path / "figures").glob("*.svg"))
    assert len(found) == len(Page(out.read_text()).all("img"))
    assert all(path.read_text().startswith("<?xml") for path in found)
    with pytest.raises(grokjax.ConfigError, match="figures: 'gif' is not allowed; it must be one"):
        report.write(finished.directory, tmp_path / "other.html", figures="gif")
    assert not (tmp_path / "other.html").exists()
    assert "figures" in capsys.readouterr().out


class StopAfter(Progress):
    """Ends a run as a user would, after some rounds."""

    def __init__(self, rounds):
        super().__init__(False)
        self._left = rounds

    def update(self, tally, last=False):
        super().update(tally, last)
        self._left -= 1
        if self._left == 0:
            raise KeyboardInterrupt


def stopped(tiny, directory):
    """A run that was ended before its first checkpoint."""
    sweep = grokjax.Sweep(dataclasses.replace(tiny, max_epochs=40), seed=range(6))
    with pytest.raises(KeyboardInterrupt):
        grokjax.train(sweep, directory, lanes=2, progress=StopAfter(2))
    return directory


def test_a_run_that_is_not_over(tiny, tmp_path):
    """Nobody has parameters yet; the page is there all the same."""
    directory = stopped(tiny, tmp_path / "run")
    whole = page(directory)
    text = (directory / "report.html").read_text()
    assert "The run is not over: " in text
    assert "no parameters saved yet" in text
    assert len(whole.data["members"]) == 6
    assert all("spectrum" not in each for each in whole.data["members"])


def test_a_run_that_has_logged_nothing(tiny, tmp_path, monkeypatch):
    """Killed while it compiled: there is a config.json and no more."""
    from grokjax.engine import Engine

    def killed(self, go_on):
        raise KeyboardInterrupt

    monkeypatch.setattr(Engine, "run", killed)
    with pytest.raises(KeyboardInterrupt):
        grokjax.train(grokjax.Sweep(tiny, seed=[0, 1]), tmp_path / "run", progress=False)
    assert grokjax.load(tmp_path / "run").history.train_loss.shape == (2, 0)
    assert main(["report", str(tmp_path / "run")]) == 0
    data = Page((tmp_path / "run" / "report.html").read_text()).data
    assert [each["facts"][0] for each in data["members"]] == [["status", "pending"]] * 2


def test_a_run_in_which_all_diverge_at_once(tiny, tmp_path, capsys):
    """Nothing to draw; training, its last picture and the page still end well."""
    out = str(tmp_path / "run")
    small = (
        "--modulus",
        "5",
        "--embed-dim",
        "1",
        "--hidden-dim",
        "2",
        "--max-epochs",
        "20",
        "--seeds",
        "1",
    )
    assert main(["train", "--out", out, "--init-scale", "1e30", *small, "--quiet"]) == 0
    assert main(["report", out]) == 0
    assert "1 diverged" in capsys.readouterr().out


def test_hostile_names_are_text(tiny, tmp_path):
    """A directory may be called anything; so may settings that another wrote by hand."""
    directory = stopped(tiny, tmp_path / "<img src=x onerror=alert(1)>")
    scripts = len(page(directory).all("script"))
    info = json.loads((directory / "config.json").read_text())
    info["recipe"] = "</script><script>alert(1)</script>"
    info["environment"]["python"] = '"><script>alert(2)</script>'
    with files.listing(directory, "config.json") as path:
        path.write_text(json.dumps(info))
    text = report.write(directory).read_text()
    whole = Page(text)
    assert "<script>alert" not in text
    assert not any("onerror" in attributes for _, attributes in whole.elements)
    assert len(whole.all("script")) == scripts


def test_the_page_stays_small_with_many_members():
    """The curves of a member are thinned, the last evaluation kept."""
    from grokjax.report.members import kept_evaluations

    assert kept_evaluations(50, 8).tolist() == list(range(50))
    many = kept_evaluations(1001, 1000)
    assert len(many) == 60
    assert (many[0], many[-1]) == (0, 1000)
    assert len(kept_evaluations(1001, 10)) == 160
    assert len(kept_evaluations(1001, 100_000)) == 40


def test_the_command(tiny, tmp_path, capsys):
    directory = stopped(tiny, tmp_path / "run")
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
