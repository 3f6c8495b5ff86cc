"""Run code in forked processes; separate from conftest, which uses JAX at once."""

import os
import signal
import warnings

import grokjax


def forked(action):
    """Run `action` in a forked process; return its error as text, or `went on`."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # JAX and Python warn of forks
        child = os.fork()
    if child == 0:
        try:
            signal.alarm(20)  # ends the process if it hangs
            action()
            os.write(writing, b"went on")
        except BaseException as error:
            os.write(writing, f"{type(error).__name__}: {error}".encode())
        finally:
            os._exit(0)
    os.close(writing)
    with open(reading) as file:
        said = file.read()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, "it hung"
    return said


def fork_first_then_train(settings, out):
    """Train in a fork before JAX is used here, then here; return the fork's text and the epochs."""

    def train(name):
        config = grokjax.Config(**settings)
        return grokjax.train(config, out / name, devices=1, progress=False)

    said = forked(lambda: train("forked"))
    return said, train("spawned").members["epochs"].tolist()
