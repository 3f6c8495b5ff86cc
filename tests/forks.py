"""A forked process, and a spawned one that forks; without conftest, which uses JAX at once."""

import os
import signal
import warnings

import grokjax


def forked(action):
    """What a forked process says that does this: how it failed, or `went on`."""
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # JAX and Python warn of forks
        child = os.fork()
    if child == 0:
        try:
            signal.alarm(20)  # of which it dies, should it hang
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
    """What a fork said that trained before JAX was used here, and the epochs trained here then."""

    def train(name):
        config = grokjax.Config(**settings)
        return grokjax.train(config, out / name, devices=1, progress=False)

    said = forked(lambda: train("forked"))
    return said, train("spawned").members["epochs"].tolist()
