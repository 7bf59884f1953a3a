"""What a study has measured so far: one line of JSON for each finished piece, so that it can go on where it stopped."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from eval.study.errors import StudyError

Key = tuple[str, ...]
NAME = "journal.jsonl"


class Journal:
    """Finished pieces by their key; a piece is appended in one write and is then on disk.

    A line that was cut off when a run was killed is dropped when the journal is read again.
    """

    def __init__(self, path: Path, study: Mapping[str, Any], *, resume: bool) -> None:
        """Open or begin a journal.

        Parameters
        ----------
        path
            The file.
        study
            What pieces depend on beside their keys: a journal of another study is not gone on with.
        resume
            Whether to go on with an existing journal.

        Raises
        ------
        StudyError
            There is a journal and `resume` is not set, it is that of another study, or a line of it is damaged.
        """
        self._lock = threading.Lock()
        self._pieces: dict[Key, Any] = {}
        self._path = path
        text = path.read_text() if path.exists() else ""
        lines = text.split("\n")[:-1]
        if len(lines) == 1 and not resume:
            lines = []  # nothing was finished
        if lines and not resume:
            raise StudyError(
                f"{path} holds {len(lines) - 1} finished pieces: --resume goes on, or choose another --out"
            )
        if not lines:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps({"study": dict(study)}) + "\n")
            return
        found = [self._read(line, number) for number, line in enumerate(lines, 1)]
        head = found[0].get("study", {})
        if head != dict(study):
            other = ", ".join(name for name in study if head.get(name) != study[name]) or "its head"
            raise StudyError(f"{path} belongs to a study with other {other}: choose another --out")
        for piece in found[1:]:
            self._pieces[tuple(piece["key"])] = piece["value"]
        if not text.endswith("\n"):
            path.write_text("".join(f"{line}\n" for line in lines))

    def _read(self, line: str, number: int) -> dict[str, Any]:
        try:
            found = json.loads(line)
            if set(found) != ({"study"} if number == 1 else {"key", "value"}):
                raise ValueError(f"it holds {', '.join(found)}")
        except (ValueError, TypeError) as error:
            raise StudyError(f"{self._path}, line {number} is none of a journal: {error}") from error
        return dict(found)

    def get(self, key: Sequence[str]) -> Any:
        """Return a finished piece, None where it is not finished."""
        return self._pieces.get(tuple(key))

    def add(self, key: Sequence[str], value: Any) -> None:
        """Append a piece."""
        line = json.dumps({"key": list(key), "value": value}) + "\n"
        with self._lock:
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND)
            try:
                os.write(descriptor, line.encode())
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            self._pieces[tuple(key)] = value

    def of_kind(self, kind: str) -> list[Any]:
        """Return the pieces whose key begins with a word."""
        return [value for key, value in self._pieces.items() if key[0] == kind]
