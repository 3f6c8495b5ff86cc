"""Addition of whole numbers with random codes as answers: the toy model of Liu et al. 2022, Sec. 3.

Letters: N examples, V variants, C outputs, K classes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from grokjax.settings.data_spec import DataSpec
from grokjax.settings.field import between, setting, whole
from grokjax.tasks.dataset import Dataset
from grokjax.tasks.task import TargetKind, Task


def unordered_pairs(symbols: int) -> np.ndarray:
    """Return the pairs i <= j of the symbols 0..p-1, int32 `[p (p + 1) / 2, 2]`, i outer."""
    return np.stack(np.triu_indices(symbols), axis=1).astype(np.int32)


@dataclass(frozen=True, kw_only=True)
class ToyAddition(Task):
    """The sum i + j of unordered pairs i <= j, each answered by a Gaussian code of its own."""

    symbols: int = setting(10, "Number p of symbols", between(2, 200))
    code_dim: int = setting(30, "Outputs C of the network, the length of a code", whole(1))
    code_seed: int = setting(0, "Seed of the codes, which are N(0, 1)", whole(0), kind="variant")

    def dataset(self, variants: tuple[str, ...]) -> Dataset:
        pairs = unordered_pairs(self.symbols)
        shape = 2 * self.symbols - 1, self.code_dim
        codes = [np.random.default_rng(int(seed)).normal(size=shape) for seed in variants]
        return Dataset(
            inputs=pairs,
            targets=np.broadcast_to(pairs.sum(axis=1), (len(variants), len(pairs))),
            num_classes=self.code_dim,
            num_tokens=self.symbols,
            axes=(f"N_{self.symbols}",) * 2,
            codes=np.stack(codes),
        )

    def num_rows(self) -> int:
        return self.symbols * (self.symbols + 1) // 2

    def num_examples(self) -> int:
        return self.num_rows()

    def spec(self) -> DataSpec:
        axes = (f"N_{self.symbols}",) * 2
        return DataSpec((2,), "int32", self.symbols, self.code_dim, axes, (None, None))

    def target_kind(self) -> TargetKind:
        return "codes"

    def token_group(self) -> None:
        return None

    def has_mirror(self) -> bool:
        return False

    def in_words(self) -> str:
        return f"a + b of unordered pairs below {self.symbols}"
