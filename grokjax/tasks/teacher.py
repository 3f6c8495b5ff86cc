"""Regression on a teacher, a random tanh network: Liu et al. 2023 (Omnigrok).

Letters: N examples, C outputs.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from grokjax.settings.data_spec import DataSpec
from grokjax.settings.field import POSITIVE, setting, whole
from grokjax.tasks.dataset import Dataset
from grokjax.tasks.task import TargetKind, Task


@dataclass(frozen=True, kw_only=True)
class Teacher(Task):
    """The outputs of a random tanh network on normal inputs."""

    examples: int = setting(200, "Number N of examples", whole(2))
    input_dim: int = setting(5, "Features of an input", whole(1))
    output_dim: int = setting(5, "Values C to regress on", whole(1))
    teacher_width: int = setting(100, "Width of the teacher's two hidden layers", whole(1))
    teacher_seed: int = setting(
        0, "Seed of the teacher; all see the same inputs", whole(0), kind="variant"
    )
    tolerance: float = setting(
        1e-3, "An example is correct if its mean squared error is below this", POSITIVE
    )

    def dataset(self, variants: tuple[str, ...]) -> Dataset:
        # All teachers of a program see the same inputs, so that it needs them only once.
        inputs = np.random.default_rng(0).normal(size=(self.examples, self.input_dim))
        return Dataset(
            inputs=inputs,
            targets=np.stack([self._outputs(int(seed), inputs) for seed in variants]),
            num_classes=self.output_dim,
            tolerance=self.tolerance,
        )

    def _outputs(self, seed: int, inputs: np.ndarray) -> np.ndarray:
        """Return the outputs `[N, C]` of a teacher, whose layers are drawn as torch's `Linear`."""
        rng = np.random.default_rng((1, seed))
        sizes = self.input_dim, self.teacher_width, self.teacher_width, self.output_dim
        x = inputs
        for i, (fan_in, fan_out) in enumerate(itertools.pairwise(sizes)):
            bound = 1 / np.sqrt(fan_in)
            kernel = rng.uniform(-bound, bound, (fan_in, fan_out))
            x = np.tanh(x) if i else x
            x = x @ kernel + rng.uniform(-bound, bound, fan_out)
        return x

    def num_rows(self) -> int:
        return self.examples

    def num_examples(self) -> int:
        return self.examples

    def spec(self) -> DataSpec:
        return DataSpec((self.input_dim,), "float32", None, self.output_dim, ())

    def target_kind(self) -> TargetKind:
        return "values"

    def token_group(self) -> None:
        return None

    def has_mirror(self) -> bool:
        return False

    def in_words(self) -> str:
        return f"a teacher's {self.output_dim} outputs"
