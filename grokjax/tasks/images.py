"""Classification of images: scikit-learn's digits, or files such as MNIST's.

Letters: N images, of Y rows and X columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from grokjax.errors import ConfigError, invalid
from grokjax.settings.data_spec import DataSpec
from grokjax.settings.field import setting, whole
from grokjax.tasks import image_files
from grokjax.tasks.dataset import Dataset
from grokjax.tasks.task import TargetKind, Task

DIGITS = 1_797
"""Images that scikit-learn ships."""


@dataclass(frozen=True, kw_only=True)
class Images(Task):
    """The class of an image; pixels are scaled to 0..1."""

    reads_files: ClassVar[bool] = True

    images: str = setting(
        "digits",
        "digits: the 1 797 images of 8 x 8 pixels that scikit-learn ships; or a folder of IDX "
        "files (MNIST), or an npz file with x_train, y_train, x_test, y_test",
    )
    image_count: int | None = setting(
        None, "How many images to use, the first ones; default: all", whole(2)
    )

    def dataset(self, variants: tuple[str, ...]) -> Dataset:
        images, labels = _digits() if self.images == "digits" else image_files.read(self.images)
        images, labels = images[: self.image_count], labels[: self.image_count]
        largest = max(float(images.max()), 1e-30)
        pixels = images.astype(np.float32) / np.float32(largest)
        classes = 10 if self.images == "digits" else int(labels.max()) + 1
        return Dataset(pixels, labels, num_classes=classes)

    # Of scikit-learn's digits a run is read without scikit-learn.

    def check(self) -> None:
        count = self.num_rows()
        if self.image_count is not None and self.image_count > count:
            raise invalid("image_count", self.image_count, f"must be at most {count}, all images")

    def num_rows(self) -> int:
        if self.images == "digits":
            return min(self.image_count or DIGITS, DIGITS)
        return super().num_rows()

    def num_examples(self) -> int:
        return self.num_rows()

    def spec(self) -> DataSpec:
        if self.images == "digits":
            return DataSpec((8, 8), "float32", None, 10, ())
        return super().spec()

    def target_kind(self) -> TargetKind:
        return "classes"

    def has_mirror(self) -> bool:
        return False

    def token_group(self) -> None:
        return None

    def in_words(self) -> str:
        return "digits" if self.images == "digits" else "images"


def _digits() -> tuple[np.ndarray, np.ndarray]:
    """Return scikit-learn's digits, `[1797, 8, 8]`, and their classes."""
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        text = "task images needs scikit-learn for digits: python -m pip install 'grokjax[images]'"
        raise ConfigError(text) from error
    found: Any = load_digits()
    return found.images, found.target
