"""Logs of evaluations have what the history has, also after a kill, and are found by flags."""

import csv
import json
import subprocess
import sys

import numpy as np
import pytest

import grokjax
from grokjax import Config, Sweep
from grokjax.cli import main
from grokjax.interop import CsvLog, TensorBoardLog, WandbLog
from tests.conftest import TINY, flags
from tests.training.test_resume import stop_after

SWEEP = Sweep(Config(**TINY), weight_decay=[0.5, 1.0], seed=range(2))


def train(out, log, **how):
    return grokjax.train(SWEEP, out, on_evaluation=log, devices=1, progress=False, **how)


def rows_of(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_csv_has_every_evaluation_once_also_after_a_kill_within_a_line(tmp_path, monkeypatch):
    out = tmp_path / "run"
    stop_after(monkeypatch, rounds=5)
    with pytest.raises(grokjax.Interrupted):
        train(out, CsvLog())
    monkeypatch.undo()
    with (out / "evaluations.csv").open("a") as file:
        file.write("1,6,0.5,1,after the checkpoint\n3,2,1.0,")
    run = grokjax.resume(out, devices=1, progress=False, on_evaluation=CsvLog())
    rows = rows_of(out / "evaluations.csv")
    keys = [(int(row["member"]), int(row["epoch"])) for row in rows]
    assert len(keys) == len(set(keys)) == 16
    assert list(rows[0])[:4] == ["member", "epoch", "weight_decay", "seed"]
    assert "embedding_power" not in rows[0], "which is many numbers"
    for row, (member, epoch) in zip(rows, keys, strict=True):
        if row["train_loss"] == "after the checkpoint":
            continue
        assert float(row["weight_decay"]) == run.sweep[member].weight_decay
        there = run.history.sel(member=member).isel(eval=epoch // 2)
        np.testing.assert_allclose(float(row["test_loss"]), there.test_loss, rtol=1e-5)


def test_a_csv_of_other_columns_is_kept_aside(tmp_path):
    path = tmp_path / "log.csv"
    path.write_text("a,b\n1,2\n")
    train(tmp_path / "run", CsvLog(path))
    assert len(rows_of(path)) == 16
    assert (tmp_path / "log-old.csv").read_text() == "a,b\n1,2\n"


def test_tensorboard_reads_every_evaluation_and_setting(tmp_path):
    pytest.importorskip("tensorboard")
    run = train(tmp_path / "run", TensorBoardLog(most_members=3))
    # In a process of its own: its library warns of its own imports.
    code = """
import json, pathlib, sys
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
found = {}
for folder in pathlib.Path(sys.argv[1]).iterdir():
    read = EventAccumulator(str(folder)).Reload()
    scalars = {t: [(e.step, e.value) for e in read.Scalars(t)] for t in read.Tags()["scalars"]}
    settings = read.summary_metadata["_hparams_/session_start_info"].plugin_data.content
    found[folder.name] = scalars, "weight_decay" in settings.decode("latin-1")
print(json.dumps(found))
"""
    folder = run.directory / "tensorboard"
    read = subprocess.run([sys.executable, "-c", code, folder], capture_output=True, check=True)
    found = json.loads(read.stdout)
    names = ["member 0 weight_decay=0.5 seed=0", "member 1 weight_decay=0.5 seed=1"]
    assert sorted(found) == [*names, "member 2 weight_decay=1.0 seed=0"]
    scalars, has_settings = found[names[1]]
    assert has_settings
    assert "layer_norm" not in scalars
    expected = run.history.test_loss.sel(member=1).values
    np.testing.assert_array_equal(scalars["test_loss"], [*zip((0, 2, 4, 6), expected, strict=True)])


def test_wandb_has_curves_and_summaries_without_a_network(tmp_path):
    pytest.importorskip("wandb")
    code = """
import sys
from grokjax.interop import WandbLog
from tests.interop.test_logs import train
for per in ("group", "member"):
    train(f"{sys.argv[1]}/{per}/run", WandbLog("my project", per=per, mode="offline"))
"""
    # In a process of its own: the library starts threads and another process.
    command = [sys.executable, "-c", code, str(tmp_path)]
    ran = subprocess.run(command, capture_output=True, text=True)
    assert not ran.returncode, ran.stderr
    assert "failed" not in ran.stderr
    for per, runs, curve in (("group", 1, b"member 3/test_loss"), ("member", 4, b"test_loss")):
        files = sorted((tmp_path / per / "wandb").glob("offline-run-*/*.wandb"))
        assert len(files) == runs
        content = b"".join(file.read_bytes() for file in files)
        assert content.count(curve) >= 4
        assert b"not memorised" in content
        assert b"my project" in content
        run = grokjax.load(tmp_path / per / "run")  # no link leads out of it
        assert len((run.directory / "wandb-id").read_text()) == 12


def test_a_missing_library_is_refused_with_the_extra_that_has_it(monkeypatch):
    for log, library in ((TensorBoardLog, "tensorboard"), (WandbLog, "wandb")):
        monkeypatch.setitem(sys.modules, library, None)
        message = f"Log needs {library}; install grokjax's extra {library}, python -m pip install"
        with pytest.raises(grokjax.ConfigError, match=message):
            log()


def test_the_flag_logs_where_it_says(tmp_path, capsys):
    pytest.importorskip("tensorboard")
    words = ["train", "--out", str(tmp_path / "run"), *flags(), "--seeds", "1", "--quiet"]
    assert main.main([*words, "--log-to", "csv", "tensorboard"]) == 0
    assert len(rows_of(tmp_path / "run" / "evaluations.csv")) == 4
    assert [p.name for p in (tmp_path / "run" / "tensorboard").iterdir()] == ["member 0 seed=0"]
    assert main.main([*words, "--log-to", "paper"]) == 2
    assert "log_to must be one of csv, tensorboard, wandb" in capsys.readouterr().err
