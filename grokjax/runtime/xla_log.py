"""Keep the log of XLA's C++ code off the terminal."""

from __future__ import annotations

import os

VARIABLE = "TF_CPP_MIN_LOG_LEVEL"


def hide_xla_log() -> None:
    """Hide XLA's log below fatal errors, unless the user has set its level.

    It holds alarms on slow compilation and slow constant folding, which XLA logs as errors and
    which break the progress display. What fails in XLA raises an exception in any case. The level
    is read when jaxlib is loaded, so a call after that has no effect.
    """
    os.environ.setdefault(VARIABLE, "3")
