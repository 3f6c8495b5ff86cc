"""Keep compiled programs on disk, so that the next process loads what this one has compiled.

JAX serialises a compiled program, and `cache_store` keeps it. JAX's own persistent cache is not
switched on, because it is a setting of the user's whole process, an entry that a kill has cut short
stays in it for ever, and of several processes only the first writes, and no other finds it.
"""

from __future__ import annotations

import contextlib
import contextvars
import functools
import hashlib
import json
import os
import platform
import tempfile
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from grokjax.runtime import devices as runtime_devices
from grokjax.runtime import environment
from grokjax.runtime.cache_store import VARIABLE, Store

_store: contextvars.ContextVar[Store | None] = contextvars.ContextVar("store", default=None)

_stderr_lock = threading.Lock()


@contextlib.contextmanager
def use(enabled: bool = True) -> Iterator[None]:
    """Within this context, let `compile_all` load programs from the user's cache, and keep them.

    It does not if `enabled` is false or `GROKJAX_COMPILE_CACHE` is off; nor if JAX's own cache is
    on, because a program that JAX has loaded from it is serialised without some of its functions
    (jax 0.10.1: NOT_FOUND when it runs); nor, where the variable is not set, if the user has set
    `JAX_ENABLE_COMPILATION_CACHE` to false.

    Raises ConfigError for a value of `GROKJAX_COMPILE_CACHE` that cannot be used.
    """
    import jax

    allowed = getattr(jax.config, "jax_enable_compilation_cache", True)
    of_jax = allowed and getattr(jax.config, "jax_compilation_cache_dir", None)
    wanted = enabled and not of_jax and (VARIABLE in os.environ or allowed)
    token = _store.set(Store.open() if wanted else None)
    try:
        yield
    finally:
        _store.reset(token)


def compile_all(lowered: Sequence[Any], devices: Sequence[Any]) -> list[Any]:
    """Compile programs at the same time, or load those that the cache has.

    Args:
      lowered: the programs, `jax.stages.Lowered`.
      devices: those of their mesh, in its order, of all processes.

    Returns:
      The programs as `jax.stages.Compiled`, in the given order.
    """
    store = _store.get()
    keys, found = [""] * len(lowered), [None] * len(lowered)
    if store is not None:
        machine = _describe_machine(devices)
        keys = [hashlib.sha256((machine + each.as_text()).encode()).hexdigest() for each in lowered]
        found = [_load(store, *each, devices) for each in zip(keys, lowered, strict=True)]
    with ThreadPoolExecutor(len(lowered)) as pool:
        compiled = list(pool.map(lambda each, known: known or each.compile(), lowered, found))
    for key, known, each in zip(keys, found, compiled, strict=True):
        if store is not None and known is None:
            _save(store, key, each)
    return compiled


def _describe_machine(devices: Sequence[Any]) -> str:
    """Return all that compiled code depends on besides the program, as text.

    XLA's code on CPU depends on the number of threads: those of the cores, or of these variables.
    """
    import jax

    client = devices[0].client
    threads = {name: os.environ.get(name) for name in ("PJRT_NPROC", "NPROC")}
    return json.dumps(
        [
            [environment.package_versions()[name] for name in ("jax", "jaxlib")],
            _processor(),
            [runtime_devices.core_count(), jax.local_device_count(), threads],
            [client.platform, client.platform_version, jax.process_index(), jax.process_count()],
            [(each.id, each.process_index, each.device_kind) for each in devices],
            environment.compiler_flags(),
            environment.jax_settings(),
        ]
    )


@functools.cache
def _processor() -> str:
    """Return what identifies the processor's model and the instructions that it has."""
    names = "vendor_id", "cpu family", "model", "model name", "stepping", "flags", "Features", "CPU"
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").partition("\n\n")[0].splitlines()
    except OSError:  # not Linux: no other machine
        return f"{platform.machine()} {platform.processor()} {platform.node()}"
    return "\n".join([platform.machine(), *(line for line in lines if line.startswith(names))])


def _load(store: Store, key: str, lowered: Any, devices: Sequence[Any]) -> Any | None:
    """Return a program from the cache; None if it is not there or does not load."""
    from jax.experimental import serialize_executable

    content = store.read(key)
    if content is None:
        return None
    try:
        with _without_aot_alarms():
            return serialize_executable.deserialize_and_load(
                content, lowered.in_tree, lowered.out_tree, devices[0].client, devices
            )
    except Exception:  # whatever JAX raises, compiling helps
        return None


def _save(store: Store, key: str, compiled: Any) -> None:
    """Keep a program, where JAX can serialise it."""
    from jax.experimental import serialize_executable

    try:
        content, _, _ = serialize_executable.serialize(compiled)
    except Exception:  # such as NotImplementedError: not on every platform, nor with constants
        return
    store.write(key, content)


@contextlib.contextmanager
def _without_aot_alarms() -> Iterator[None]:
    """Remove from stderr XLA's alarms about instructions of this machine, 1 kB each.

    XLA on CPU logs as errors that `prefer-no-gather` and `prefer-no-scatter`, its own advice to
    LLVM, are no instructions of any processor (jax-ml/jax#38445). What else appears is passed on.
    """
    with _stderr_lock, contextlib.ExitStack() as stack:
        try:
            stderr = os.dup(2)
            stack.callback(os.close, stderr)
            kept = stack.enter_context(tempfile.TemporaryFile())
        except OSError:  # stderr is closed, or no file can be made
            yield
            return
        os.dup2(kept.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(stderr, 2)
            kept.seek(0)
            others = [line for line in kept if b"cpu_aot_loader.cc" not in line]
            if others:
                os.write(2, b"".join(others))
