"""Speed, measured so that two codecs can be compared on a machine that others use too."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")

SHORTEST_S = 0.004
"""Work shorter than this is repeated inside one measurement."""


def cpu_seconds(work: Callable[[], object], loops: int) -> float:
    """Return the processor time, in seconds, that one call of `work` takes in this whole process."""
    start = time.process_time()
    for _ in range(loops):
        work()
    return (time.process_time() - start) / loops


def loops_for(seconds: float) -> int:
    """Return how often work of `seconds` is to be repeated within one measurement."""
    return max(1, math.ceil(SHORTEST_S / max(seconds, 1e-7)))


def best_interleaved(works: Sequence[Callable[[], object]], repeats: int) -> list[float]:
    """Return the best processor time of each work in seconds; every repeat runs all works in turn.

    Interleaving spreads a disturbance of the machine over all works instead of giving it to one of them; the best of
    the repeats is the one least disturbed.
    """
    best = [cpu_seconds(work, 1) for work in works]
    loops = [loops_for(seconds) for seconds in best]
    for repeat in range(repeats):
        for i, work in enumerate(works):
            if repeat == 0 and loops[i] == 1:
                continue  # long work: what told its length was its first repeat
            best[i] = min(best[i], cpu_seconds(work, loops[i]))
    return best


def core_count() -> int:
    """Return the number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def wall_seconds(work: Callable[[T], object], items: Sequence[T], pool: ThreadPoolExecutor, repeats: int) -> float:
    """Return the best wall time in seconds of `work` over all `items` in a pool of threads."""
    best = math.inf
    for _ in range(repeats):
        start = time.perf_counter()
        for _result in pool.map(work, items):
            pass
        best = min(best, time.perf_counter() - start)
    return best
