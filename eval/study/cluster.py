"""Who does the work: threads of this process, a cluster of processes on this machine, or a scheduler that is given."""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import dask
from distributed import Client, LocalCluster

from eval.study.errors import StudyError

THREADS, PROCESSES = "threads", "processes"
SCHEMES = ("tcp://", "tls://", "ucx://", "inproc://")


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def workers(scheduler: str, count: int | None, work: Path) -> Iterator[Client]:
    """Yield a client of the workers.

    Parameters
    ----------
    scheduler
        "threads", "processes", or the address of a scheduler such as tcp://host:8786.
    count
        Threads or processes; default: one per core. Not for a given scheduler.
    work
        Folder of the work stores: all workers must see it.

    Raises
    ------
    StudyError
        The address is none, nobody answers there, there are no workers, or they do not see the folder.
    """
    number = count or cores()
    for name in ("distributed.worker", "distributed.scheduler", "distributed.nanny", "distributed.core"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # the runner tells of what fails
    with dask.config.set({"distributed.scheduler.allowed-failures": 3, "distributed.comm.timeouts.connect": "20s"}):
        if scheduler == THREADS:
            cluster = LocalCluster(
                processes=False,
                n_workers=1,
                threads_per_worker=number,
                dashboard_address=":0",
                memory_limit=0,
                silence_logs=logging.CRITICAL,
            )
        elif scheduler == PROCESSES:
            cluster = LocalCluster(
                processes=True,
                n_workers=number,
                threads_per_worker=1,
                dashboard_address=":0",
                memory_limit=0,
                silence_logs=logging.CRITICAL,
                local_directory=str(work),
            )
        elif scheduler.startswith(SCHEMES):
            yield from _given(scheduler, work)
            return
        else:
            raise StudyError(
                f"scheduler {scheduler!r}: expected threads, processes or an address such as tcp://host:8786"
            )
        with cluster, Client(cluster) as client:
            yield client


def _given(address: str, work: Path) -> Iterator[Client]:
    try:
        client = Client(address, timeout="20s")
    except OSError as error:
        raise StudyError(f"no scheduler answers at {address}: {error}") from error
    with client:
        if not client.scheduler_info()["workers"]:
            raise StudyError(f"the scheduler at {address} has no workers")
        mark = work / f".seen-{uuid.uuid4().hex}"
        mark.touch()
        try:
            seen = client.run(os.path.exists, str(mark))
        finally:
            mark.unlink()
        blind = [name for name, found in seen.items() if not found]
        if blind:
            raise StudyError(f"{len(blind)} of {len(seen)} workers do not see the folder {work}, the first: {blind[0]}")
        yield client


def threads_in(client: Client) -> int:
    """Return how many tasks run at once."""
    threads: dict[str, int] = client.nthreads()
    return max(1, sum(threads.values()))
