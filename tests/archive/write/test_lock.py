"""One conversion at a time works on a target; a lock whose holder is gone does not stand in the way."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from zarr_neural.archive import Options, convert, fidelity_from
from zarr_neural.archive.write.lock import Lock
from zarr_neural.errors import ArchiveError

Writer = Callable[..., tuple[Path, np.ndarray]]
OPTIONS = Options(fidelity=fidelity_from(lossless=True))


def gone() -> int:
    """Number of a process that is no more."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_lock_excludes(tmp_path: Path) -> None:
    """While one holds the lock another is refused, with the holder and the file named; afterwards it is free."""
    lock = Lock(tmp_path / "lock")
    assert lock.held
    with pytest.raises(ArchiveError, match=f"process {os.getpid()} on .*delete .*lock"):
        Lock(tmp_path / "lock")
    lock.release()
    assert not lock.held
    Lock(tmp_path / "lock").release()
    assert os.listdir(tmp_path) == []


def test_a_stale_lock_is_taken_over(tmp_path: Path) -> None:
    """A lock of a process of this machine that ended, or of an earlier one with our number, is stale."""
    for process in (gone(), os.getpid()):
        (tmp_path / "lock").write_text(json.dumps({"process": process, "host": socket.gethostname(), "token": "x"}))
        lock = Lock(tmp_path / "lock")
        assert lock.held
        lock.release()
    (tmp_path / "lock").touch()
    with pytest.raises(ArchiveError, match="another process"):
        Lock(tmp_path / "lock")
    os.utime(tmp_path / "lock", (0, 0))
    Lock(tmp_path / "lock").release()
    assert os.listdir(tmp_path) == []


def test_the_lock_of_the_living_and_of_other_machines_is_respected(tmp_path: Path) -> None:
    """A process that runs, or may run on another machine, keeps its lock."""
    for process, host in ((os.getppid(), socket.gethostname()), (gone(), "another-machine")):
        (tmp_path / "lock").write_text(json.dumps({"process": process, "host": host, "token": "x"}))
        with pytest.raises(ArchiveError, match=host):
            Lock(tmp_path / "lock")


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
    assert "being worked on" in second[1]
    assert not (tmp_path / "a.zarr.partial").exists()


def test_a_lost_lock_stops_before_anything_is_replaced(write_ome: Writer, tmp_path: Path) -> None:
    """Who has lost the lock does not move a store into place."""
    path, _ = write_ome("ZYX", (3, 100, 100))

    def steal(name: str, done: int, total: int) -> None:
        (tmp_path / "a.zarr.partial" / "lock").unlink(missing_ok=True)

    (report,) = convert([path], tmp_path / "a.zarr", OPTIONS, steal)
    assert report.status == "failed"
    assert not (tmp_path / "a.zarr").exists()
