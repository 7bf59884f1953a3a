"""The diary of an unfinished conversion: which regions of which level lie in the store.

The target is built in a directory beside it, `<target>.partial`: `store` grows there, `journal.jsonl` says how far it
is, `lock` keeps a second process out. The first line of the journal names what is being done; every further line is
one finished region, with a checksum of its own. A line is appended after the chunks of its region were written and
read back; a line that was torn by an interruption, damaged or edited is dropped with all that follows. Lines and chunks
are left to the operating system: a process may end at any time, and what the journal says is true; after a power
failure it may name chunks that never reached the disk, so that whoever resumes looks at them first.

When everything is done `store` is flushed to the disk and renamed to the target, so a target that exists is complete,
also after a power failure. A store that is to be replaced is moved to `replaced` first; if the process ends between the
two renames, the next one moves it back.

Nothing is removed from a `<target>.partial` but the names above, and a folder of that name that was made by something
else is left alone. Nothing in it may be a link: what is written there would end elsewhere.
"""

from __future__ import annotations

import os
import shutil
import threading
from contextlib import suppress
from pathlib import Path
from typing import Any

from zarr_neural.archive.stores import is_store
from zarr_neural.archive.write.durable import sync_folder, sync_tree
from zarr_neural.archive.write.lines import as_read, first_line, open_plain, pack_line, read_lines
from zarr_neural.archive.write.lock import Lock
from zarr_neural.errors import ArchiveError

STORE = "store"
REPLACED = "replaced"
JOURNAL = "journal.jsonl"
LOCK = "lock"
_TRIES = 100


class Journal:
    """Finished regions of one conversion, kept on disk; holds the lock of the target until it is closed.

    Parameters
    ----------
    target : Path
        Where the finished store will be.
    plan : dict
        All that decides the bytes of the store (JSON). A journal of another plan is thrown away with its store.
    overwrite : bool
        Whether a store at the target may be replaced.

    Raises
    ------
    ArchiveError
        The target exists and may not be replaced, it is no store, `<target>.partial` is not ours, or another process
        is at work on it.
    """

    def __init__(self, target: Path, plan: dict[str, Any], *, overwrite: bool = False) -> None:
        self.target = target
        self.partial = target.with_name(target.name + ".partial")
        self.store = self.partial / STORE
        self._plan = plan
        self._overwrite = overwrite
        self._path = self.partial / JOURNAL
        self._guard = threading.Lock()
        self.done: dict[str, dict[str, Any]] = {}
        self.resumed = False
        check_replaceable(target, overwrite=overwrite)
        self._lock = self._enter()
        try:
            self._restore()
            check_replaceable(target, overwrite=overwrite)
            self.resumed = self._load()
            if not self.resumed:
                self.restart()
        except BaseException:
            self.close()
            raise

    def _enter(self) -> Lock:
        """Make the directory if there is none, and take its lock."""
        for _ in range(_TRIES):  # another process may remove the directory when it is done
            with suppress(FileExistsError):
                self.partial.mkdir(parents=True)
            with suppress(FileNotFoundError):
                _check_ours(self.partial)
                return Lock(self.partial / LOCK)
        raise ArchiveError(f"{self.partial} cannot be locked because another process keeps removing it")

    def _restore(self) -> None:
        """Put the old store back if a run ended after moving it away and before the new one was in place."""
        old = self.partial / REPLACED
        if not os.path.lexists(old):
            return
        if not os.path.lexists(self.target):
            old.rename(self.target)
        elif self.store.exists():
            raise ArchiveError(
                f"{old} holds the store that {self.target} was to replace, but something else is there now: move "
                "one of them away"
            )

    def _load(self) -> bool:
        """Read the journal of an earlier run; True if it belongs to the same plan."""
        if not self._path.is_file():
            return False
        entries, good = read_lines(self._path)
        if not entries or entries[0].get("plan") != as_read(self._plan):
            return False
        _check_no_links(self.store)
        for entry in entries[1:]:
            self.done[entry["key"]] = entry["result"]
        with open_plain(self._path, os.O_RDWR) as handle:  # what comes next begins a line of its own
            handle.truncate(good)
        return True

    def _append(self, entry: dict[str, Any]) -> None:
        with self._guard, open_plain(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND) as handle:
            handle.write(pack_line(entry))

    def record(self, key: str, result: dict[str, Any]) -> None:
        """Note that the region `key` is written and read back, with what was measured (JSON)."""
        self._append({"key": key, "result": result})
        self.done[key] = result

    def restart(self) -> None:
        """Forget everything and begin an empty journal."""
        self._clear()
        self.resumed = False
        self._append({"plan": self._plan})

    def _clear(self) -> None:
        """Remove the unfinished store, a replaced one, and the journal, in this order."""
        for path in (self.store, self.partial / REPLACED, self._path):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        self.done.clear()

    def discard(self) -> None:
        """Remove the unfinished store and the journal, and let go of the lock."""
        self._clear()
        self.close()

    def close(self) -> None:
        """Let go of the lock; what is unfinished stays for the next run, an empty directory does not."""
        self._lock.release()
        with suppress(OSError):
            self.partial.rmdir()

    def finish(self) -> None:
        """Move the finished store to its place, replacing a store that may be replaced, and remove the journal.

        Raises
        ------
        ArchiveError
            Something appeared at the target that may not be replaced, or the lock was taken away. The finished store
            stays in `<target>.partial`.
        """
        if not self._lock.held:
            raise ArchiveError(f"{self.partial / LOCK} was removed or taken by another process; nothing was replaced")
        sync_tree(self.store)
        check_replaceable(self.target, overwrite=self._overwrite)
        old = self.partial / REPLACED
        if os.path.lexists(self.target):
            self.target.rename(old)
        try:
            self.store.rename(self.target)
        except OSError:
            self._restore_after_failure(old)
            raise
        sync_folder(self.target.parent)
        self.discard()

    def _restore_after_failure(self, old: Path) -> None:
        if os.path.lexists(old) and not os.path.lexists(self.target):
            old.rename(self.target)


def check_replaceable(target: Path, *, overwrite: bool) -> None:
    """Refuse a target that exists, unless it is a store and is to be overwritten.

    Raises
    ------
    ArchiveError
        With what is there.
    """
    if not os.path.lexists(target):
        return
    if not is_store(target):
        raise ArchiveError(f"{target} exists and is not a Zarr store; only Zarr stores are ever replaced")
    if not overwrite:
        raise ArchiveError(f"{target} already exists; it is replaced only with --overwrite")


def _check_no_links(store: Path) -> None:
    """Refuse an unfinished store that is a link, or holds one: what is written to it would end elsewhere."""
    if not os.path.lexists(store):
        return
    links = [store] if store.is_symlink() else []
    for base, folders, names in os.walk(store):
        links += [Path(base, name) for name in (*folders, *names) if os.path.islink(os.path.join(base, name))]
    if links:
        raise ArchiveError(f"{links[0]} is a link, and nothing is written through links: remove {store.parent}")


def _check_ours(partial: Path) -> None:
    """Refuse a directory that holds something, and no journal or lock of ours, and a link to one."""
    if partial.is_symlink() or not partial.is_dir():
        if not os.path.lexists(partial):
            raise FileNotFoundError(partial)
        raise ArchiveError(f"{partial} is needed for the conversion but is not a folder: move it away")
    names = {entry.name for entry in partial.iterdir()}
    if not names:
        return
    locks = {name for name in names if name.split(".")[0] == LOCK}
    foreign = sorted(names - locks - {STORE, REPLACED, JOURNAL})
    if foreign or not (JOURNAL in names or locks) or not _is_journal(partial / JOURNAL):
        what = f" ({', '.join(foreign[:3])})" if foreign else ""
        raise ArchiveError(
            f"{partial} is needed for the conversion but holds something else{what}: move it away, or choose another "
            "target"
        )


def _is_journal(path: Path) -> bool:
    """Whether the first line of a file is that of a journal, or torn, or the file is not there yet."""
    if not os.path.lexists(path):
        return True
    line = first_line(path)
    if line is None:
        return False
    return not line or b'{"plan":'.startswith(line[:8])
