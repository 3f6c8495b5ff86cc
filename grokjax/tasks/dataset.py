"""The examples of a task, and the check that they fit together.

Letters: N examples, V variants, C outputs, K classes.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from grokjax.errors import ConfigError, printable
from grokjax.tasks.token_group import TokenGroup, residues


@dataclass(frozen=True)
class Dataset:
    """All examples of a task, in NumPy.

    inputs: `[N, ...]`, int32 tokens or float32 features.
    targets: int `[N]` or `[V, N]` classes, -1 for an example that a variant does not have; or
      float32 `[N, C]` or `[V, N, C]` values to regress on with loss mse.
    num_classes: C, how many logits there are.
    codes: the outputs that stand for each class, float32 `[K, C]` or `[V, K, C]`, to regress on
      with loss mse; the class whose code is nearest is the answer. None: K = C, one-hot codes.
    tolerance: where targets are values, an example is correct if its mean squared error is below
      this; None: no example is correct or wrong, and accuracies are NaN.
    num_tokens: how many different tokens; None where inputs are features.
    answers: how many classes each variant uses, `[V]`; default: all.
    random: whether a variant's targets are drawn from the data seed of each member, `[V]`.
    mirror: for each example the one that is the same but for the order of its tokens, int32 `[N]`;
      None where there is no such thing. The symmetric split keeps both on one side.
    axes: what the examples are, such as `("Z_53", "Z_53")` for all pairs of residues, a outer and
      b inner, or `("N_10", "N_10")` for pairs of whole numbers below 10, whose sums do not wrap
      around; empty where they are nothing of the kind. Analysis asks for it.
    groups: the group that the tokens form under each variant (`grokjax.tasks.token_group`), `[V]`;
      default: the residues 0..P-1 under addition where the examples are all pairs of Z_P.

    Example:
      >>> pairs = np.array([(a, b) for a in range(5) for b in range(5)])
      >>> products = Dataset(pairs, pairs.prod(axis=1) % 5, num_classes=5, num_tokens=5)
      >>> products.inputs.shape, products.targets.shape, products.regression
      ((25, 2), (25,), False)
    """

    inputs: np.ndarray
    targets: np.ndarray
    num_classes: int
    num_tokens: int | None = None
    answers: tuple[int, ...] = ()
    random: tuple[bool, ...] = ()
    mirror: np.ndarray | None = None
    axes: tuple[str, ...] = ()
    groups: tuple[TokenGroup, ...] = ()
    codes: np.ndarray | None = None
    tolerance: float | None = None

    @property
    def regression(self) -> bool:
        """Whether targets are numbers and not classes."""
        return self.targets.dtype.kind == "f"


def checked_dataset(name: str, data: Dataset, variants: int) -> Dataset:
    """Return a data set with arrays of the right types and a leading axis of variants.

    Raises ConfigError, naming the task, where the data set does not fit together.
    """
    inputs, targets = _numbers(name, "inputs", data.inputs), _numbers(name, "targets", data.targets)
    targets = _with_variants(name, inputs, targets, variants)
    num_classes = _count(name, "num_classes", data.num_classes)
    num_tokens = None if data.num_tokens is None else _count(name, "num_tokens", data.num_tokens)
    codes = _checked_codes(name, data, targets, num_classes)
    classes = num_classes if codes is None else codes.shape[1]
    _check_targets(name, targets, num_classes, classes)
    _check_inputs(name, inputs, num_tokens)
    answers = tuple(map(int, data.answers)) or (classes,) * variants
    random = tuple(map(bool, data.random)) or (False,) * variants
    if len(answers) != variants or not all(1 <= each <= classes for each in answers):
        raise _invalid(name, f"answers must be {variants} numbers from 1 to num_classes", answers)
    if len(random) != variants:
        raise _invalid(name, f"random must be {variants} times True or False", random)
    axes = tuple(map(str, data.axes))
    sizes = [int(axis[2:]) for axis in axes if axis[:2] == "Z_" and axis[2:].isdecimal()]
    if axes and len(sizes) == len(axes) and math.prod(sizes) != len(inputs):
        raise _invalid(name, f"axes must be of {len(inputs)} elements, the examples", axes)
    if data.mirror is not None:
        mirror, numbers = np.asarray(data.mirror), np.arange(len(inputs))
        if mirror.shape != numbers.shape or not np.array_equal(np.sort(mirror), numbers):
            raise _invalid(name, "mirror must hold the number of each example once", mirror)
        if not np.array_equal(mirror[mirror], numbers):
            raise _invalid(name, "mirror must lead back to each example", mirror)
    return dataclasses.replace(
        data,
        inputs=inputs,
        targets=targets,
        num_classes=num_classes,
        num_tokens=num_tokens,
        answers=answers,
        random=random,
        axes=axes,
        groups=_checked_groups(name, data.groups, axes, variants),
        codes=codes,
    )


def _checked_codes(
    name: str, data: Dataset, targets: np.ndarray, num_classes: int
) -> np.ndarray | None:
    """Return the codes as `[V, K, C]`, or None; check the tolerance, too."""
    within = data.tolerance
    if within is not None and (targets.dtype.kind != "f" or not 0 < within < np.inf):
        raise _invalid(name, "tolerance must be above 0, and targets floats", within)
    if data.codes is None:
        return None
    codes = _numbers(name, "codes", data.codes).astype(np.float32)
    codes = np.broadcast_to(codes, (len(targets), *codes.shape)) if codes.ndim == 2 else codes
    wanted = len(targets), num_classes
    if targets.dtype.kind == "f" or codes.ndim != 3 or codes.shape[::2] != wanted:
        text = f"codes must be floats [K, {num_classes}], with whole-number targets below K"
        raise _invalid(name, text, list(np.shape(data.codes)))
    return codes


def _checked_groups(
    name: str, groups: Any, axes: tuple[str, ...], variants: int
) -> tuple[TokenGroup, ...]:
    """Return the group of each variant; none unless the examples are all pairs of Z_P."""
    modulus = int(axes[0][2:]) if len(axes) == 2 and axes[0][2:].isdecimal() else 0
    paired = axes == (f"Z_{modulus}",) * 2
    if not groups:
        return (residues(modulus),) * variants if paired else ()
    groups = tuple(groups)
    if not paired or len(groups) != variants or not all(isinstance(g, TokenGroup) for g in groups):
        raise _invalid(name, f"groups must be {variants} TokenGroup of the P in axes", groups)
    for group in groups:
        if not set(group.order) <= set(range(modulus)) or len(set(group.order)) != group.size:
            text = f"a group's order must hold tokens from 0 to {modulus - 1}, each at most once"
            raise _invalid(name, text, group.order)
        if group.is_cyclic and group.size < 2:
            raise _invalid(name, "a cyclic group must have at least 2 tokens", group.order)
    return groups


def digest(data: Dataset) -> str:
    """Return the SHA-256 of what members learn from, in hexadecimal."""
    found = hashlib.sha256(repr((data.num_classes, data.answers, data.random)).encode())
    if data.tolerance is not None:
        found.update(repr(data.tolerance).encode())
    for array in (data.inputs, data.targets, data.mirror, data.codes):
        if array is not None:
            plain = np.ascontiguousarray(array)
            plain = plain.astype(plain.dtype.newbyteorder("<"), copy=False)
            found.update(f"{plain.dtype.str} {plain.shape}".encode())
            found.update(plain.data)
    return found.hexdigest()


def template_of(inputs: np.ndarray) -> tuple[int | None, ...]:
    """Return the token at each position of sequences `[N, S]`, None where it differs.

    It is empty for inputs that are not sequences of tokens.
    """
    if inputs.ndim != 2 or inputs.dtype.kind != "i":
        return ()
    constant = (inputs == inputs[:1]).all(axis=0)
    return tuple(int(t) if same else None for t, same in zip(inputs[0], constant, strict=True))


def _with_variants(name: str, inputs: np.ndarray, targets: np.ndarray, variants: int) -> np.ndarray:
    """Return targets with a leading axis of variants."""
    whole = targets.dtype.kind == "i"
    each = f"[N]{'' if variants == 1 else f' or [{variants}, N]'}" if whole else "[N, C]"
    ndim = 2 if whole else 3
    found = targets[None] if targets.ndim == ndim - 1 else targets
    if inputs.ndim < 2 or found.ndim != ndim or found.shape[:2] != (variants, len(inputs)):
        wanted = f"must have inputs [N, ...] and {'whole' if whole else 'float'} targets {each}"
        raise _invalid(name, wanted, f"{list(inputs.shape)} and {list(targets.shape)}")
    return found


def _count(name: str, what: str, value: Any) -> int:
    """Return a whole number of at least 1, Python's or NumPy's."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise _invalid(name, f"{what} must be a whole number of at least 1", value)
    return int(value)


def _numbers(name: str, what: str, values: Any) -> np.ndarray:
    """Return whole numbers as int32 and others as float32."""
    try:
        array = np.asarray(values)
    except ValueError as error:
        text = f"{what} must be an array of numbers, with rows of the same length"
        raise ConfigError(f"task {name}: {text}") from error
    if array.dtype.kind not in "iuf":
        raise _invalid(name, f"{what} must be numbers", array.dtype)
    if array.dtype.kind == "f":
        if not np.isfinite(array).all() or np.abs(array).max(initial=0) > np.finfo("f").max:
            raise ConfigError(f"task {name}: {what} must be finite numbers in float32")
        return array.astype(np.float32)
    if array.size and not -(2**31) <= array.min() <= array.max() < 2**31:
        raise _invalid(name, f"{what} must be whole numbers in int32", array.max())
    return array.astype(np.int32)


def _check_targets(name: str, targets: np.ndarray, num_classes: int, classes: int) -> None:
    if targets.dtype.kind == "f":
        if targets.shape[2] != num_classes:
            text = f"must have {num_classes} target values an example, its num_classes"
            raise _invalid(name, text, targets.shape[2])
        return
    outside = targets[(targets < -1) | (targets >= classes)]
    if outside.size:
        text = f"targets must be from 0 to {classes - 1}, or -1 for no example"
        raise _invalid(name, text, outside[0])


def _check_inputs(name: str, inputs: np.ndarray, num_tokens: int | None) -> None:
    if inputs.dtype.kind == "f":
        return
    if num_tokens is None:
        text = "must give num_tokens where inputs are whole numbers, or have inputs of floats"
        raise ConfigError(f"task {name}: {text}")
    outside = inputs[(inputs < 0) | (inputs >= num_tokens)]
    if outside.size:
        raise _invalid(name, f"input tokens must be from 0 to {num_tokens - 1}", outside[0])


def _invalid(name: str, requirement: str, found: Any) -> ConfigError:
    return ConfigError(f"task {name}: {requirement}, got {printable(found)}")
