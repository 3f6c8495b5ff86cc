"""A process that opens run directories, each in a fork of its own that is watched.

Reads requests from stdin and answers on stdout, a line of JSON each. A request names the
`directory`, what to do with it (`action`), and links to `plant` beforehand, names with `{pid}` for
the fork's own number. An answer has what became of each step (`steps`: type and text of its error,
or `ok`), what was printed (`output`), `warnings`, what was written or started (`events`), memory at
its most above the start (`peak`, bytes), and the signal that ended it, if one did (`died`).
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
"""Of the processor, for each action; a fork that only waits has three times as many."""

CHANGES = {
    **{event: {0: 1} for event in ("os.remove", "os.rmdir", "shutil.rmtree")},
    **{event: {0: 2, 1: 3} for event in ("os.rename", "os.link")},
    **{event: {0: None} for event in ("os.truncate", "os.setxattr", "os.removexattr")},
    **{event: {1: None} for event in ("shutil.move", "shutil.copyfile")},
    **{"os.mkdir": {0: 2}, "os.symlink": {1: 2}, "os.chmod": {0: 2}, "os.chown": {0: 3}},
    "os.utime": {0: 3},
}
"""Events of what changes files: where their arguments are paths, and of which folder."""
STARTS = {
    *("os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty", "pty.spawn"),
    *("subprocess.Popen", "socket.connect", "socket.bind", "pickle.find_class"),
    *("shelve.open", "dbm.open", "urllib.Request", "webbrowser.open", "code.__new__"),
}


def watched(directory, events):
    """Records what writes, starts, loads or reads `outside`; nothing of it is prevented."""
    inside = os.path.realpath(directory)
    foreign = os.path.join(os.path.dirname(inside), "outside") + os.sep

    def note(event, arguments):
        if event == "open":
            path, mode, flags = arguments
            writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
            if isinstance(path, int):
                return
            real = os.path.realpath(os.fsdecode(path))
            if set(mode or "") & set("wax+") or flags & writing:
                events.append(["write", real])
            elif real.startswith(foreign):
                events.append(["read", real])
        elif event in CHANGES:
            for at, of in CHANGES[event].items():
                within = -1 if of is None else arguments[of]
                base = os.getcwd() if within is None or within < 0 else f"/proc/self/fd/{within}"
                folder, name = os.path.split(os.path.join(base, os.fsdecode(arguments[at])))
                events.append([event, os.path.join(os.path.realpath(folder), name)])
        elif event in STARTS:
            events.append([event, str(arguments)[:200]])
        elif event in ("import", "ctypes.dlopen", "exec"):
            code = arguments[0]
            path = arguments[1] if event == "import" else getattr(code, "co_filename", code)
            if path and os.path.realpath(os.fsdecode(path)).startswith(inside + os.sep):
                events.append([event, os.fsdecode(path)])

    sys.addaudithook(note)


def read(directory):
    """All that the library reads of a run, one after the other."""
    import grokjax
    from grokjax import inspection

    run = None

    def load():
        nonlocal run
        run = grokjax.load(directory)

    yield "load", load
    yield "info", lambda: inspection.info(Path(directory))
    if run is None:
        return
    yield "members", lambda: run.members
    yield "repr", lambda: print(repr(run), repr(run.sweep))
    yield "history", lambda: run.history
    yield "snapshots", lambda: run.snapshots
    yield "rounds", lambda: run.rounds
    yield "params", lambda: run.params
    yield "verify", lambda: print("\n".join(f"damaged: {x}" for x in inspection.verify(run)))


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
    """A command; one that ends with a refusal has said so in a line."""
    from grokjax.cli import main

    def run():
        code = main(list(words))
        if code:
            raise SystemExit(code)

    yield words[0], run


def misbehave(directory):
    """What none of the others may do, for a test of the watch itself."""
    import pickle

    foreign = Path(directory).parent / "outside" / "written"
    yield "write", lambda: foreign.write_text("")
    yield "read", lambda: foreign.read_text()
    yield "remove", lambda: foreign.unlink()
    yield "start", lambda: subprocess.run(["true"], check=True)
    yield "unpickle", lambda: pickle.loads(pickle.dumps(Path(directory)))
    yield "import", lambda: __import__("ctypes").CDLL(str(Path(directory) / "config.json"))
    yield "fill", lambda: bytearray(os.urandom(1)) * (3 << 29)
    yield "print", lambda: print("\x1b]0;owned\x07")


def fork(request, answer):
    """What is asked for, in this process, which then ends."""
    directory, events, begun = request["directory"], [], memory("VmRSS")
    for name, target in request.get("plant", {}).items():
        os.symlink(target, Path(directory) / name.format(pid=os.getpid()))
    limit = memory("VmSize") + ADDRESS_SPACE
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    seconds = SECONDS[request["action"]]
    signal.setitimer(signal.ITIMER_PROF, seconds)  # the signal's default is the end
    signal.setitimer(signal.ITIMER_REAL, 3 * seconds)
    output = tempfile.TemporaryFile("w+", errors="replace")  # noqa: SIM115
    os.dup2(output.fileno(), 1)
    os.dup2(output.fileno(), 2)
    steps = {}
    watched(directory, events)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        for name, step in globals()[request["action"]](directory):
            os.write(answer, f"{name}\n".encode())
            steps[name] = ["ok", ""]
            try:
                step()
            except (Exception, SystemExit) as error:
                steps[name] = [type(error).__name__, str(error)[:100_000]]
    peak = memory("VmHWM") - begun
    sys.stdout.flush()
    output.seek(0)
    said = {"steps": steps, "events": events, "peak": peak, "output": output.read(200_000)}
    said["warnings"] = [str(each.message)[:10_000] for each in warned]
    with open(answer, "w") as file:
        json.dump(said, file)
        file.write("\n")


def memory(field):
    """Of this process, in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(field))


def answered(request):
    """The answer of a fork, or what it was at when it died."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.close(reading)
            fork(request, writing)
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
    # All that a fork will need, once; no backend is started, so that forks have whole threads.
    sys.dont_write_bytecode = True
    import h5netcdf
    import matplotlib.figure
    import orbax.checkpoint
    import xarray

    from grokjax import cli, ensemble, history, inspection, plots, report, run
    from grokjax.analysis import survey

    kept = (h5netcdf, matplotlib, orbax, xarray, cli, ensemble, history, inspection, plots, report)
    assert all([*kept, run, survey])
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        print(json.dumps(answered(json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main()
