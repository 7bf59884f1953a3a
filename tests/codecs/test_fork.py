"""A child of a fork codes chunks, whatever the threads of its parent were at."""

import subprocess
import sys

import pytest

FORKING = """
import os, sys, threading, time, warnings
import numpy as np
from zarr_neural import NeuralCodec, models
from zarr_neural.fork import _locks
from zarr_neural.intnet import native, selftest, transform
from zarr_neural.models import store
warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)  # from Python 3.12 on
image = np.arange(4096, dtype="u2").reshape(64, 64)
locks = [store._lock, native._lock, transform._lock, selftest._lock]
assert set(locks) <= set(_locks)
held, go_on = threading.Event(), threading.Event()

def hold():
    for lock in locks:
        lock.__enter__()
    held.set()
    go_on.wait()
    for lock in locks:
        lock.__exit__(None, None, None)

thread = threading.Thread(target=hold)
thread.start()
held.wait()
pid = os.fork()
if pid == 0:
    codec = NeuralCodec(rmse=3.0)
    assert codec.decode(codec.encode(image)).shape == image.shape
    assert (NeuralCodec().decode(NeuralCodec().encode(image)) == image).all()
    os._exit(0)
deadline = time.monotonic() + 60
while (done := os.waitpid(pid, os.WNOHANG)) == (0, 0) and time.monotonic() < deadline:
    time.sleep(0.01)
if done == (0, 0):
    os.kill(pid, 9)
go_on.set()
thread.join()
assert (NeuralCodec().decode(NeuralCodec().encode(image)) == image).all()
sys.exit(0 if done == (pid, 0) else 1)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
def test_a_fork_while_a_model_loads_does_not_deadlock() -> None:
    """The child finds every lock open that another thread held, and codes by both paths; the parent goes on too."""
    done = subprocess.run([sys.executable, "-c", FORKING], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
