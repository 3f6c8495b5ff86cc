"""Figures. Each function draws on axes or makes a figure; `grokjax.analysis` computes.

A function that takes `ax` draws on these axes, or on those of a new figure, and returns them.
`title` is that of the axes or of the figure, where figures of a history name the task and what is
swept by default. With `log_epochs` the axis of epochs is logarithmic.

To draw several runs on the same axes, call a function for each with its `label` and, if you like,
its `color`, and with the same `ax`, or the `fig` that the first call has made. Each run then has
one colour, and its lines differ in their dashes. A history of several runs as one
(`grokjax.concat`) has the runs as colours or panels by itself.

All figures have one style (`matplotlib.style.use(grokjax.plots.STYLE)`). Colours are those of
Okabe & Ito 2008 and cividis, which can be told apart with any common colour blindness.
"""

from grokjax.plots.circuits import circuit_plane, circuits_against
from grokjax.plots.cumulative_incidence import incidence, incidences
from grokjax.plots.delay_law import delay_law, times_beside
from grokjax.plots.embedding import animation, components, panel, planes
from grokjax.plots.heat_maps import heat_map, phase_diagram, phase_legend
from grokjax.plots.hidden_neurons import ipr_over_training, neurons, periodicity
from grokjax.plots.irreps import irreps, irreps_of_members
from grokjax.plots.landscape import landscape
from grokjax.plots.learning_times import learning_times, medians, times_against
from grokjax.plots.performance import occupancy, scaling, throughput
from grokjax.plots.progress import progress_losses, progress_structure
from grokjax.plots.recorded_values import metric, norms
from grokjax.plots.spectra import (
    key_counts,
    spectrum,
    spectrum_2d,
    spectrum_of_members,
    spectrum_over_training,
)
from grokjax.plots.style import CATEGORIES, KEY, STYLE, TEST, TRAIN, figure, narrow, save
from grokjax.plots.training_curves import accuracy, curves, loss

__all__ = [
    "CATEGORIES",
    "KEY",
    "STYLE",
    "TEST",
    "TRAIN",
    "accuracy",
    "animation",
    "circuit_plane",
    "circuits_against",
    "components",
    "curves",
    "delay_law",
    "figure",
    "heat_map",
    "incidence",
    "incidences",
    "ipr_over_training",
    "irreps",
    "irreps_of_members",
    "key_counts",
    "landscape",
    "learning_times",
    "loss",
    "medians",
    "metric",
    "narrow",
    "neurons",
    "norms",
    "occupancy",
    "panel",
    "periodicity",
    "phase_diagram",
    "phase_legend",
    "planes",
    "progress_losses",
    "progress_structure",
    "save",
    "scaling",
    "spectrum",
    "spectrum_2d",
    "spectrum_of_members",
    "spectrum_over_training",
    "throughput",
    "times_against",
    "times_beside",
]
