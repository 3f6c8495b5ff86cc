"""Every setting is explained where a user looks for it."""

import inspect

import pytest

import grokjax
from grokjax.config.reference import explain
from grokjax.config.settings import KINDS, fields_with
from grokjax.settings.field import Field, at_least


@pytest.mark.parametrize(
    ("field", "line"),
    [
        (
            Field("rate", float, 0.5, "Share of the rows", at_least(0), "traced"),
            "- `rate` (float, 0.5, traced): Share of the rows; at least 0.",
        ),
        (
            Field("length", int | None, None, "Tokens", kind="run"),
            "- `length` (int or None, None, run): Tokens.",
        ),
    ],
)
def test_a_line_has_type_default_kind_meaning_and_range(field, line):
    assert explain(field) == line


def test_help_of_config_explains_every_setting_of_every_kind():
    text = inspect.getdoc(grokjax.Config)
    assert text == grokjax.Config(modulus=7).__doc__
    first = {kind: registry.get(next(iter(registry))) for kind, registry in KINDS.items()}
    for kind, registry in KINDS.items():
        for name in registry:
            fields = fields_with(first | {kind: registry.get(name)})
            assert not [n for n in fields if f"\n- `{n}` (" not in text], name
            assert not [n for n, field in fields.items() if not field.help], name


def test_a_setting_of_ones_own_is_explained_once_it_is_known():
    @grokjax.rule
    def momentum_of_mine(learning_rate: float, weight_decay: float = 0.0, friction: float = 0.9):
        """Momentum, with friction."""

    grokjax.Config(optimizer=momentum_of_mine)
    assert (
        "- `friction` (float, 0.9, static): Parameter of momentum_of_mine."
        in grokjax.Config.__doc__
    )
