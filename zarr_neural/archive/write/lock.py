"""One process at a time: a lock file that names its holder, made in one step, taken over when the holder is gone.

It needs nothing of the file system but exclusive creation, so that it works on network drives too. A lock is stale if
its process ran on this machine and is no more. Whether a process of another machine lives cannot be told from here: its
lock is respected, and the message says which file to delete.
"""

from __future__ import annotations

import json
import os
import socket
import threading
import time
import uuid
from pathlib import Path

from zarr_neural.errors import ArchiveError

_TORN_SECONDS = 10.0
_held: set[str] = set()
_guard = threading.Lock()


class Lock:
    """An exclusive lock, held from construction to `release`.

    Parameters
    ----------
    path : Path
        The file. Its folder exists.

    Raises
    ------
    ArchiveError
        Somebody else holds it.
    FileNotFoundError
        The folder is gone.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._token = uuid.uuid4().hex
        content = {"process": os.getpid(), "host": socket.gethostname(), "token": self._token}
        while True:
            with _guard:  # a thread that finds the file finds its holder among those held, too
                try:
                    handle = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY)
                except FileExistsError:
                    pass
                else:
                    with os.fdopen(handle, "wb") as file:
                        file.write(json.dumps(content).encode())
                    _held.add(self._token)
                    return
                _remove_stale(path)

    @property
    def held(self) -> bool:
        """Whether the file is still the one that was made here."""
        return _holder(_read(self.path)).get("token") == self._token

    def release(self) -> None:
        """Remove the file if it is still ours; a second call does nothing."""
        if self.held:
            self.path.unlink(missing_ok=True)
        _held.discard(self._token)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def _holder(content: bytes) -> dict[str, object]:
    try:
        found = json.loads(content)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _remove_stale(path: Path) -> None:
    """Remove a lock whose holder is gone, and raise where it may be alive."""
    content = _read(path)
    holder = _holder(content)
    if not holder:
        try:
            torn = time.time() - path.stat().st_mtime > _TORN_SECONDS  # created, and never written
        except FileNotFoundError:
            return
    else:
        torn = False
    if not torn and not _is_gone(holder):
        who = f"process {holder.get('process')} on {holder.get('host')}" if holder else "another process"
        raise ArchiveError(f"{path.parent} is being worked on by {who}; if that is not so, delete {path}")
    aside = path.with_name(f"{path.name}.{uuid.uuid4().hex}")
    try:
        path.rename(aside)
    except FileNotFoundError:
        return  # released, or taken over, in the meantime
    if _read(aside) != content:  # taken over between reading and moving: it goes back to its new holder
        aside.rename(path)
        raise ArchiveError(f"{path.parent} is being worked on by another process")
    aside.unlink()


def _is_gone(holder: dict[str, object]) -> bool:
    process = holder.get("process")
    if holder.get("host") != socket.gethostname() or not isinstance(process, int):
        return False
    if process == os.getpid():  # of a thread of ours, or of an earlier process that had our number
        return holder.get("token") not in _held
    if os.name == "nt":  # there, asking about a process would end it
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return True
    except (PermissionError, OverflowError):
        return False
    return False
