"""Settings and flags of interventions: what is refused, and a user's own from a file."""

import jax
import pytest

import grokjax
from grokjax import Config, ConfigError, Sweep
from grokjax.cli import main
from tests.conftest import TINY, flags

BASE = Config(**TINY)


def grows(params, much: float = 1.0):
    return params | {"more": much}


def halves(params):
    return jax.tree.map(lambda p: p.astype("float16"), params)


REFUSED = {
    "a setting of an intervention that is off": (
        lambda: Config(clamp_ratio=1.0), "clamp_ratio: no such setting"),
    "another's setting": (
        lambda: Sweep(Config(interventions="rescale"), clamp_ratio=[1.0]), "clamp_ratio: no such"),
    "an unknown name": (
        lambda: Config(interventions="clamp-nrom"),
        "interventions must be a known intervention, got 'clamp-nrom'; did you mean clamp-norm?"),
    "one given twice": (
        lambda: Config(interventions="rescale,rescale"), "rescale is given twice; give each once"),
    "a negative norm": (
        lambda: Config(interventions="clamp-norm", clamp_norm=-1.0),
        "clamp_norm must be at least 0, got -1.0"),
    "no function of params": (
        lambda: Config(interventions=sum), "intervention sum: must be a function of params to"),
    "two settings of one name": (
        lambda: Config(interventions=[grows, lambda_with_much()]),
        "much: two of the interventions grows, other have a setting of this name; rename one"),
}  # fmt: skip


def lambda_with_much():
    def other(params, much: float = 2.0):
        return params

    return other


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_is_refused_in_one_line(name):
    call, message = REFUSED[name]
    with pytest.raises(ConfigError) as refused:
        call()
    assert message in str(refused.value)
    assert "\n" not in str(refused.value)


UNFIT = {
    "a layer that the model lacks": (
        {"interventions": "clamp-norm", "clamp_weights": "attention"},
        r"^clamp_weights must be all, matrices or a layer \(embed, hidden, output\), got 'atten",
    ),
    "other parameters": (
        {"interventions": grows},
        "^intervention grows: its parameters for more must be absent, got",
    ),
    "other dtypes": (
        {"interventions": halves},
        "^intervention halves: its parameters for embed/embedding must be float32 .*, got float16",
    ),
}


@pytest.mark.parametrize("name", UNFIT)
def test_what_does_not_fit_the_network_is_refused_before_training(name, tmp_path):
    settings, message = UNFIT[name]
    with pytest.raises(ConfigError, match=message):
        grokjax.train(BASE.replace(**settings), tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()


def test_the_command_line_has_their_flags(tmp_path, capsys):
    file = tmp_path / "mine.py"
    file.write_text(
        "import grokjax, jax\n\n@grokjax.intervention\n"
        "def damp(params, by: float = 1.0):\n"
        "    return jax.tree.map(lambda p: by * p, params)\n"
    )
    words = ["train", "--import", str(file), "--quiet", "--seed", "0", *flags(max_epochs=4)]
    words += ["--interventions", "damp,clamp-norm", "--intervene-from", "None", "2"]
    words += ["--clamp-ratio", "0.5", "--by", "0.25", "0.5"]
    assert main.main([*words, "--out", str(tmp_path / "run")]) == 0
    run = grokjax.load(tmp_path / "run")
    assert run.history.intervene_from.values.tolist() == [-1, -1, 2, 2]
    assert run.config.interventions == "damp,clamp-norm"
    assert main.main(["info", str(tmp_path / "run")]) == 0
    assert main.main([*words, "--clamp-norm", "-1", "--out", str(tmp_path / "other")]) == 2
    assert "clamp_norm must be at least 0, got -1.0" in capsys.readouterr().err
    words = ["train", "--out", str(tmp_path / "other"), "--clamp-ratio", "1"]
    assert main.main(words) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "--clamp-ratio" in said
    assert "--interventions clamp-norm" in said
