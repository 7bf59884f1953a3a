"""One process at a time: a lock of the operating system on a file, gone with the process that holds it.

The kernel keeps the lock, so that it also holds between containers and after a number of a process was given anew, and
nobody has to clear it after a crash. Where the file system knows no such locks (some network drives) the existence of
a second file is the lock; `filelock` does both.
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from filelock import BaseFileLock, FileLock, SoftFileLock, Timeout

from zarr_neural.errors import ArchiveError

_UNSUPPORTED = {errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK, errno.ENOSYS, errno.EINVAL}


class Lock:
    """An exclusive lock, held from construction to `release`.

    Parameters
    ----------
    path : Path
        The file; it is removed on release. Its folder exists.
    guarded : Path, optional
        What a message says is being worked on. Default: the folder of the file.

    Raises
    ------
    ArchiveError
        Somebody else holds it, or something that is no plain file lies there.
    FileNotFoundError
        The folder is gone.
    """

    def __init__(self, path: Path, guarded: Path | None = None) -> None:
        self._lock, self.path = _acquire(path, guarded or path.parent)
        self._made = _identity(self.path)

    @property
    def held(self) -> bool:
        """Whether the file is still the one that was locked here."""
        return self._lock.is_locked and self._made is not None and _identity(self.path) == self._made

    def release(self) -> None:
        """Remove the file if it is still ours, and let go of it; a second call does nothing."""
        if self.held and os.name != "nt":  # while it is held: whoever waits for it sees that it is gone
            self.path.unlink(missing_ok=True)
        self._lock.release()


def _acquire(path: Path, guarded: Path) -> tuple[BaseFileLock, Path]:
    """Return a lock that is held and its file: that of the kernel, or where there is none, a file that was made."""
    try:
        return _try(FileLock, path, guarded), path
    except OSError as error:
        if error.errno not in _UNSUPPORTED:
            raise
    soft = path.with_name(f"{path.name}.soft")
    return _try(SoftFileLock, soft, guarded), soft


def _try(kind: type[BaseFileLock], path: Path, guarded: Path) -> BaseFileLock:
    _check_plain(path)
    lock = kind(path, timeout=0, thread_local=False)
    try:
        lock.acquire()
    except Timeout as error:
        also = f"; if that is not so, delete {path}" if kind is SoftFileLock else ""
        raise ArchiveError(
            f"{guarded} is in use by another conversion: wait for it to finish, or choose another target{also}"
        ) from error
    return lock


def _check_plain(path: Path) -> None:
    """Refuse what is no file: a pipe would wait for ever, a link would lead elsewhere."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISREG(mode):
        raise ArchiveError(f"{path} should be the lock file of a conversion but is not a regular file: move it away")


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.lstat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
