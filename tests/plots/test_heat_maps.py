"""Heat maps and phase diagrams."""

import numpy as np
import xarray as xr

from grokjax import plots


def test_a_heat_map_hatches_cells_without_a_number():
    table = xr.DataArray([[1.0, np.nan], [3.0, 4.0]], {"seed": [7, 8], "decay": [0.5, 1.0]})
    ax = plots.heat_map(table, "epochs", "title")
    cells = ax.collections[0].get_array()
    assert np.ma.getmaskarray(cells).ravel().tolist() == [False, True, False, False]
    written = {text.get_text(): text.get_position() for text in ax.texts}
    assert written == {"1": (0.5, 0.5), "3": (0.5, 1.5), "4": (1.5, 1.5)}
    assert ax.patch.get_hatch()
    unknown = plots.heat_map(table * np.nan, "epochs")
    assert [text.get_text() for text in unknown.texts] == ["not known in any cell"]
    assert len(unknown.get_figure().axes) == 1  # no bar of colours that mean nothing
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("decay", "seed")


def test_limits_fix_the_colours_and_long_names_are_slanted():
    shares = xr.DataArray([[0.1] * 8], {"seed": [7], "rate": np.geomspace(1e-5, 1e-2, 8).round(7)})
    ax = plots.heat_map(shares, limits=(0, 1))
    assert ax.collections[0].get_clim() == (0, 1)
    assert ax.texts[0].get_color() == "white"  # on the dark end of the colours
    assert {label.get_rotation() for label in ax.get_xticklabels()} == {45}
    assert {label.get_rotation() for label in ax.get_yticklabels()} == {0}
    few = plots.heat_map(shares[:, :3])
    assert {label.get_rotation() for label in few.get_xticklabels()} == {0}


def test_a_phase_diagram_has_a_stripe_for_each_seed():
    codes = np.array([[[0, 1], [2, 2]], [[1, 1], [0, -1]], [[2, 0], [1, 2]]])  # [Y, X, S]
    axis = ("fraction", np.array([0.1, 0.9])), ("noise", np.array([0.1, 0.5, 0.9]))
    ax = plots.phase_diagram(codes, ("a", "b", "c"), *axis)
    image = ax.collections[0]
    shown = image.get_array()
    np.testing.assert_array_equal(shown.filled(-1), codes.reshape(3, 4))
    assert shown.mask[1, 3]
    faces = image.cmap(image.norm(np.arange(3)))
    assert len({tuple(face) for face in faces}) == 3
    assert ax.get_xlabel() == "fraction"
    assert [label.get_text() for label in ax.get_yticklabels()] == ["0.1", "0.5", "0.9"]
