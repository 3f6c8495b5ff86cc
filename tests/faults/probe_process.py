"""Run by `probe.Probe`: open run directories, each in a fork whose operations are recorded.

Requests come on stdin and answers go to stdout, one line of JSON each. A request has the
`directory`, an `action`, and symbolic links to `plant` first: name to target, where `{pid}` in a
name stands for the number of the fork. An answer has the result of each step (`steps`: `ok`, or
the type and text of its error), what was printed (`output`), `warnings`, what was written or
started (`events`), the increase of memory at its peak (`peak`, bytes), and the signal that ended
the fork, or 0 (`died`).
"""

import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

ADDRESS_SPACE = 6 << 30
SECONDS = {"read": 6.0, "check": 20.0, "report": 20.0, "resume": 20.0, "misbehave": 6.0}
"""Limit of CPU seconds of each action; the limit of elapsed time is three times as long."""

CHANGES = {
    **{event: {0: 1} for event in ("os.remove", "os.rmdir", "shutil.rmtree")},
    **{event: {0: 2, 1: 3} for event in ("os.rename", "os.link")},
    **{event: {0: None} for event in ("os.truncate", "os.setxattr", "os.removexattr")},
    **{event: {1: None} for event in ("shutil.move", "shutil.copyfile")},
    **{"os.mkdir": {0: 2}, "os.symlink": {1: 2}, "os.chmod": {0: 2}, "os.chown": {0: 3}},
    "os.utime": {0: 3},
}
"""Audit events that change files: position of each path, and of its folder's descriptor."""
STARTS = {
    *("os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty", "pty.spawn"),
    *("subprocess.Popen", "socket.connect", "socket.bind", "pickle.find_class"),
    *("shelve.open", "dbm.open", "urllib.Request", "webbrowser.open", "code.__new__"),
}
"""Audit events that start a process, connect, or run code."""


def record_events(directory, events):
    """Record what is written, started, loaded, or read in `outside`; nothing is prevented."""
    inside = os.path.realpath(directory)
    outside = os.path.join(os.path.dirname(inside), "outside") + os.sep

    def record(event, arguments):
        if event == "open":
            path, mode, flags = arguments
            writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
            if isinstance(path, int):
                return
            real = os.path.realpath(os.fsdecode(path))
            if set(mode or "") & set("wax+") or flags & writing:
                events.append(["write", real])
            elif real.startswith(outside):
                events.append(["read", real])
        elif event in CHANGES:
            for path_at, folder_at in CHANGES[event].items():
                fd = -1 if folder_at is None else arguments[folder_at]
                base = os.getcwd() if fd is None or fd < 0 else f"/proc/self/fd/{fd}"
                folder, name = os.path.split(os.path.join(base, os.fsdecode(arguments[path_at])))
                events.append([event, os.path.join(os.path.realpath(folder), name)])
        elif event in STARTS:
            events.append([event, str(arguments)[:200]])
        elif event in ("import", "ctypes.dlopen", "exec"):
            code = arguments[0]
            path = arguments[1] if event == "import" else getattr(code, "co_filename", code)
            if path and os.path.realpath(os.fsdecode(path)).startswith(inside + os.sep):
                events.append([event, os.fsdecode(path)])

    sys.addaudithook(record)


def read(directory):
    """Yield all reads of a run, by name."""
    import grokjax
    from grokjax.cli import info

    run = None

    def load():
        nonlocal run
        run = grokjax.load(directory)

    yield "load", load
    yield "info", lambda: info.info(Path(directory))
    if run is None:
        return
    yield "members", lambda: run.members
    yield "repr", lambda: print(repr(run), repr(run.sweep))
    yield "history", lambda: run.history
    yield "snapshots", lambda: run.snapshots
    yield "rounds", lambda: run.rounds
    yield "params", lambda: run.params
    yield "verify", lambda: print("\n".join(f"damaged: {x}" for x in info.verify(run)))


def report(directory):
    from grokjax import report

    yield "report", lambda: report.write(directory)


def check(directory):
    yield from command("check", directory)


def resume(directory):
    yield from command(
        "resume", directory, "--devices", "1", "--quiet", "--checkpoint-every", "1e-9"
    )


def command(*words):
    """Yield a run of the command; a failure raises SystemExit."""
    from grokjax.cli.main import main

    def run():
        code = main(list(words))
        if code:
            raise SystemExit(code)

    yield words[0], run


def misbehave(directory):
    """Yield what no other action may do, to test that the probe records it."""
    import pickle

    written = Path(directory).parent / "outside" / "written"
    yield "write", lambda: written.write_text("")
    yield "read", lambda: written.read_text()
    yield "remove", lambda: written.unlink()
    yield "start", lambda: subprocess.run(["true"], check=True)
    yield "unpickle", lambda: pickle.loads(pickle.dumps(Path(directory)))
    yield "import", lambda: __import__("ctypes").CDLL(str(Path(directory) / "config.json"))
    yield "fill", lambda: bytearray(os.urandom(1)) * (3 << 29)
    yield "print", lambda: print("\x1b]0;owned\x07")


def perform(request, answer):
    """Perform the action in this process, a fork, and write the answer to a file descriptor."""
    directory, events, memory_before = request["directory"], [], memory("VmRSS")
    for name, target in request.get("plant", {}).items():
        os.symlink(target, Path(directory) / name.format(pid=os.getpid()))
    limit = memory("VmSize") + ADDRESS_SPACE
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    seconds = SECONDS[request["action"]]
    signal.setitimer(signal.ITIMER_PROF, seconds)  # by default the signal ends the process
    signal.setitimer(signal.ITIMER_REAL, 3 * seconds)
    output = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115
    os.dup2(output.fileno(), 1)
    os.dup2(output.fileno(), 2)
    steps = {}
    record_events(directory, events)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for name, step in globals()[request["action"]](directory):
            os.write(answer, f"{name}\n".encode())
            steps[name] = ["ok", ""]
            try:
                step()
            except (Exception, SystemExit) as error:
                steps[name] = [type(error).__name__, str(error)[:100_000]]
    peak = memory("VmHWM") - memory_before
    sys.stdout.flush()
    output.seek(0)
    result = {"steps": steps, "events": events, "peak": peak, "output": output.read(200_000)}
    result["warnings"] = [str(each.message)[:10_000] for each in caught]
    with open(answer, "w") as file:
        json.dump(result, file)
        file.write("\n")


def memory(field):
    """Return a size of this process from /proc, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(field))


def answer_of_fork(request):
    """Return the answer of a fork, or the step at which it died."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            perform(request, writing)
        finally:
            os._exit(0)
    os.close(writing)
    with open(reading) as file:
        *_, last = file.read().splitlines() or [""]
    _, status, used = os.wait4(child, 0)
    if last.startswith("{"):
        return json.loads(last) | {"died": 0}
    peak = used.ru_maxrss * 1024 - memory("VmRSS")
    empty = {"steps": {}, "events": [], "output": "", "warnings": []}
    return empty | {"died": os.WTERMSIG(status), "at": last, "peak": peak}


def main():
    # Import once what the forks need. Start no JAX backend: a fork would lose its threads.
    sys.dont_write_bytecode = True
    import h5netcdf
    import matplotlib.figure
    import orbax.checkpoint
    import xarray

    from grokjax import plots, report
    from grokjax.analysis import survey
    from grokjax.cli import info, main
    from grokjax.results import history, run
    from grokjax.training import api

    kept = (h5netcdf, matplotlib, orbax, xarray, main, api, history, info, plots, report)
    assert all([*kept, run, survey])
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        print(json.dumps(answer_of_fork(json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
