"""Locks that a forked child finds open: another thread of the parent may have held them, and does not exist there."""

import os
import threading
import weakref
from contextlib import AbstractContextManager
from types import TracebackType


class ForkSafeLock(AbstractContextManager[None]):
    """A reentrant lock that is made anew in every child of a fork.

    What it guards is complete at any time (a dictionary that an entry is put into last), so that nothing half done is
    left over from the thread that held it.

    Examples
    --------
    >>> with ForkSafeLock():
    ...     pass
    """

    def __init__(self) -> None:
        self._lock = threading.RLock()
        _locks.add(self)

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._lock.release()

    def renew(self) -> None:
        """Forget who holds the lock."""
        self._lock = threading.RLock()


_locks: weakref.WeakSet[ForkSafeLock] = weakref.WeakSet()


def _renew_all() -> None:
    for lock in list(_locks):
        lock.renew()


if hasattr(os, "register_at_fork"):  # not on Windows, which has no fork
    os.register_at_fork(after_in_child=_renew_all)
