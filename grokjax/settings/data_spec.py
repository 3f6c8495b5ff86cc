"""The shapes of the data, which tasks tell models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True)
class DataSpec:
    """What a model must know of the data: its shapes, and what the examples are.

    template: where inputs are sequences of tokens, the token at each position, or None where it
      differs between examples: `(None, None, 53)` for pairs that are followed by a token "=".
    """

    input_shape: tuple[int, ...]
    input_dtype: str
    num_tokens: int | None
    num_classes: int
    axes: tuple[str, ...]
    template: tuple[int | None, ...] = ()

    @property
    def modulus(self) -> int | None:
        """P where the examples are all pairs of Z_P, which are the tokens 0..P-1, else None."""
        if self.num_tokens is None or len(self.axes) != 2 or self.template.count(None) != 2:
            return None
        group, _, size = self.axes[0].partition("_")
        if group != "Z" or not size.isdecimal() or self.axes != (f"Z_{int(size)}",) * 2:
            return None
        return int(size) if int(size) <= self.num_tokens else None

    @property
    def classes_are_tokens(self) -> bool:
        """Whether there is a class for each token, so that class c answers with token c."""
        return self.num_classes == self.num_tokens

    def all_pairs(self) -> np.ndarray:
        """Return the inputs of all pairs of Z_P, int32 `[P**2, ...]`, a outer and b inner."""
        modulus = self.modulus
        assert modulus is not None
        numbers = np.arange(modulus**2, dtype=np.int32)
        return np.stack(self.columns(numbers // modulus, numbers % modulus), axis=-1)

    def columns(self, first: Any, second: Any) -> list[Any]:
        """Return the token at each position of inputs with these operands, int32 `[N]` each.

        first, second: the operands, as arrays of NumPy or of JAX.
        """
        operands = iter((first, second))
        return [next(operands) if t is None else 0 * first + t for t in self.template]
