"""Compiled programs that are kept on disk: the same bits, and never a failure."""

import os
import zlib

import jax
import numpy as np
import pytest

import grokjax
from grokjax.cli import main
from grokjax.runtime import cache_store, compile_cache, environment
from grokjax.runtime.cache_store import Store
from grokjax.training import program
from tests.conftest import flags


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty folder of compiled programs that is used."""
    monkeypatch.setenv(cache_store.VARIABLE, str(tmp_path / "programs"))
    monkeypatch.setattr(cache_store, "_warned", set())
    return tmp_path / "programs"


@pytest.fixture
def compiled(monkeypatch):
    """Names of the programs that XLA has compiled, not loaded."""
    names, real = [], jax.stages.Lowered.compile

    def compile(lowered, *arguments, **how):
        names.append(lowered.as_text().split(maxsplit=2)[1])
        return real(lowered, *arguments, **how)

    monkeypatch.setattr(jax.stages.Lowered, "compile", compile)
    return names


def compile_sum(value=2.0):
    """Compile a small program, or load it, and return what it computes."""
    with compile_cache.use():
        device = jax.devices()[0]
        lowered = jax.jit(lambda x: (x * value).sum()).lower(np.ones(3, np.float32))
        (program,) = compile_cache.compile_all([lowered], [device])
        return float(program(np.ones(3, np.float32)))


def arrays_of(run):
    metrics = {name: values.values for name, values in run.history.data_vars.items()}
    return metrics, run.params, run.members.drop(columns="seconds", errors="ignore").to_dict()


def test_loaded_programs_train_to_the_same_bits(folder, compiled, tiny, tmp_path):
    """Compiled without a cache, compiled and kept, and loaded, on two devices."""
    sweep, found = grokjax.Sweep(tiny, seed=range(3)), []
    for name, kept in (("off", False), ("cold", True), ("warm", True)):
        program.compile_programs.cache_clear()
        compiled.clear()
        run = grokjax.train(sweep, tmp_path / name, lanes=2, progress=False, compile_cache=kept)
        assert compiled.count("@jit_of_lanes") == (0 if name == "warm" else 2)
        assert folder.exists() == kept
        found.append(arrays_of(run))
    for other in found[1:]:
        jax.tree.map(np.testing.assert_array_equal, found[0], other)
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    "change",
    [
        lambda patch: patch.setattr(compile_cache, "_processor", lambda: "another processor"),
        lambda patch: patch.setattr(
            environment, "package_versions", lambda: {"jax": "0.10.1", "jaxlib": "9"}
        ),
        lambda patch: patch.setenv("XLA_FLAGS", "--xla_cpu_enable_fast_math=true"),
        lambda patch: patch.setattr("grokjax.runtime.devices.core_count", lambda: 99),
        lambda patch: patch.setenv("PJRT_NPROC", "1"),
    ],
    ids=["processor", "jaxlib", "flags", "cores", "threads"],
)
def test_another_machine_loads_nothing(change, folder, compiled, monkeypatch):
    assert [compile_sum() for _ in range(2)] == [6, 6]
    assert len(compiled) == 1
    change(monkeypatch)
    assert compile_sum() == 6
    assert len(compiled) == 2


def truncate(path):
    path.write_bytes(path.read_bytes()[:-9])


def flip(path):
    content = bytearray(path.read_bytes())
    content[-20] ^= 1
    path.write_bytes(content)


def lie(path):
    """Write what is intact, and not a program."""
    Store(path.parent).write(path.name, b"not a program")


def exchange(path):
    """Put another program there, whole, with a digest that is not its own."""
    compile_sum(3.0)
    (other,) = set(path.parent.iterdir()) - {path}
    content = zlib.compress(Store(path.parent).read(other.name))
    other.unlink()
    path.write_bytes(cache_store.MAGIC + bytes(32) + content)


@pytest.mark.parametrize(
    "damage", [truncate, flip, lie, exchange, lambda path: path.write_bytes(b"")]
)
def test_a_damaged_entry_is_compiled_anew_and_replaced(damage, folder, compiled):
    compile_sum()
    (path,) = folder.iterdir()
    damage(path)
    compiled.clear()
    assert [compile_sum() for _ in range(2)] == [6, 6]
    assert len(compiled) == 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda folder: folder.mkdir(mode=0o755), "must be private to its owner"),
        (lambda folder: folder.write_text(""), "File exists"),
        (lambda folder: folder.parent.joinpath("file").write_text(""), "Not a directory"),
    ],
    ids=["others can read", "file", "parent is a file"],
)
def test_a_folder_that_cannot_be_used_costs_one_warning(
    make, message, folder, compiled, monkeypatch
):
    make(folder)
    if message == "Not a directory":
        monkeypatch.setenv(cache_store.VARIABLE, str(folder.parent / "file" / "x" / "y"))
    with pytest.warns(UserWarning, match=message) as heard:
        assert [compile_sum() for _ in range(2)] == [6, 6]
    assert len(heard) == 1
    assert len(compiled) == 2


def test_a_folder_of_another_user_is_not_used(folder, monkeypatch):
    folder.mkdir(mode=0o700)
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    with pytest.warns(UserWarning, match="belongs to another user"):
        assert Store.open() is None


def test_a_full_disk_costs_one_warning(folder, compiled, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.warns(UserWarning, match="No space left") as heard:
        assert [compile_sum(value) for value in (2, 3)] == [6, 9]
    assert len(heard) == 1
    assert not list(folder.iterdir())


def test_the_folder_stays_below_its_size(folder, monkeypatch):
    store = Store.open()
    monkeypatch.setattr(cache_store, "MAX_BYTES", 4000)
    for number in range(6):
        store.write(f"{number}", os.urandom(1000))
        os.utime(folder / f"{number}", (number, number))
        assert store.read("0") is not None, "what is used stays"
    assert {path.name for path in folder.iterdir()} == {"0", "4", "5"}


def test_it_is_off_by_one_setting_or_where_jax_has_its_own(folder, monkeypatch, tmp_path):
    def is_on(enabled=True):
        with compile_cache.use(enabled):
            return compile_cache._store.get() is not None

    assert is_on()
    assert not is_on(enabled=False)
    monkeypatch.setenv(cache_store.VARIABLE, "off")
    assert not is_on()
    monkeypatch.delenv(cache_store.VARIABLE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert is_on()
    assert (tmp_path / "cache" / "grokjax" / "compiled").stat().st_mode & 0o777 == 0o700
    jax.config.update("jax_compilation_cache_dir", str(tmp_path))
    try:
        assert not is_on()
        monkeypatch.setenv(cache_store.VARIABLE, str(tmp_path / "programs"))
        assert not is_on(), "what JAX has loaded cannot be serialised again"
    finally:
        jax.config.update("jax_compilation_cache_dir", None)
    monkeypatch.setenv(cache_store.VARIABLE, "programs")
    message = "GROKJAX_COMPILE_CACHE must be on, off or the absolute path"
    with pytest.raises(grokjax.errors.ConfigError, match=message):
        is_on()


def test_without_a_home_it_is_off_with_one_warning(monkeypatch):
    monkeypatch.delenv(cache_store.VARIABLE)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(cache_store, "_warned", set())

    def none():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(cache_store.Path, "home", none)
    with pytest.warns(UserWarning, match="home directory"):
        assert Store.open() is None


def test_loading_prints_nothing_and_leaves_jax_as_it_was(folder, compiled, capfd):
    """XLA's log is on in this process, as in that of a user who has imported JAX first."""
    assert [compile_sum() for _ in range(2)] == [6, 6]
    assert len(compiled) == 1
    assert capfd.readouterr() == ("", "")
    assert jax.config.jax_compilation_cache_dir is None


def test_what_others_print_while_a_program_loads_appears(capfd):
    with compile_cache._without_aot_alarms():
        os.write(2, b"E0101 cpu_aot_loader.cc:195] Loading\nmine\n")
    assert capfd.readouterr().err == "mine\n"


def test_the_command_line_can_turn_it_off():
    words = ["train", "--out", "run", "--no-compile-cache", *flags()]
    command = main._parse(words)
    assert not command.machine.join_processes(quiet=True)["compile_cache"]
