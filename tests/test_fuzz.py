"""Command lines at random: each is refused in a few words, or runs a round."""

from collections import Counter

import jax
import pytest
from hypothesis import given

import grokjax
from grokjax import Config, Sweep
from tests import fuzzing

pytestmark = pytest.mark.fault

CASES = 1_700  # and 300 in test_fuzz_config


@pytest.fixture(scope="module", autouse=True)
def compiled_in_haste():
    """Compiling is most of the time here, and what is compiled runs once."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished run of two members."""
    config = Config(modulus=5, embed_dim=4, hidden_dim=6, batch_size=7, eval_every=1, max_epochs=1)
    out = tmp_path_factory.mktemp("fuzz") / "run"
    return grokjax.train(Sweep(config, seed=range(2)), out, progress=False).directory


def test_command_lines_are_refused_in_short_or_run_a_round(run, tmp_path, monkeypatch):
    codes, rounds = Counter(), fuzzing.Round()
    with monkeypatch.context() as patch:
        fuzzing.stop_at_the_door(patch)
        patch.chdir(tmp_path)

        @fuzzing.fuzzed(CASES)
        @given(fuzzing.lines())
        def each(line):
            places = {"OUT": str(tmp_path / "out"), "RUN": str(run)}
            line = [places.get(word, word) for word in line]
            code, said, sweep = fuzzing.attempt(line)
            codes[code] += 1
            assert code in (0, 2), (line, said)
            assert "Traceback" not in said
            if sweep is not None:
                rounds.add(sweep)
            if code == 2:
                assert len(said) < fuzzing.SHORT, line
                assert said.count("\n") == 1 or not said.startswith("grokjax:"), (line, said)
                assert fuzzing.named(line, said), (line, said)

        each()
    assert list(tmp_path.iterdir()) == [], "a refusal leaves nothing"
    assert codes.total() >= CASES
    assert min(codes[0], codes[2]) > CASES / 10, codes
    assert len(rounds.groups) < 24, "each is compiled, and they are to be few"
    statuses = Counter()
    for member, metrics, status in rounds.train():
        statuses[status] += 1
        assert status == "diverged" or fuzzing.finite(metrics), (member, metrics)
        assert status != "diverged" or not fuzzing.tame(member), (member, metrics)
    assert statuses.total() == sum(map(len, rounds.groups.values()))
    print(codes, len(rounds.groups), statuses)
