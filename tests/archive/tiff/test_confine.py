"""Names in metadata never lead out of the folder of the source, and nothing outside it is opened."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile

from zarr_neural.archive import convert

PLANE = np.random.default_rng(8).integers(0, 999, (20, 30)).astype("u2")
UUIDS = ("urn:uuid:00000000-0000-4000-8000-000000000001", "urn:uuid:00000000-0000-4000-8000-000000000002")


def set_that_names(name: str) -> str:
    """OME-XML of a set of two files, the second of which has a name of its own choice."""
    data = "".join(
        f'<TiffData FirstZ="{i}" IFD="0" PlaneCount="1"><UUID FileName="{file}">{uuid}</UUID></TiffData>'
        for i, (file, uuid) in enumerate(zip(("a.ome.tif", name), UUIDS, strict=True))
    )
    return (
        f'<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" UUID="{UUIDS[0]}"><Image '
        'ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYZCT" Type="uint16" SizeX="30" SizeY="20" SizeZ="2" '
        f'SizeC="1" SizeT="1">{data}</Pixels></Image></OME>'
    )


@pytest.mark.parametrize("way", ["above", "absolute", "backslash", "link", "companion", "companion above"])
def test_a_file_outside_of_the_folder_is_never_opened(
    way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever way metadata name a file outside of the folder of the source: refused, and that file is not opened."""
    private, folder = tmp_path / "private" / "x.ome.tif", tmp_path / "in"
    private.parent.mkdir()
    folder.mkdir()
    tifffile.imwrite(private, PLANE, metadata=None)
    (folder / "link.ome.tif").symlink_to(private)
    named = {"above": "../private/x.ome.tif", "absolute": str(private), "backslash": "..\\private\\x.ome.tif"}
    text = set_that_names(named.get(way, "link.ome.tif" if way == "link" else "../private/x.ome.tif"))
    if way.startswith("companion"):
        place = "../private/set.companion.ome" if way.endswith("above") else "set.companion.ome"
        (folder / place).write_text(text)
        text = f'{text.partition("<Image")[0]}<BinaryOnly MetadataFile="{place}" UUID="{UUIDS[1]}"/></OME>'
    tifffile.imwrite(folder / "a.ome.tif", PLANE, description=text, metadata=None)
    opened: list[Path] = []
    plain = tifffile.FileHandle.open

    def watched(self: Any, *arguments: Any) -> None:
        opened.append(Path(self.path).resolve())
        plain(self, *arguments)

    monkeypatch.setattr(tifffile.FileHandle, "open", watched)
    (report,) = convert([folder / "a.ome.tif"], tmp_path / "out.ome.zarr")
    assert report.status == "failed"
    assert "not in the same folder" in (report.error or "")
    assert opened
    assert private.resolve() not in opened
    assert not (tmp_path / "out.ome.zarr").exists()
