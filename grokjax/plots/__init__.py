"""Pictures. Each draws on an `ax` or makes a figure, and leaves computing to `grokjax.analysis`.

`STYLE` is the one style sheet (`matplotlib.style.use(grokjax.plots.STYLE)`);
colours are those of Okabe & Ito 2008 and cividis, told apart with any common
colour blindness.
"""

from grokjax.plots.animation import animation
from grokjax.plots.circles import components, panel, planes
from grokjax.plots.curves import accuracy, curves, loss, norms
from grokjax.plots.grids import heat_map
from grokjax.plots.incidences import incidence, incidences
from grokjax.plots.machine import occupancy, scaling, throughput
from grokjax.plots.periodicity import ipr_over_training, periodicity
from grokjax.plots.phases import phase_diagram, phase_legend
from grokjax.plots.spectra import (
    key_counts,
    neurons,
    spectrum,
    spectrum_2d,
    spectrum_of_members,
    spectrum_over_training,
)
from grokjax.plots.style import OTHER, OTHERS, STYLE, TEST, TRAIN, figure, narrow, save
from grokjax.plots.times import learning_times, medians, times_against

__all__ = [
    "OTHER",
    "OTHERS",
    "STYLE",
    "TEST",
    "TRAIN",
    "accuracy",
    "animation",
    "components",
    "curves",
    "figure",
    "heat_map",
    "incidence",
    "incidences",
    "ipr_over_training",
    "key_counts",
    "learning_times",
    "loss",
    "medians",
    "narrow",
    "neurons",
    "norms",
    "occupancy",
    "panel",
    "periodicity",
    "phase_diagram",
    "phase_legend",
    "planes",
    "save",
    "scaling",
    "spectrum",
    "spectrum_2d",
    "spectrum_of_members",
    "spectrum_over_training",
    "throughput",
    "times_against",
]
