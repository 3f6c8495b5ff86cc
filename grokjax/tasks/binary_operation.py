"""The task of a binary operation on the tokens 0..P-1, and the sequences that networks read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from grokjax.errors import invalid
from grokjax.settings.data_spec import DataSpec
from grokjax.settings.field import Range, setting, whole
from grokjax.tasks.dataset import Dataset
from grokjax.tasks.operations import (
    OPERATIONS,
    OperationName,
    all_pairs,
    group_of,
    labels_of,
    refusal,
)
from grokjax.tasks.task import TargetKind, Task
from grokjax.tasks.token_group import TokenGroup

Sequence = Literal["pair", "equals", "equation"]

SEQUENCES: dict[str, tuple[str | None, ...]] = {
    "pair": (None, None),
    "equals": (None, None, "equals"),
    "equation": ("end", None, "operator", None, "equals"),
}
"""What a network reads: the operands, None here, and further tokens.

pair: the operands alone. equals: Nanda et al. 2023. equation: Power et al. 2022, whose token for
the end of a text also begins it.
"""

FURTHER_TOKENS = ("equals", "operator", "end")
"""Tokens after the P operands, in this order; a sequence has those that it needs."""

MODULUS = Range("at least 2 and at most 46340", lambda value: 2 <= value <= 46_340)
"""Pairs are numbered in int32."""


@dataclass(frozen=True, kw_only=True)
class BinaryOperation(Task):
    """An operation on pairs of tokens."""

    operation: OperationName = setting("add", "Operation on the two tokens", kind="variant")
    modulus: int = setting(53, "Number of tokens P; 120 for operations on S5", MODULUS)
    sequence: Sequence = setting(
        "pair", "Tokens of an input: pair (a b), equals (a b =), or equation (end a op b =)"
    )
    classes: int | None = setting(None, "Number of logits; default: as many as tokens", whole(2))

    def check(self) -> None:
        if why := refusal(self.operation, self.modulus):
            raise invalid("operation", self.operation, why)
        answers = OPERATIONS[self.operation].num_answers(self.modulus)
        if self.num_classes < answers:
            needed = f"must be at least {answers}, the answers of {self.operation}"
            raise invalid("classes", self.num_classes, f"{needed} with modulus {self.modulus}")

    @property
    def num_tokens(self) -> int:
        """The P operands and the further tokens of the sequence."""
        return self.modulus + sum(token is not None for token in SEQUENCES[self.sequence])

    @property
    def num_classes(self) -> int:
        return self.num_tokens if self.classes is None else self.classes

    def dataset(self, variants: tuple[str, ...]) -> Dataset:
        modulus = self.modulus
        pairs = all_pairs(modulus)
        return Dataset(
            inputs=self.spec().all_pairs(),
            targets=np.stack([labels_of(name, modulus) for name in variants]),
            num_classes=self.num_classes,
            num_tokens=self.num_tokens,
            answers=tuple(OPERATIONS[name].num_answers(modulus) for name in variants),
            random=tuple(name == "random" for name in variants),
            mirror=pairs[:, 1] * modulus + pairs[:, 0],
            axes=(f"Z_{modulus}",) * 2,
            groups=tuple(group_of(name, modulus) for name in variants),
        )

    def num_rows(self) -> int:
        return self.modulus**2

    def num_examples(self) -> int:
        return OPERATIONS[self.operation].num_pairs(self.modulus)

    def spec(self) -> DataSpec:
        template = tuple(
            None if token is None else self.modulus + FURTHER_TOKENS.index(token)
            for token in SEQUENCES[self.sequence]
        )
        axes = (f"Z_{self.modulus}",) * 2
        return DataSpec(
            (len(template),), "int32", self.num_tokens, self.num_classes, axes, template
        )

    def token_group(self) -> TokenGroup:
        return group_of(self.operation, self.modulus)

    def target_kind(self) -> TargetKind:
        return "classes"

    def has_mirror(self) -> bool:
        return True

    def in_words(self) -> str:
        formula = OPERATIONS[self.operation].formula
        if "mod P" in formula:
            return formula.replace("mod P", f"mod {self.modulus}")
        return formula if "S5" in formula else f"{formula}, {self.modulus} tokens"
