"""The reduced loss landscape (Liu et al. 2023, Omnigrok): train and test loss against the norm."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes

from grokjax.config import labels
from grokjax.errors import invalid
from grokjax.plots.decorations import use_log_scale
from grokjax.plots.style import TEST, TRAIN, axes_or_new, styled
from grokjax.runtime.arguments import takes


def _check_landscape(name: str, value: Any) -> None:
    if not {"train_loss", "test_loss"} <= set(getattr(value, "data_vars", ())):
        raise invalid(name, type(value).__name__, "must be what analysis.reduced_landscape gives")


@styled
@takes(found=_check_landscape)
def landscape(
    found: Any,
    over: str = "init_scale",
    what: str = "loss",
    title: str = "",
    ax: Axes | None = None,
) -> Axes:
    """Draw train and test loss at the lowest train loss against the norm, an L and a U.

    Args:
      found: from `analysis.landscape.reduced_landscape`, with `over` as a dim.
      over: the setting on the horizontal axis; lines are medians and bands quartiles over all
        other dims: select first what should not be pooled.
      what: `loss` or `accuracy`.
    """
    ax = axes_or_new(ax)
    if over not in found.dims:
        raise invalid("over", over, "must be a dim of the landscape")
    x = found[over].values
    for split, color in (("train", TRAIN), ("test", TEST)):
        values = found[f"{split}_{what}"]
        pooled = [dim for dim in values.dims if dim != over]
        low, middle, high = values.quantile([0.25, 0.5, 0.75], pooled).transpose(..., over).values
        ax.fill_between(x, low, high, color=color, alpha=0.2, linewidth=0)
        ax.plot(x, middle, color=color, marker=".", label=split)
    use_log_scale(ax, "x")
    if what == "loss":
        use_log_scale(ax, "y")
    else:
        ax.set(ylim=(-0.02, 1.02))
    ax.set(xlabel=f"{labels.setting(over)} (norm / initial norm)", ylabel=what)
    ax.set_title(title)
    ax.legend(loc="best")
    return ax
