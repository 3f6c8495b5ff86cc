"""Write a history as Parquet or CSV, and a run as Zarr, each whole or not at all."""

from __future__ import annotations

import os
import shutil

from grokjax.errors import ConfigError, invalid, printable, reason
from grokjax.interop.libraries import import_library
from grokjax.results.run import Run
from grokjax.runtime import paths
from grokjax.storage.files import atomic_write

TABLES = (".parquet", ".csv")
"""Suffixes of tables."""


def write_history(run: Run, path: str | os.PathLike[str]) -> None:
    """Write the table `run.to_pandas()` into a file, in one step; one that exists is replaced.

    Args:
      run: the run, or several as one.
      path: a file whose name ends in .parquet, which needs pyarrow, or in .csv.

    Raises ConfigError if it cannot be written, or if a library is missing.
    """
    file = paths.parse_path("path", path)
    if file.suffix not in TABLES:
        raise invalid("path", str(path), f"must end in {' or '.join(TABLES)}")
    if file.suffix == ".parquet":
        import_library("pyarrow", f"path: a {file.suffix} file")
    paths.require_writable("path", file, "name another file")
    table = run.to_pandas()
    file.absolute().parent.mkdir(parents=True, exist_ok=True)
    with atomic_write(file.absolute()) as temporary:
        if file.suffix == ".csv":
            table.to_csv(temporary, index=False)
        else:
            table.to_parquet(temporary, index=False)


def write_zarr(run: Run, path: str | os.PathLike[str], overwrite: bool = False) -> None:
    """Write the tree `run.to_datatree()` into a folder, in one step.

    `xarray.open_datatree(path, engine="zarr")` reads it. Version 2 of the format is written, since
    version 3 has no specification for texts yet.

    Args:
      run: the run, or several as one.
      path: a folder whose name ends in .zarr.
      overwrite: whether to replace one that exists.

    Raises ConfigError if it exists or cannot be written, or if zarr is missing.
    """
    folder = paths.parse_path("path", path)
    if folder.suffix != ".zarr":
        raise invalid("path", str(path), "must end in .zarr")
    if folder.exists() and not overwrite:
        raise ConfigError(f"path: {printable(folder)} exists; name another, or set overwrite")
    if folder.is_file() or (folder.exists() and not (folder / ".zgroup").is_file()):
        raise ConfigError(f"path: {printable(folder)} is something else than Zarr; name another")
    import_library("zarr", f"path: a {folder.suffix} file")
    paths.require_writable("path", folder / ".zgroup", "name another folder")
    tree = run.to_datatree()
    target = folder.absolute()
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        tree.to_zarr(temporary, zarr_format=2)
        if target.exists():
            shutil.rmtree(target)
        temporary.rename(target)
    except OSError:
        raise
    except Exception as error:  # zarr and its codecs each raise their own
        raise ConfigError(
            f"path: {printable(folder)} cannot be written ({reason(error)})"
        ) from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
