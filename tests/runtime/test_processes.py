"""Several processes give the bits of one, write one history, and end together."""

import os
import signal
import socket
import subprocess
import sys
import time

import pytest

import grokjax
from grokjax.runtime.processes import HEARTBEAT_TIMEOUT
from tests.conftest import TINY, flags
from tests.training.test_resume import assert_same

TRAIN = [sys.executable, "-m", "grokjax", "train", "--devices", "1", "--checkpoint-every", "0.3"]
TRAIN += [*flags(max_epochs=200), "--seeds", "6"]


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def start(command, number, environments=None):
    """Start the processes of one launch."""
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
    """Wait for all processes; return their exit codes and stderr."""
    said = [process.communicate(timeout=timeout)[1] for process in processes]
    return [process.returncode for process in processes], said


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    sweep = grokjax.Sweep(grokjax.Config(**TINY | {"max_epochs": 200}), seed=range(6))
    return grokjax.train(sweep, tmp_path_factory.mktemp("alone") / "run", progress=False)


@pytest.mark.slow
def test_two_processes_found_by_slurm_give_the_bits_of_one(tmp_path, alone):
    """They are found by the variables that srun sets for two tasks, without flags."""
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
    assert "running" in said[0]
    assert "running" not in said[1]


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


def resume(out, every="0.3"):
    return [sys.executable, "-m", "grokjax", "resume", str(out), "--checkpoint-every", every]


def assert_dead(processes, victim, out):
    """Kill one process; the other must end soon and print how to resume.

    It ends at once if it was training, and after the heartbeat timeout if it was saving.
    """
    processes[victim].kill()
    killed = time.monotonic()
    codes, said = ended(processes)
    assert time.monotonic() - killed < HEARTBEAT_TIMEOUT + 60
    assert codes[victim] == -signal.SIGKILL
    assert codes[1 - victim] not in (0, -signal.SIGKILL)
    # It may not be the last line: JAX may print a long abort message after it.
    assert f"grokjax resume {out}" in said[1 - victim], said
    assert "Traceback" not in said[1 - victim]


@pytest.mark.slow
def test_a_killed_worker_ends_all_and_four_processes_resume(tmp_path, alone):
    out = tmp_path / "run"
    processes = start([*TRAIN, "--out", str(out)], 2)
    wait_for_checkpoint(out, processes)
    assert_dead(processes, 1, out)
    # Four on two cores take longer to save than to train.
    codes, said = ended(start([*resume(out, every="1"), "--devices", "1"], 4))
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
        ([["--seed", "3"]] * 2, "num_processes must be at most the 1 members, got 2"),
        ([["--devices", "1"], ["--devices", "2"]], "devices: the processes have 1, 2; make them"),
        ([["--weight-decay", "0"], ["--weight-decay", "1"]], "sweep: the processes were given dif"),
    ],
    ids=["more processes than members", "unequal devices", "different settings"],
)
def test_an_error_in_one_process_ends_all(tmp_path, flags, message):
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
