"""The journal is believed as far as it is whole; nothing in the folder leads it elsewhere or stops it."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from zarr_neural.archive.write import durable
from zarr_neural.archive.write.journal import Journal
from zarr_neural.archive.write.lines import pack_line
from zarr_neural.errors import ArchiveError

PLAN: dict[str, Any] = {"asked": "lossless", "shape": (4, 300, 200), "source": {"name": "a.tif"}}


def begin(target: Path, *keys: str) -> Path:
    """Leave an unfinished conversion behind, and return its journal."""
    journal = Journal(target, PLAN)
    (journal.store / "0").mkdir(parents=True, exist_ok=True)
    for key in keys:
        journal.record(key, {"tallies": [key]})
    journal.close()
    return journal.partial / "journal.jsonl"


def done(target: Path) -> list[str]:
    journal = Journal(target, PLAN)
    journal.close()
    return list(journal.done)


def test_a_line_after_a_torn_one_is_read(tmp_path: Path) -> None:
    """A torn line is taken out before the next is written: what a second run noted is known to the third."""
    path = begin(tmp_path / "a.zarr", "0/0", "0/1")
    path.write_bytes(path.read_bytes()[:-7])
    begin(tmp_path / "a.zarr", "0/2")
    assert done(tmp_path / "a.zarr") == ["0/0", "0/2"]
    assert all(json.loads(line) for line in path.read_text().splitlines())


@pytest.mark.parametrize(
    "line",
    [
        b'{"some":"json"}\n',
        b'{"key":"0/1"}\n',
        b'{"key":"0/1","result":{}}\n',
        b'{"key":"0/1","result":{},"crc":1}\n',
        b'{"key":["0/1"],"result":{},"crc":null}\n',
        b"[1]\n",
        b"null\n",
        b"\xff\xfe\n",
        b"\n",
        b"[" * 100_000 + b"\n",
        b'{"key":' * 50_000 + b"\n",
        b"9" * 10_000 + b"\n",
        pack_line({"key": 1, "result": {}}),
        pack_line({"key": "0/1", "result": [1]}),
        pack_line({"key": "0/1", "result": {}, "more": 1}),
        pack_line({"plan": {}}),
        pack_line({"key": "0/1", "result": {"max": 3}}).replace(b"3", b"4", 1),
    ],
    ids=range(17),
)
def test_a_damaged_line_ends_what_is_believed(line: bytes, tmp_path: Path) -> None:
    """A line that was edited, damaged or made by something else is dropped with all that follows, without a word."""
    path = begin(tmp_path / "a.zarr", "0/0")
    path.write_bytes(path.read_bytes() + line + pack_line({"key": "0/2", "result": {}}))
    assert done(tmp_path / "a.zarr") == ["0/0"]


@pytest.mark.parametrize(
    "first", [b'{"plan":7}\n', b'{"plan":{"asked":"lossless"}}\n', pack_line({"plan": None}), b'{"plan":{"as\n']
)
def test_a_damaged_first_line_starts_afresh(first: bytes, tmp_path: Path) -> None:
    """Where the plan cannot be read nothing is believed."""
    path = begin(tmp_path / "a.zarr", "0/0")
    path.write_bytes(first + path.read_bytes().split(b"\n", 1)[1])
    assert done(tmp_path / "a.zarr") == []


@pytest.mark.parametrize("name", ["", "store", "store/0", "store/0/c", "journal.jsonl"])
@pytest.mark.parametrize("dangling", [False, True])
def test_links_are_not_written_through(name: str, dangling: bool, tmp_path: Path) -> None:
    """An unfinished conversion that is a link, or holds one, is refused: another store is never written to."""
    partial = begin(tmp_path / "a.zarr", "0/0").parent
    place, other = partial / name, tmp_path / "other"
    if place.exists():
        place.rename(other)
    else:
        other.write_text("mine")
    if dangling:
        other = other.rename(tmp_path / "gone")
    place.symlink_to(tmp_path / "other")
    before = sorted((path, path.stat().st_mtime_ns) for path in (other, *other.rglob("*")))
    with pytest.raises(ArchiveError, match=r"link|not a folder|something else"):
        Journal(tmp_path / "a.zarr", PLAN)
    assert before == sorted((path, path.stat().st_mtime_ns) for path in (other, *other.rglob("*")))
    assert place.is_symlink()


@pytest.mark.parametrize("name", ["journal.jsonl", "lock"])
@pytest.mark.parametrize("what", ["pipe", "folder"])
def test_pipes_and_folders_are_not_read(name: str, what: str, tmp_path: Path) -> None:
    """A journal or lock that is no file ends in our error at once, and is not removed."""
    place = begin(tmp_path / "a.zarr", "0/0").parent / name
    place.unlink(missing_ok=True)
    if what == "pipe":
        os.mkfifo(place)
    else:
        place.mkdir()
    with pytest.raises(ArchiveError):
        Journal(tmp_path / "a.zarr", PLAN)
    assert os.path.lexists(place)


def test_a_store_is_on_the_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file and folder is synced before the rename, and the folder that holds the new name after it."""
    target, synced = tmp_path / "a.zarr", []
    fsync, rename = os.fsync, Path.rename

    def note(handle: int) -> None:
        synced.append(os.readlink(f"/proc/self/fd/{handle}"))
        fsync(handle)

    def noted(self: Path, other: Path) -> Path:
        synced.append("renamed")
        return rename(self, other)

    journal = Journal(target, PLAN)
    (journal.store / "0" / "c").mkdir(parents=True)
    for name in ("zarr.json", "0/zarr.json", "0/c/0", "0/c/1"):
        (journal.store / name).write_text("x")
    monkeypatch.setattr(durable.os, "fsync", note)
    monkeypatch.setattr(Path, "rename", noted)
    journal.finish()
    before = set(synced[: synced.index("renamed")])
    names = ("", "/zarr.json", "/0", "/0/zarr.json", "/0/c", "/0/c/0", "/0/c/1")
    assert before == {f"{target}.partial/store{name}" for name in names}
    assert synced[synced.index("renamed") + 1 :] == [str(tmp_path)]
    assert sorted(os.listdir(tmp_path)) == ["a.zarr"]
