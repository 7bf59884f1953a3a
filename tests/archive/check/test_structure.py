"""Every part of what is recorded of an array is held against the array, and parts of images weigh what they hold."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
import zarr

from zarr_neural.archive import Options, convert
from zarr_neural.archive.check.recorded import structure
from zarr_neural.archive.check.spread import percentiles, spread
from zarr_neural.archive.write.kept import finished_record


@pytest.mark.parametrize("name", ["shape", "chunks", "shards", "dtype", "codecs", "transforms"])
def test_each_part_of_the_record_is_compared(name: str, tmp_path: Path) -> None:
    """A level whose shape, chunks, shards, dtype, codecs or scale are not those recorded is named with that part."""
    tifffile.imwrite(tmp_path / "a.tif", np.arange(6000, dtype="u2").reshape(60, 100))
    convert([tmp_path / "a.tif"], tmp_path / "a.zarr", Options(workers=1))
    group = zarr.open_group(tmp_path / "a.zarr", mode="r")
    said, arrays = group.attrs.asdict(), sorted(group.arrays())
    record = finished_record(tmp_path / "a.zarr")
    assert record is not None
    assert list(structure(said, record, arrays)) == []
    record["levels"][0][name] = ["other"]
    ((path, what),) = structure(said, record, arrays)
    assert path == record["levels"][0]["path"]
    assert f"its {name} " in what


def test_parts_of_floats_weigh_what_they_hold() -> None:
    """A part of a thousand times as many pixels has a thousand times the say, however few of them are kept."""
    large, small = np.full((2048, 2048), 1.0, "f4"), np.full((64, 64), 2.0, "f4")
    parts = [spread(large), spread(small)]
    assert percentiles(parts, (50, 99, 99.8, 99.95)) == [1, 1, 1, 2]
