"""Pages of runs that are not finished or have nothing to draw."""

import pytest

import grokjax
from grokjax.cli.main import main
from grokjax.training.launch import Launch
from tests.report.pages import Page, train_and_interrupt, write_page


def test_a_run_without_parameters_has_a_page(tiny, tmp_path):
    directory = train_and_interrupt(tiny, tmp_path / "run")
    whole = write_page(directory)
    assert "The run is not over: " in whole.text
    assert "no parameters saved yet" in whole.text
    assert len(whole.data["members"]) == 6
    assert all("spectrum" not in each for each in whole.data["members"])


def test_a_run_that_logged_nothing_has_a_page(tiny, tmp_path, monkeypatch):
    """A run that was killed while it compiled has only its config.json."""

    def killed(self, resume_command):
        raise KeyboardInterrupt

    monkeypatch.setattr(Launch, "run", killed)
    with pytest.raises(KeyboardInterrupt):
        grokjax.train(grokjax.Sweep(tiny, seed=[0, 1]), tmp_path / "run", progress=False)
    assert grokjax.load(tmp_path / "run").history.train_loss.shape == (2, 0)
    assert main(["report", str(tmp_path / "run")]) == 0
    page = Page((tmp_path / "run" / "report.html").read_text())
    data = page.data
    assert "nan" not in page.text.lower().split()
    assert "nan%" not in page.text
    assert [each["facts"][0] for each in data["members"]] == [["status", "pending"]] * 2


def test_a_run_whose_members_all_diverge_has_a_page(tiny, tmp_path, capsys):
    out = str(tmp_path / "run")
    small = "--modulus 5 --embed-dim 1 --hidden-dim 2 --max-epochs 20 --seeds 1 --quiet"
    assert main(["train", "--out", out, "--init-scale", "1e30", *small.split()]) == 0
    assert main(["report", out]) == 0
    assert "1 diverged" in capsys.readouterr().out
