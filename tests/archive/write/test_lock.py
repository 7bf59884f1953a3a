"""One conversion at a time works on a target; a lock whose holder is gone does not stand in the way."""

import errno
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from filelock import FileLock

from zarr_neural.archive import Options, convert, fidelity_from
from zarr_neural.archive.write.lock import Lock
from zarr_neural.errors import ArchiveError

Writer = Callable[..., tuple[Path, np.ndarray]]
OPTIONS = Options(fidelity=fidelity_from(lossless=True))


HOLD = """
import sys, time
from pathlib import Path
from zarr_neural.archive.write.lock import Lock
lock = Lock(Path(sys.argv[1]))
print("held", flush=True)
time.sleep(60)
"""


def test_a_lock_excludes(tmp_path: Path) -> None:
    """While one holds the lock another is refused, with what to do; afterwards it is free."""
    lock = Lock(tmp_path / "lock")
    assert lock.held
    with pytest.raises(ArchiveError, match="in use by another conversion: wait"):
        Lock(tmp_path / "lock")
    lock.release()
    assert not lock.held
    Lock(tmp_path / "lock").release()
    lock.release()
    assert os.listdir(tmp_path) == []


def test_the_lock_of_a_process_ends_with_it(tmp_path: Path) -> None:
    """Another process is kept out while the holder lives, whatever the file says, and let in once it was killed."""
    path = tmp_path / "lock"
    with subprocess.Popen([sys.executable, "-c", HOLD, str(path)], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        path.write_text('{"process": 999999999, "host": "elsewhere"}')
        with pytest.raises(ArchiveError, match="another conversion"):
            Lock(path)
        process.kill()
        process.wait()
    assert path.exists()
    Lock(path).release()
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("content", ["", "years of work", "[" * 100_000, '{"process": 1, "host": "another-machine"}'])
def test_what_the_file_holds_decides_nothing(content: str, tmp_path: Path) -> None:
    """A file that nobody holds is free, whatever an earlier run or another program left in it."""
    (tmp_path / "lock").write_text(content)
    lock = Lock(tmp_path / "lock")
    assert lock.held
    lock.release()


@pytest.mark.parametrize("what", ["pipe", "folder", "link", "dangling link"])
def test_a_lock_that_is_no_file_is_refused(what: str, tmp_path: Path) -> None:
    """A pipe is not waited for, a link is not followed: both end in our error, and stay as they are."""
    path, other = tmp_path / "lock", tmp_path / "other"
    if what == "pipe":
        os.mkfifo(path)
    elif what == "folder":
        path.mkdir()
    else:
        path.symlink_to(other)
    if what == "link":
        other.write_text("mine")
    before = sorted(os.listdir(tmp_path))
    with pytest.raises(ArchiveError, match="not a regular file"):
        Lock(path)
    assert sorted(os.listdir(tmp_path)) == before


def test_where_the_system_has_no_locks_a_file_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a network drive without kernel locks the existence of a file excludes, and the message names it."""

    def unsupported(self: Any) -> None:
        raise OSError(errno.ENOTSUP, "not supported here")

    monkeypatch.setattr(FileLock, "_acquire", unsupported)
    lock = Lock(tmp_path / "lock")
    assert lock.held
    with pytest.raises(ArchiveError, match=r"delete .*lock\.soft"):
        Lock(tmp_path / "lock")
    lock.release()
    Lock(tmp_path / "lock").release()
    assert os.listdir(tmp_path) == []


def test_one_target_is_converted_to_once_at_a_time(write_ome: Writer, tmp_path: Path) -> None:
    """A second conversion to the same target, begun during the first, fails and does the first no harm."""
    path, _ = write_ome("ZYX", (3, 100, 100))
    second: list[str] = []

    def meddle(name: str, done: int, total: int) -> None:
        if not second:
            second.append("begun")
            (report,) = convert([path], tmp_path / "a.zarr", OPTIONS)
            second.append(report.error or report.status)

    (report,) = convert([path], tmp_path / "a.zarr", OPTIONS, meddle)
    assert report.status == "converted"
    assert "in use by another conversion" in second[1]
    assert not (tmp_path / "a.zarr.partial").exists()


def test_a_lost_lock_stops_before_anything_is_replaced(write_ome: Writer, tmp_path: Path) -> None:
    """Who has lost the lock does not move a store into place."""
    path, _ = write_ome("ZYX", (3, 100, 100))

    def steal(name: str, done: int, total: int) -> None:
        (tmp_path / "a.zarr.partial" / "lock").unlink(missing_ok=True)

    (report,) = convert([path], tmp_path / "a.zarr", OPTIONS, steal)
    assert report.status == "failed"
    assert not (tmp_path / "a.zarr").exists()
