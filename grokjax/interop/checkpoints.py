"""Open files of weights whatever library wrote them, and export a member of a run."""

from __future__ import annotations

import os
from typing import Any, Literal, get_args

import numpy as np

from grokjax.config.config import Config
from grokjax.errors import ConfigError, invalid, printable
from grokjax.interop.shapes import expected_shapes
from grokjax.interop.torch_state_dict import from_torch, to_torch
from grokjax.interop.transformer_lens import from_transformer_lens, to_transformer_lens
from grokjax.interop.weights import Arrays, read_file, write_weights
from grokjax.models.model import flat_params
from grokjax.results.params import nested
from grokjax.results.run import Run
from grokjax.training.initial_weights import difference_of_shapes

Format = Literal["grokjax", "transformer-lens", "torch"]


def open_weights(path: str | os.PathLike[str], **settings: Any) -> tuple[Config, Any]:
    """Open weights for analysis, as a config and the parameters of its network.

    The functions of `grokjax.analysis` then take `(params, network=config)`.

    Args:
      path: as for `read_weights`; written by grokjax, TransformerLens, the codes of Nanda et al.
        2023 and Zhong et al. 2023, or PyTorch with the notebook's module.
      **settings: of the network and its task, where a file does not tell them, such as `operation`.

    Returns:
      The config of the network, and its parameters with a leading axis of members, as `Run.params`.

    Raises ConfigError if the file cannot be read, or is of no network that grokjax has.
    """
    arrays, stored = read_file(path)
    form = format_of(arrays)
    if form != "grokjax":
        convert = {"transformer-lens": from_transformer_lens, "torch": from_torch}[form]
        config, params = convert(arrays, **settings)
        return config, _with_axis(params)
    config = Config(**settings) if stored is None else stored.replace(**settings)
    expected = expected_shapes(config)
    shapes = {name: array.shape for name, array in arrays.items()}
    if shapes == expected:
        return config, _with_axis(nested(arrays))
    members = {name: shape[1:] for name, shape in shapes.items()}
    if members != expected or len({shape[0] for shape in shapes.values()}) != 1:
        difference = difference_of_shapes(shapes, expected)
        raise ConfigError(f"{printable(path)}: {difference} in the network of these settings")
    return config, nested(arrays)


def read_params(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read parameters under our names, for `grokjax.train(..., init=...)`.

    path: as for `open_weights`. A file that grokjax wrote may hold those of several members.

    Raises ConfigError if it cannot be read.
    """
    arrays = read_file(path).arrays
    form = format_of(arrays)
    if form == "grokjax":
        return nested(arrays)
    return (from_torch if form == "torch" else from_transformer_lens)(arrays)[1]


def format_of(arrays: Arrays) -> Format:
    """Return which library's names arrays have."""
    names = {name.replace("/", ".") for name in arrays}
    if "embed.W_E" in names:
        return "transformer-lens"
    return "torch" if any(name.endswith(".weight") for name in arrays) else "grokjax"


def export_member(
    run: Run, member: int | None, path: str | os.PathLike[str], format: Format = "grokjax"
) -> None:
    """Write the parameters of one member of a run, or of all, into a file.

    Args:
      run: the run.
      member: its number; None: all members, in arrays with a leading axis, as
        `torch.func.stack_module_state` has them. Their networks must be the same; the settings in
        the file are those of the first.
      path: a file whose name ends in .npz or .safetensors.
      format: names and shapes: grokjax, with the settings; transformer-lens; or torch, for the
        notebook's PyTorch module.

    Raises ConfigError if the format has no such network, a member has no parameters yet, members
    have networks of different shapes, or the file cannot be written.
    """
    if format not in get_args(Format):
        raise invalid("format", format, f"must be {', '.join(get_args(Format))}")
    members = run.members.index.tolist() if member is None else [member]
    params = _params(run, member)
    if format == "grokjax":
        write_weights(path, params, run.sweep[members[0]])
        return
    convert = to_torch if format == "torch" else to_transformer_lens
    if member is not None:
        write_weights(path, convert(params, run.sweep[member]))
        return
    flat = flat_params(params)
    states = [
        convert(nested({name: array[i] for name, array in flat.items()}), run.sweep[m])
        for i, m in enumerate(members)
    ]
    write_weights(path, {name: np.stack([state[name] for state in states]) for name in states[0]})


def _params(run: Run, member: int | None) -> dict[str, Any]:
    """Return parameters: of one member, or of all `[M, ...]`. Raises ConfigError without any."""
    try:
        if member is not None:
            return run.params_of(member)
        table = run.members
        for number, status in zip(table.index.tolist(), table["status"].tolist(), strict=True):
            if status in ("pending", "running"):
                run.params_of(number)  # raises for a member that `params` would have NaN for
        return run.params
    except ConfigError:
        raise
    except ValueError as error:
        raise ConfigError(f"export: {error}") from error


def _with_axis(node: Any) -> Any:
    """Return nested parameters of one member with a leading axis of one."""
    if isinstance(node, dict):
        return {name: _with_axis(value) for name, value in node.items()}
    return np.asarray(node)[None]
