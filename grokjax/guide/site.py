"""Build the reference: `python -m grokjax.guide.site FOLDER` writes it with pdoc, offline."""

from __future__ import annotations

import importlib
import sys
import warnings
from pathlib import Path
from types import ModuleType
from typing import get_type_hints

import grokjax

PACKAGES = (
    *("guide", "config", "results", "analysis", "plots", "recipes", "interop"),
    *("tasks", "models", "optim", "metrics", "errors"),
)
"""What the reference shows beside `grokjax` itself, whose `train` and its like are shown there."""


def build(folder: Path) -> None:
    """Write the reference into a folder, as HTML that needs no network.

    Raises:
      ImportError: pdoc is not installed.
      UserWarning: pdoc found something that it cannot show.
    """
    try:
        import pdoc.extract
        import pdoc.render
    except ImportError:
        fix = "install it with: python -m pip install pdoc"
        raise ImportError(f"the reference is built by pdoc; {fix}") from None
    for name in grokjax.__all__:  # pdoc does not look for lazy ones
        setattr(grokjax, name, getattr(grokjax, name))
    packages = [f"grokjax.{name}" for name in PACKAGES]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in pdoc.extract.walk_specs(packages):
            _resolve_annotations(importlib.import_module(name))
        pdoc.render.configure(docformat="google", footer_text="grokjax")
        pdoc.pdoc("grokjax", *packages, output_directory=folder)


def _resolve_annotations(module: ModuleType) -> None:
    """Turn the strings that annotate constructors of named tuples into types.

    They do not say which module they are of, so that pdoc cannot evaluate them.
    """
    for value in vars(module).values():
        if isinstance(value, type) and hasattr(value, "_fields"):
            value.__new__.__annotations__ = get_type_hints(value)


if __name__ == "__main__":
    chosen = Path(sys.argv[1] if len(sys.argv) > 1 else "site")
    try:
        build(chosen)
    except ImportError as missing:
        sys.exit(str(missing))
    print(f"reference: {chosen / 'index.html'}")
