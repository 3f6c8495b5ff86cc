"""The shapes of the data, which tasks tell models."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DataSpec:
    """What a model must know of the data: its shapes, and what the examples are."""

    input_shape: tuple[int, ...]
    input_dtype: str
    num_tokens: int | None
    num_classes: int
    axes: tuple[str, ...]

    @property
    def modulus(self) -> int | None:
        """P where the examples are all pairs of Z_P and there are no other tokens, else None."""
        return self.num_tokens if self.axes == (f"Z_{self.num_tokens}",) * 2 else None
