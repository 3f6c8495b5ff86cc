"""Several processes are one: the same bits, one history, one fate."""

import contextlib
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

import jax
import numpy as np
import pytest

import grokjax
from grokjax import ensemble, hosts
from grokjax.backlog import Backlog
from grokjax.checkpoint import Checkpoints
from grokjax.hosts import OutOfMemory
from tests.conftest import TINY
from tests.test_resume import assert_same, stop_after

TRAIN = [sys.executable, "-m", "grokjax", "train", "--devices", "1", "--checkpoint-every", "0.3"]
TRAIN += [w for n, v in TINY.items() for w in (f"--{n.replace('_', '-')}", str(v))]
TRAIN += ["--seeds", "6", "--max-epochs", "400"]


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def start(command, number, environments=None):
    """The processes of one launch."""
    address = f"127.0.0.1:{free_port()}"
    processes = []
    for i in range(number):
        flags = ["--coordinator", address, "--num-processes", str(number), "--process-id", str(i)]
        if environments:
            flags = []
        processes.append(
            subprocess.Popen(
                [*command, *flags],
                stderr=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                text=True,
                env=os.environ | (environments[i] if environments else {}),
            )
        )
    return processes


def ended(processes, timeout=120):
    """Exit codes and what was said, of all of them."""
    said = [process.communicate(timeout=timeout)[1] for process in processes]
    return [process.returncode for process in processes], said


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    sweep = grokjax.Sweep(grokjax.Config(**TINY | {"max_epochs": 400}), seed=range(6))
    return grokjax.train(sweep, tmp_path_factory.mktemp("alone") / "run", progress=False)


@pytest.mark.slow
def test_two_processes_found_by_slurm_give_the_bits_of_one(tmp_path, alone):
    """The variables that srun sets for two tasks of a job; no flag says so."""
    job = {"SLURM_JOB_ID": str(os.getpid()), "SLURM_STEP_NODELIST": "localhost"}
    # The job has more tasks than this step; JAX by itself would wait for them.
    job |= {"SLURM_NTASKS": "3", "SLURM_STEP_NUM_TASKS": "2"}
    tasks = [job | {"SLURM_PROCID": str(i), "SLURM_LOCALID": str(i)} for i in range(2)]
    out = tmp_path / "run"
    codes, said = ended(start([*TRAIN, "--out", str(out)], 2, tasks))
    assert codes == [0, 0], said
    run = grokjax.load(out)
    assert_same(run, alone)
    assert len(run.info["environment"]["devices"]) == 2
    written = list((out / "checkpoints").glob("*/state/ocdbt.process_*"))
    assert {path.name[-1] for path in written} == {"0", "1"}, "each process writes its lanes"
    assert "training" in said[0]
    assert "training" not in said[1]


def newest(out):
    return max(
        (int(p.name) for p in (out / "checkpoints").glob("*") if p.name.isdigit()), default=0
    )


def wait_for_checkpoint(out, processes, beyond=0):
    deadline = time.monotonic() + 120
    while newest(out) <= beyond:
        assert time.monotonic() < deadline
        assert all(process.poll() is None for process in processes), ended(processes)
        time.sleep(0.02)


def resume(out):
    return [sys.executable, "-m", "grokjax", "resume", str(out), "--checkpoint-every", "0.3"]


def assert_dead(processes, victim, out):
    """All ended soon after one was killed; the survivor said what to do, last."""
    processes[victim].kill()
    killed = time.monotonic()
    codes, said = ended(processes)
    assert time.monotonic() - killed < 30
    assert codes[victim] == -signal.SIGKILL
    assert codes[1 - victim] not in (0, -signal.SIGKILL)
    assert f"go on with: grokjax resume {out}" in said[1 - victim].splitlines()[-1]
    assert "Traceback" not in said[1 - victim]


@pytest.mark.slow
def test_a_killed_worker_ends_all_and_four_processes_go_on(tmp_path, alone):
    out = tmp_path / "run"
    processes = start([*TRAIN, "--out", str(out)], 2)
    wait_for_checkpoint(out, processes)
    assert_dead(processes, 1, out)
    codes, said = ended(start([*resume(out), "--devices", "1"], 4))
    assert codes == [0] * 4, said
    assert_same(grokjax.load(out), alone)


@pytest.mark.slow
def test_a_signal_to_one_saves_all_and_a_killed_first_process_ends_all(tmp_path, alone):
    out = tmp_path / "run"
    processes = start([*TRAIN, "--out", str(out)], 2)
    wait_for_checkpoint(out, processes)
    processes[1].send_signal(signal.SIGTERM)
    codes, said = ended(processes)
    assert codes == [143, 143], said
    assert all(f"grokjax resume {out}" in text for text in said)
    saved = newest(out)
    processes = start([*resume(out), "--devices", "1"], 2)
    wait_for_checkpoint(out, processes, saved)
    assert_dead(processes, 0, out)
    assert_same(grokjax.resume(out, progress=False), alone)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ([["--seed", "3"]] * 2, "num_processes: 2 is not allowed; there are 1 members"),
        ([["--devices", "1"], ["--devices", "2"]], "devices: the processes have 1, 2; make them"),
        ([["--weight-decay", "0"], ["--weight-decay", "1"]], "sweep: the processes were given dif"),
    ],
    ids=["more processes than members", "unequal devices", "different settings"],
)
def test_what_one_refuses_all_refuse(tmp_path, flags, message):
    out = tmp_path / "run"
    address = f"127.0.0.1:{free_port()}"
    base = [sys.executable, "-m", "grokjax", "train", "--out", str(out), "--coordinator", address]
    processes = [
        subprocess.Popen(
            [*base, "--num-processes", "2", "--process-id", str(i), *flags[i]],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
        )
        for i in range(2)
    ]
    codes, said = ended(processes)
    assert codes == [2, 2], said
    for text in said:
        lines = [line for line in text.splitlines() if line.startswith("grokjax:")]
        assert len(lines) == 1
        assert message in lines[0]
        assert "Traceback" not in text
    assert not out.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("here:1", 2, None), "give --coordinator, --num-processes and --process-id"),
        ((None, None, 0), "give --coordinator, --num-processes and --process-id"),
        (("here:1", 0, 0), "num_processes: 0 is not allowed; it must be at least 1"),
        (("here:1", 2, 2), "process_id: 2 is not allowed; from 0 to 1"),
        (("here", 2, 0), "coordinator: 'here' is not allowed; HOST:PORT"),
        (("here:99999", 2, 0), "coordinator: 'here:99999' is not allowed; HOST:PORT"),
    ],
)
def test_bad_launches_are_refused(arguments, message):
    with pytest.raises(grokjax.ConfigError, match=message):
        hosts.join(*arguments)


def test_one_process_is_one_whatever_is_detected(monkeypatch):
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "8")
    assert hosts._launched_together()
    hosts.join(num_processes=1)
    assert (hosts.count(), hosts.index()) == (1, 0)
    monkeypatch.setenv("SLURM_STEP_NUM_TASKS", "1")
    assert not hosts._launched_together()
    monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "2")
    assert hosts._launched_together()


def test_gathered_rows_keep_type_shape_and_bits(monkeypatch):
    """With the collective replaced by three copies, as three processes would give."""
    monkeypatch.setattr(hosts, "count", lambda: 3)
    monkeypatch.setattr(
        "jax.experimental.multihost_utils.process_allgather",
        lambda rows, tiled: np.concatenate([rows] * 3),
    )
    rows = {
        "loss": np.array([[1.5, np.nan], [np.inf, -0.0]], np.float32),
        "epoch": np.array([7, 2**31 - 1], np.int32),
        "seconds": np.array([[1e-300], [2.0]]),
        "flag": np.array([True, False]),
    }
    whole = hosts.gather(rows)
    assert list(whole) == list(rows)
    for name, array in rows.items():
        assert whole[name].dtype == array.dtype
        assert whole[name].tobytes() == np.concatenate([array] * 3).tobytes()


def test_a_refusal_elsewhere_is_raised_here(monkeypatch):
    monkeypatch.setattr(hosts, "count", lambda: 2)
    monkeypatch.setattr(hosts, "_exchange", lambda mine: ["OutOfMemory\nno room", mine])
    with pytest.raises(OutOfMemory, match="no room"):
        hosts.together(lambda: 3)
    monkeypatch.setattr(hosts, "_exchange", lambda mine: ["", mine])
    assert hosts.together(lambda: 3) == 3
    with pytest.raises(grokjax.ConfigError, match="mine"):
        hosts.together(lambda: (_ for _ in ()).throw(grokjax.ConfigError("mine")))


def test_what_must_be_the_same_is_compared(monkeypatch):
    monkeypatch.setattr(hosts, "count", lambda: 2)
    other = [b"one"]

    def gathered(rows):
        mine = rows["digest"]
        theirs = np.frombuffer(hashlib.sha256(other[0]).digest(), np.uint8)[None]
        return {"digest": np.concatenate([mine, theirs])}

    monkeypatch.setattr(hosts, "gather", gathered)
    hosts.same("one", "not the same")
    other[0] = b"two"
    with pytest.raises(grokjax.ConfigError, match="not the same"):
        hosts.same("one", "not the same")


def test_a_directory_of_ones_own_is_refused(tmp_path, monkeypatch):
    """The second process has its own disk: it never sees the lock that the first one took."""
    monkeypatch.setattr(ensemble, "VISIBLE_WITHIN", 0.3)
    seen = []
    monkeypatch.setattr(hosts, "same", lambda text, otherwise: seen.append((text, otherwise)))
    with contextlib.ExitStack() as held:
        ensemble._take(tmp_path, held)
    monkeypatch.setattr(hosts, "together", lambda *_, **__: None)
    with contextlib.ExitStack() as held:
        ensemble._take(tmp_path / "own", held)
    assert seen[0][0] == f"process {os.getpid()} on {socket.gethostname()}"
    assert seen[1][0] == ""
    assert "is not one directory for all; a shared one is needed" in seen[1][1]


def test_processes_must_have_read_the_same_state(tmp_path, monkeypatch):
    """One that had to fall back to an older checkpoint would train other epochs than it says."""
    config = grokjax.Config(**TINY | {"max_epochs": 60})
    sweep = grokjax.Sweep(config, seed=range(3))
    stop_after(monkeypatch, rounds=5)
    with pytest.raises(grokjax.Interrupted):
        grokjax.train(sweep, tmp_path / "run", checkpoint_every=1e-9, progress=False)
    monkeypatch.undo()

    def read():
        with Checkpoints(tmp_path / "run", read_only=True) as checkpoints:
            return str(Backlog(tmp_path / "run", sweep, checkpoints))

    whole = read()
    assert whole == read()
    shutil.rmtree(tmp_path / "run" / "checkpoints" / "5")
    assert read() != whole

    def differ(_, otherwise):
        if "alike" in otherwise:
            raise grokjax.ConfigError(otherwise)

    monkeypatch.setattr(hosts, "same", differ)
    with pytest.raises(grokjax.ConfigError, match="could not be read alike in every process"):
        grokjax.resume(tmp_path / "run", progress=False)


def test_a_lost_peer_is_named(monkeypatch):
    def fails(*_, **__):
        raise jax.errors.JaxRuntimeError("UNKNOWN: Gloo AllGather failed: Connection closed")

    monkeypatch.setattr(hosts, "count", lambda: 2)
    monkeypatch.setattr("jax.experimental.multihost_utils.process_allgather", fails)
    with pytest.raises(hosts.LostProcess, match="another process of this run has ended"):
        hosts.gather({"x": np.zeros((1, 2))})
