"""Tasks side by side, with a bound on how many are open; a single one is done without the cost of a thread."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Any, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def side_by_side(work: Callable[[Item], Result], items: Iterable[Item], threads: int) -> Generator[Result, None, None]:
    """Yield the results of `work` as they come; on an error those that are not begun are called off.

    Parameters
    ----------
    work : callable
        Called with one item, in threads.
    items : iterable
        Drawn as tasks end: never more than twice `threads` are open.
    threads : int
        How many tasks run at a time.
    """
    items = iter(items)
    first = list(itertools.islice(items, 2))
    if len(first) < 2:  # a small image: hundreds of them in a folder should not start a thread each
        yield from map(work, first)
        return
    with ThreadPoolExecutor(threads) as pool:
        yield from _bounded(pool, work, itertools.chain(first, items), 2 * threads)


def _bounded(
    pool: ThreadPoolExecutor, work: Callable[[Item], Result], items: Iterable[Item], ahead: int
) -> Generator[Result, None, None]:
    """Yield results as they come, never more than `ahead` tasks open; on an error the open ones are called off."""
    open_tasks: set[Future[Result]] = set()
    try:
        for item in items:
            open_tasks.add(pool.submit(work, item))
            if len(open_tasks) >= ahead:
                finished, open_tasks = wait(open_tasks, return_when=FIRST_COMPLETED)
                yield from (task.result() for task in sorted(finished, key=_failed))
        while open_tasks:
            finished, open_tasks = wait(open_tasks, return_when=FIRST_COMPLETED)
            yield from (task.result() for task in sorted(finished, key=_failed))
    finally:
        for task in open_tasks:
            task.cancel()


def _failed(task: Future[Any]) -> bool:
    """Whether a finished task failed: what succeeded beside it is recorded first."""
    return task.exception() is not None
