"""Random command lines: each is refused with a short message, or its members train a round."""

from collections import Counter

import jax
import pytest
from hypothesis import given

import grokjax
from grokjax import Config, Sweep
from tests.faults import fuzzed_commands

pytestmark = pytest.mark.fault

CASES = 800


@pytest.fixture(scope="module", autouse=True)
def fast_compilation():
    """Compile without most optimizations: compiling takes most of the time, training one round."""
    jax.config.update("jax_disable_most_optimizations", True)
    yield
    jax.config.update("jax_disable_most_optimizations", False)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished run of two members."""
    config = Config(modulus=5, embed_dim=4, hidden_dim=6, batch_size=7, eval_every=1, max_epochs=1)
    out = tmp_path_factory.mktemp("fuzz") / "run"
    return grokjax.train(Sweep(config, seed=range(2)), out, progress=False).directory


def test_command_lines_are_refused_briefly_or_train_a_round(run, tmp_path, monkeypatch):
    codes, rounds = Counter(), fuzzed_commands.OneRound()
    with monkeypatch.context() as patch:
        fuzzed_commands.stop_before_training(patch)
        patch.chdir(tmp_path)

        @fuzzed_commands.fuzzed(CASES)
        @given(fuzzed_commands.lines())
        def each(line):
            places = {"OUT": str(tmp_path / "out"), "RUN": str(run)}
            line = [places.get(word, word) for word in line]
            code, message, sweep = fuzzed_commands.attempt(line)
            codes[code] += 1
            assert code in (0, 2), (line, message)
            assert "Traceback" not in message
            if sweep is not None:
                rounds.add(sweep)
            if code == 2:
                assert len(message) < fuzzed_commands.MAX_MESSAGE, line
                assert message.startswith("grokjax: "), (line, message)
                assert message.count("\n") == 1, (line, message)
                assert fuzzed_commands.is_specific(line, message), (line, message)

        each()
    assert list(tmp_path.iterdir()) == [], "a refusal writes nothing"
    assert codes.total() >= CASES
    assert min(codes[0], codes[2]) > CASES / 10, codes
    assert len(rounds.groups) < 24, "each is compiled, so they should be few"
    statuses = Counter()
    for member, metrics, status in rounds.train():
        statuses[status] += 1
        assert status == "diverged" or fuzzed_commands.is_finite(metrics), (member, metrics)
        assert status != "diverged" or not fuzzed_commands.is_moderate(member), (member, metrics)
    assert statuses.total() == sum(map(len, rounds.groups.values()))
    print(codes, len(rounds.groups), statuses)
