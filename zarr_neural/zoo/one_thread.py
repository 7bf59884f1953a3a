"""Networks that codecs run: one at a time, on one thread, so that sums have one order on every machine's cores."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from zarr_neural.fork import ForkSafeLock

_lock = ForkSafeLock()
"""One for all networks of the process: the number of threads belongs to torch, not to a network."""


@contextmanager
def one_thread() -> Iterator[None]:
    """Hold torch to one thread and record no gradients, whatever the process is set to.

    Sums of floating-point numbers depend on how many threads share them: a chunk is to decode to the same samples
    however many cores its reader has.
    """
    with _lock, torch.no_grad():
        before = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(before)
