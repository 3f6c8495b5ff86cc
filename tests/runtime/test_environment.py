"""The environment of each session is recorded, compared and printed."""

import json

import jax
import pytest

import grokjax
from grokjax.cli import info
from grokjax.config.config import Config
from grokjax.report import page
from grokjax.runtime import environment
from grokjax.storage import digests, journal
from tests.conftest import TINY
from tests.training.test_resume import stop_after

FAST = "--xla_cpu_enable_fast_math=true"
CHANGED = f"jax 99.0 instead of {jax.__version__}, XLA_FLAGS {FAST} instead of none"


@pytest.fixture
def stopped(tmp_path, monkeypatch):
    """Return the directory of a run that was stopped after two rounds."""
    with monkeypatch.context() as patch:
        stop_after(patch, rounds=2)
        with pytest.raises(grokjax.Interrupted):
            grokjax.train(Config(**TINY), tmp_path / "run", progress=False)
    return tmp_path / "run"


def printed(directory, capsys):
    info.info(directory)
    return capsys.readouterr().out


def change_environment(monkeypatch):
    """Let later sessions record another jax version and fast-math flags."""
    real = environment.record

    def changed(devices):
        made = real(devices)
        return made | {
            "versions": made["versions"] | {"jax": "99.0"},
            "flags": {"XLA_FLAGS": [FAST]},
        }

    monkeypatch.setattr(environment, "record", changed)


def test_a_run_resumed_under_other_versions_says_so(stopped, monkeypatch, capsys):
    change_environment(monkeypatch)
    with pytest.warns(UserWarning, match="goes on with jax 99.0 .* its bits may differ") as warned:
        run = grokjax.resume(stopped, progress=False)
    assert [CHANGED in str(each.message) for each in warned] == [True]
    first, second = environment.sessions(grokjax.load(stopped).info)
    assert (first["versions"]["jax"], second["versions"]["jax"]) == (jax.__version__, "99.0")
    assert second["flags"] == {"XLA_FLAGS": [FAST]}
    assert journal.verify(stopped) == []
    said = printed(stopped, capsys)
    assert f"made with:  jax {jax.__version__}, " in said
    assert f"changed:    {CHANGED}; results may differ" in said
    assert "sessions:   2, the last begun 20" in said
    rows = page._environment(run)
    assert rows[0] == ("sessions", "2", "; ".join(environment.session_changes(run.info)))
    assert ("jax", f"{jax.__version__}, then 99.0", "changed; bits may differ") in rows
    grokjax.resume(stopped, progress=False)  # nothing is left to train, and nothing to say
    assert grokjax.load(stopped).info == run.info


def test_an_unchanged_session_is_recorded_without_a_warning(stopped, capsys):
    grokjax.resume(stopped, progress=False)
    first, second = environment.sessions(grokjax.load(stopped).info)
    assert environment.differences(first, second) == []
    said = printed(stopped, capsys)
    assert "sessions:   2" in said
    assert "changed:" not in said


def test_a_run_from_before_sessions_were_recorded(stopped, monkeypatch):
    """Only recorded values are compared."""
    info = json.loads((stopped / "config.json").read_text())
    for name in ("began", "flags", "settings", "processor"):
        del info["environment"][name]
    with digests.write_listed(stopped, "config.json") as path:
        path.write_text(json.dumps(info))
    assert environment.session_changes(grokjax.load(stopped).info) == []
    change_environment(monkeypatch)
    with pytest.warns(UserWarning, match=rf"with jax 99.0 instead of {jax.__version__}; its bits"):
        grokjax.resume(stopped, progress=False)


def test_only_named_variables_are_recorded_and_no_secret(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", f"{FAST} --xla_dump_to=/home/me --xla_long={'x' * 500}")
    monkeypatch.setenv("JAX_SECRET_TOKEN", "hidden-from-config")
    made = environment.record(jax.devices())
    assert "hidden-from-config" not in json.dumps(made)
    fast, long = made["flags"]["XLA_FLAGS"]
    assert fast == FAST
    assert len(long) == 200
    monkeypatch.setenv("XLA_FLAGS", "--xla_dump_to=/elsewhere")
    assert environment.compiler_flags() == {"XLA_FLAGS": []}


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("jax_random_seed_offset", 3, ["jax_random_seed_offset 3 instead of 0"]),
        ("jax_default_matmul_precision", "bfloat16", []),  # `pinned` overrules it
    ],
)
def test_jax_settings_that_bits_depend_on_are_compared(name, value, said):
    before = environment.record(jax.devices())
    old = getattr(jax.config, name)
    jax.config.update(name, value)
    try:
        after = environment.record(jax.devices())
    finally:
        jax.config.update(name, old)
    assert after["settings"][name] == str(value)
    assert environment.differences(before, after) == said
