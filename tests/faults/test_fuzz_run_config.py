"""Randomly damaged config.json: every command works, or ends with one line on stderr."""

import contextlib
import io
import json
import shutil
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

import grokjax
from grokjax import Config, Sweep
from grokjax.cli import main
from grokjax.errors import ConfigError, DamagedRun
from grokjax.storage import digests
from tests.faults import fuzzed_commands

pytestmark = pytest.mark.fault

CASES = 200

NUMBERS = [0, -1, 1, 2, 3, 5, 7, 53, 46340, 2**31, 2**63, 10**30, 0.5, 1e308, 1e400, -0.0]
OTHERS = [None, True, "", "x" * 300, "\x1b[31m", "add", [], {}, [[]], [{}], {"a": 1}, "é", "\ud800"]
VALUES = st.sampled_from([*NUMBERS, float("nan"), float("-inf"), *OTHERS])

TEXTS = [
    *(b"", b"{", b"null", b"[]", b"3", b'"config"', b"\xff\xfe\x00", b"{}" * 2, b"\x00" * 100),
    *(b"[" * 500 + b"]" * 500, b"[" * 100_000, b'{"a":' * 990 + b"1" + b"}" * 990, b"NaN"),
    b"9" * 10_000,
]


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A finished run of two members with different seeds and weight decays."""
    config = Config(modulus=5, embed_dim=4, hidden_dim=6, batch_size=7, eval_every=1, max_epochs=1)
    sweep = Sweep.zip(config, weight_decay=[0.5, 1.0], seed=[0, 1])
    out = tmp_path_factory.mktemp("config") / "run"
    return grokjax.train(sweep, out, progress=False).directory


def key_paths(value, path=()):
    """Return the path of keys of everything in a JSON value."""
    found = [path] if path else []
    items = value.items() if isinstance(value, dict) else ()
    items = enumerate(value) if isinstance(value, list) else items
    return found + [p for key, each in items for p in key_paths(each, (*path, key))]


def mutate(draw, info):
    """Draw a config.json with a few values dropped, renamed, replaced, doubled or nested."""
    for _ in range(draw(st.integers(1, 2))):
        *above, key = draw(st.sampled_from(key_paths(info)))
        node = info
        for step in above:
            node = node[step]
        kind = draw(st.sampled_from(["replace", "replace", "drop", "rename", "nest"]))
        if kind == "drop" or (kind == "rename" and isinstance(node, list)):
            del node[key]
        elif kind == "rename":
            node[draw(st.sampled_from([key + "s", "", "seed", "é", "x" * 300]))] = node.pop(key)
        else:
            value = draw(VALUES)
            for _ in range(draw(st.sampled_from([1, 50, 900])) if kind == "nest" else 0):
                value = [value]
            node[key] = value
    text = json.dumps(info)
    if draw(st.booleans()):  # of equal keys, JSON takes the last
        text = text.replace('"modulus": 5', '"modulus": 7, "modulus": 5')
    return text.encode(errors="surrogatepass")


def damage(draw, text):
    """Draw a config.json that is mutated, cut off, or replaced by other text."""
    kind = draw(st.sampled_from(["mutated"] * 6 + ["cut", "text"]))
    if kind == "text":
        return draw(st.sampled_from(TEXTS))
    if kind == "cut":
        return text[: draw(st.integers(0, len(text) - 1))]
    return mutate(draw, json.loads(text))


def run_command(arguments):
    """Return the command's exit code and its lines on stderr, without warnings."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main.main(arguments)
        except fuzzed_commands.Accepted:
            code = 0
    lines = err.getvalue().splitlines()
    return code, [line for line in lines if not line.startswith("grokjax: warning:")]


@pytest.mark.parametrize("log", [5, None, ["\x1b"]])
def test_an_invalid_log_of_extensions(original, tmp_path, log):
    """`resume` appends to the log; 5 and None once raised a TypeError with a traceback."""
    shutil.copytree(original, tmp_path / "run")
    path = tmp_path / "run" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"extended_from": log}))
    digests.list_all(tmp_path / "run")
    code, lines = run_command(["resume", str(tmp_path / "run"), "--add-seeds", "1", "--quiet"])
    assert (code, len(lines)) == (1, 1)
    assert "config.json cannot be read" in lines[0]


COMMANDS = [["info"], ["check"], ["resume"], ["resume", "--add-seeds", "1"], ["report"]]


@pytest.mark.filterwarnings("ignore:.*(changed after it was written|not what was written|skipped)")
@pytest.mark.filterwarnings("ignore:.*goes on with")
def test_a_damaged_config_is_read_or_refused_in_one_line(original, tmp_path):
    codes, text = Counter(), (original / "config.json").read_bytes()

    @fuzzed_commands.fuzzed(CASES)
    @given(st.data())
    def each(data):
        directory = tmp_path / "run"
        shutil.rmtree(directory, ignore_errors=True)
        shutil.copytree(original, directory)
        (directory / "config.json").write_bytes(damage(data.draw, text))
        if data.draw(st.booleans()):  # so that the digests agree
            digests.list_all(directory)
        with contextlib.suppress(ConfigError, DamagedRun, FileNotFoundError):
            grokjax.load(directory).members  # noqa: B018
        command, *rest = data.draw(st.sampled_from(COMMANDS))
        code, lines = run_command([command, str(directory), *rest])
        codes[command, code] += 1
        assert code in (0, 1, 2), lines
        if code:
            messages = [line for line in lines if line.startswith("grokjax:")]
            assert len(messages) == 1, lines
            assert len(messages[0]) < 1_200
            assert "Traceback" not in "".join(lines)

    with pytest.MonkeyPatch.context() as patch:
        fuzzed_commands.stop_before_training(patch)
        each()
    assert codes.total() >= CASES
    assert {command for command, code in codes if code} == {"info", "check", "resume", "report"}
    print(codes)
