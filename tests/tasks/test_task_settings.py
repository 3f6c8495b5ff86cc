"""What a user's task may take and give: NumPy numbers, axes, properties, and parameters."""

import functools
import json
from dataclasses import replace

import numpy as np
import pytest

import grokjax
from grokjax import Config, ConfigError, Dataset, Sweep
from grokjax.settings.field import fields_of
from grokjax.settings.stored_fields import class_from_fields, fields_to_dict
from grokjax.tasks.task import Task, build_dataset
from tests.tasks.test_task import LAUNCH, Extreme, grid, larger


def test_numbers_of_numpy_are_taken(tmp_path):
    def of_numpy() -> Dataset:
        data = larger(5)
        most = data.inputs.max() + 1
        answers, random = np.array([most]), np.array([False])
        return replace(data, num_tokens=most, num_classes=most, answers=answers, random=random)

    config = Config(**LAUNCH, task=of_numpy)
    assert type(config.spec.num_tokens) is type(config.num_classes) is int
    json.dumps(build_dataset(config.task_settings, ("",)).answers)
    assert len(grokjax.train(config, tmp_path / "run", progress=False)) == 1


def test_only_all_pairs_of_residues_have_a_modulus():
    """Further tokens, such as the sign =, are not residues; a sequence may hold them."""
    axes = ("Z_5", "Z_5")

    def residues() -> Dataset:
        return replace(larger(5), axes=axes)

    def with_sign() -> Dataset:
        data = larger(5)
        inputs = np.insert(data.inputs, 2, 5, axis=1)
        return replace(data, axes=axes, num_tokens=6, inputs=inputs)

    def too_few() -> Dataset:
        return replace(larger(5), axes=("Z_25",))

    assert Config(task=residues).spec.modulus == 5
    signed = build_dataset(Config(task=with_sign, model="transformer").task_settings, ("",))
    spec = Config(task=with_sign, model="transformer").spec
    assert (spec.modulus, spec.num_tokens, spec.template) == (5, 6, (None, None, 5))
    np.testing.assert_array_equal(spec.all_pairs(), signed.inputs)
    assert Config(task=too_few).spec.modulus is None
    assert Config(task=larger).spec.modulus is None


def test_a_cached_property_of_a_task_is_not_one_of_its_settings():
    class Cached(Task):
        size: int = 5

        @functools.cached_property
        def pairs(self):
            return grid(self.size)

        def dataset(self, variants):
            return Dataset(self.pairs, self.pairs.max(axis=1), self.size, self.size)

    config = Config(task=Cached)
    assert config.num_rows == 25
    assert config.task_settings == Config(task=Cached).task_settings


def test_a_task_with_post_init_is_refused():
    class Prepared(Extreme):
        def __post_init__(self):
            raise AssertionError

    with pytest.raises(ConfigError, match="task Prepared: its __post_init__ is never called"):
        Config(task=Prepared)


def test_a_parameter_without_annotation_takes_any_plain_value():
    def free(share, name="x"):
        return larger(5)

    for value in (3, 0.5, True, "text", np.float32(0.5), np.int64(3), np.True_):
        found = Config(task=free, share=value).share
        assert (found, type(found)) == (value, type(getattr(value, "item", lambda: value)()))  # noqa: B023
    for value in (None, [1], np.nan):
        with pytest.raises(ConfigError, match="share must be"):
            Config(task=free, share=value)
    values = [0.5, 2, True, "text"]
    assert [m.share for m in Sweep(Config(task=free, share=1), share=values)] == values
    stored = fields_to_dict(Config(task=free, share=1).group_classes["task"])
    again = class_from_fields("free", json.loads(json.dumps(stored)), Task, strict=False)
    assert [fields_of(again)["share"].checked(value) for value in (*values, None)] == [
        *values,
        None,
    ]


def test_a_task_that_is_defined_again_calls_its_helpers_again():
    def define(answer):
        def helped() -> Dataset:
            return replace(larger(5), targets=np.full(25, answer))

        return helped

    for answer in (1, 2):
        config = Config(task=define(answer))
        assert (build_dataset(config.task_settings, ("",)).targets == answer).all()
