"""The diary of an unfinished conversion: which regions of which level lie safely in the store.

The target is built in a directory beside it, `<target>.partial`: `store` grows there, `journal.jsonl` says how far it
is. The first line names what is being done; every further line is one finished region. A line is appended and
flushed to the disk after the chunks of its region; a line torn by an interruption does not parse and is dropped with
all that follows. When everything is done `store` is renamed to the target, so a target that exists is complete.
"""

from __future__ import annotations

import json
import os
import shutil
import threading
from pathlib import Path
from typing import Any

STORE = "store"
JOURNAL = "journal.jsonl"


class Journal:
    """Finished regions of one conversion, kept on disk.

    Parameters
    ----------
    target : Path
        Where the finished store will be.
    plan : dict
        All that decides the bytes of the store (JSON). A journal of another plan is thrown away with its store.
    """

    def __init__(self, target: Path, plan: dict[str, Any]) -> None:
        self.target = target
        self.partial = target.with_name(target.name + ".partial")
        self.store = self.partial / STORE
        self._plan = plan
        self._path = self.partial / JOURNAL
        self._lock = threading.Lock()
        self.done: dict[str, dict[str, Any]] = {}
        self.resumed = self._load()
        if not self.resumed:
            self.restart()

    def _load(self) -> bool:
        """Read the journal of an earlier run; True if it belongs to the same plan."""
        if not self._path.is_file():
            return False
        good = 0
        lines = self._path.read_bytes().splitlines(keepends=True)
        for number, line in enumerate(lines):
            try:
                entry = json.loads(line) if line.endswith(b"\n") else None
            except ValueError:
                entry = None
            if not isinstance(entry, dict):
                break
            if number == 0 and entry.get("plan") != json.loads(json.dumps(self._plan)):
                return False
            if number > 0:
                self.done[entry["key"]] = entry["result"]
            good += len(line)
        with self._path.open("r+b") as handle:
            handle.truncate(good)
        return good > 0

    def _append(self, entry: dict[str, Any]) -> None:
        line = json.dumps(entry, separators=(",", ":")) + "\n"
        with self._lock, self._path.open("ab") as handle:
            handle.write(line.encode())
            handle.flush()
            os.fsync(handle.fileno())

    def record(self, key: str, result: dict[str, Any]) -> None:
        """Note that the region `key` is written and read back, with what was measured (JSON)."""
        self._append({"key": key, "result": result})
        self.done[key] = result

    def restart(self) -> None:
        """Forget everything and begin an empty journal."""
        self.discard()
        self.resumed = False
        self.partial.mkdir(parents=True)
        self._append({"plan": self._plan})

    def discard(self) -> None:
        """Remove the unfinished store and the journal."""
        if self.partial.exists():
            shutil.rmtree(self.partial)
        self.done.clear()

    def finish(self) -> None:
        """Move the finished store to its place, replacing what is there, and remove the journal."""
        if self.target.exists():
            old = self.partial / "replaced"
            self.target.rename(old)
        self.store.rename(self.target)
        self.discard()
