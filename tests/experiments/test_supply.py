"""The wheel and the sdist: their files, dependencies, and import time."""

import os
import re
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
MODULES = {"orbax-checkpoint": "orbax"}
"""Modules whose name differs from that of their distribution."""
REQUIRES = {Requirement(line) for line in PROJECT["dependencies"]}
REQUIRED = {MODULES.get(required.name, required.name) for required in REQUIRES}


def python(*arguments, cwd, path=ROOT):
    """Run Python in a subprocess with `path` first on its module path; return its stdout."""
    environment = os.environ | {"PYTHONPATH": str(path)}
    command = [sys.executable, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout


def build(source, folder, *targets):
    python("-m", "hatchling", "build", "-d", folder, *targets, cwd=source)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    build(ROOT, folder, "-t", "wheel")
    (path,) = folder.iterdir()
    return path


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    """The unpacked sdist."""
    folder = tmp_path_factory.mktemp("sdist")
    build(ROOT, folder, "-t", "sdist")
    (path,) = folder.iterdir()
    with tarfile.open(path) as archive:
        archive.extractall(folder, filter="data")
    return folder / path.name.removesuffix(".tar.gz")


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """A folder with grokjax from the wheel; its dependencies come from the test environment."""
    folder = tmp_path_factory.mktemp("installed")
    pip = ("-m", "pip", "--disable-pip-version-check", "install", "--quiet")
    python(*pip, "--no-deps", "--no-index", "--target", folder, wheel, cwd=folder)
    return folder


def files_below(*folders):
    """Paths of all files in these folders that git does not ignore."""
    found = (path for folder in folders for path in (ROOT / folder).rglob("*") if path.is_file())
    paths = (path.relative_to(ROOT) for path in found)
    return {path.as_posix() for path in paths if not {"__pycache__", "runs"} & set(path.parts)}


def test_the_wheel_has_exactly_the_files_of_the_package(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert names == files_below("grokjax")
    assert {"grokjax/py.typed", "grokjax/report/page.html"} <= names


def test_the_sdist_builds_a_byte_identical_wheel(unpacked, wheel, tmp_path):
    build(unpacked, tmp_path, "-t", "wheel")
    assert (tmp_path / wheel.name).read_bytes() == wheel.read_bytes()


def test_the_sdist_has_exactly_the_files_of_the_repository(unpacked):
    found = {path.relative_to(unpacked).as_posix() for path in unpacked.rglob("*")}
    files = {name for name in found if (unpacked / name).is_file()}
    by_hand = {"LICENSE", "README.md", "CHANGELOG.md", "CITATION.cff", "Makefile", "pyproject.toml"}
    by_hand |= {"conftest.py"}
    by_hatch = {"PKG-INFO", ".gitignore"}
    folders = ("grokjax", "tests", "experiments", "notebooks")
    assert files == by_hand | by_hatch | files_below(*folders)


def test_every_dependency_has_bounds_with_a_reason():
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    groups = PROJECT["optional-dependencies"].values()
    for requirement in (*PROJECT["dependencies"], *(r for group in groups for r in group)):
        found = [line for line in lines if line.strip().startswith(f'"{requirement}"')]
        line = found[0]
        assert ">=" in requirement, line
        for each in found:  # an extra's libraries are also the developers'
            assert len(each.partition("#")[2]) > 8, f"reason missing: {each}"
        if re.search(r">=0\.\d", requirement) and requirement in PROJECT["dependencies"]:
            assert re.search(r",<0\.\d+\b", requirement), f"upper bound on 0.x missing: {line}"


def test_the_wheel_requires_what_pyproject_lists(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith("/METADATA"))
        metadata = message_from_bytes(archive.read(name))
    required = map(Requirement, metadata.get_all("Requires-Dist"))
    assert {r for r in required if r.marker is None} == REQUIRES  # extras have markers
    assert metadata["Requires-Python"] == PROJECT["requires-python"]
    assert metadata["License-Expression"] == "MIT"


def test_all_versions_agree(installed, tmp_path):
    output = python(installed / "bin" / "grokjax", "--version", cwd=tmp_path, path=installed)
    assert output == f"grokjax {PROJECT['version']}\n"
    assert f"\nversion: {PROJECT['version']}\n" in (ROOT / "CITATION.cff").read_text()


def test_the_wheel_trains_and_reports_outside_a_checkout(installed, tmp_path):
    location = python("-c", "import grokjax; print(grokjax.__file__)", cwd=tmp_path, path=installed)
    assert Path(location.strip()).is_relative_to(installed)
    small = "--seeds 2 --modulus 5 --embed-dim 4 --hidden-dim 8 --max-epochs 20 --quiet"
    train = ("-m", "grokjax", "train", "--out", "run", *small.split())
    assert "2 members" in python(*train, cwd=tmp_path, path=installed)
    python("-m", "grokjax", "report", "run", cwd=tmp_path, path=installed)
    assert "</html>" in (tmp_path / "run" / "report.html").read_text()


def test_importing_grokjax_imports_numpy_and_no_other_dependency(tmp_path):
    code = "import sys, grokjax; print(*sys.modules)"
    assert REQUIRED & set(python("-c", code, cwd=tmp_path).split()) == {"numpy"}


HELP = [
    *(["--help"], ["--version"], ["recipes"]),
    *([name, "--help"] for name in ("train", "resume", "info", "check", "report", "recipes")),
]
REFUSED = [
    *([], ["dance"], ["train"], ["recipes", "--show", "cake"]),
    *([name, "nowhere"] for name in ("resume", "info", "check", "report")),
    ["train", "--out", "full"],
    ["train", "--out", "full/file"],
    *(
        ["train", "--out", "run", *flags.split()]
        for flags in (
            *("--colour 3", "--modulus many", "--modulus 1", "--max-epochs 30", "--recipe cake"),
            *("--seeds 2 --seed 1", "--full-batch --batch-size 8", "--operation s5"),
            *("--lanes many", "--devices 0", "--checkpoint-every 0"),
            *("--num-processes 2", "--coordinator here --num-processes 2 --process-id 0"),
        )
    ),
]


@pytest.mark.parametrize(("commands", "code"), [(HELP, 0), (REFUSED, 2)], ids=["help", "refused"])
def test_help_and_refusals_come_before_jax(commands, code, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    heavy = REQUIRED - {"tyro", "numpy"}
    program = f"""
import sys
from grokjax.cli.main import main
for arguments in {commands!r}:
    try:
        ended = main(arguments)
    except SystemExit as stop:
        ended = stop.code
    assert ended == {code}, (arguments, ended)
    assert not {heavy!r} & set(sys.modules), (arguments, {heavy!r} & set(sys.modules))
"""
    python("-c", program, cwd=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["full"]
