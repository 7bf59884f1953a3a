"""Zarr v2 arrays with `NeuralCodec` as compressor, as a user writes and anybody reads them."""

import hashlib
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dask.array
import numpy as np
import pytest
import zarr
from numcodecs import Delta

from zarr_neural import NeuralCodec
from zarr_neural.errors import DamagedChunkError, UnsupportedInputError

Picture = Callable[..., np.ndarray]

READER = """
import sys, hashlib, zarr
array = zarr.open(sys.argv[1], mode="r")
data = array[...]
print(data.shape, data.dtype.str, hashlib.sha256(data.tobytes()).hexdigest())
assert "torch" not in sys.modules
"""


def read_elsewhere(path: Path) -> str:
    """What a fresh process prints that imports only zarr."""
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", READER, str(path)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@dataclass(frozen=True)
class Case:
    """Shape, chunks, dtype and order of an array."""

    shape: tuple[int, ...]
    chunks: tuple[int, ...]
    dtype: str
    order: Any = "C"

    def __str__(self) -> str:
        return f"{'x'.join(map(str, self.shape))}-{self.dtype}-{self.order}"


CASES = [
    Case((128, 128), (64, 64), "u2"),
    Case((100, 90), (64, 64), "u2", "F"),
    Case((100, 90), (64, 64), ">u2"),
    Case((100, 90), (64, 64), ">u2", "F"),
    Case((70, 50), (64, 64), "u1"),
    Case((70, 50), (64, 64), "|i1", "F"),
    Case((70, 50), (64, 64), ">f4"),
    Case((70, 50), (64, 64), "|b1", "F"),
    Case((2, 3, 70, 50), (1, 2, 64, 32), "<i2"),
    Case((5, 40, 45), (2, 32, 32), ">i4", "F"),
    Case((40, 1, 45), (32, 1, 32), "u2", "F"),
    Case((33, 45, 1), (32, 32, 1), "<f8"),
    Case((3, 3), (1, 1), "u2"),
    Case((64, 64), (1, 64), "u2"),
    Case((64, 64), (64, 1), "u2", "F"),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_arrays_come_back(case: Case, tmp_path: Path, picture: Picture) -> None:
    """Arrays of any dtype, byte order, memory order and shape, edge chunks included, read as they were written."""
    image = picture(case.shape).astype(case.dtype)
    keywords: dict[str, Any] = {"shape": case.shape, "chunks": case.chunks, "dtype": case.dtype, "order": case.order}
    array: Any = zarr.open(
        tmp_path / "a.zarr", mode="w", zarr_format=2, compressor=NeuralCodec(lossless=True), fill_value=0, **keywords
    )
    array[...] = image
    again: Any = zarr.open(tmp_path / "a.zarr", mode="r")
    assert again.metadata.order == case.order
    read = again[...]
    assert read.dtype == np.dtype(case.dtype)
    np.testing.assert_array_equal(read, image)
    metadata = json.loads((tmp_path / "a.zarr" / ".zarray").read_text())
    assert metadata["compressor"] == NeuralCodec(lossless=True).get_config()
    assert metadata["filters"] is None
    single: Any = again[tuple(slice(1, 2) for _ in case.shape)]
    np.testing.assert_array_equal(single, image[tuple(slice(1, 2) for _ in case.shape)])


@pytest.mark.parametrize("order", ["C", "F"])
def test_a_fresh_process_reads_with_zarr_alone(order: Any, tmp_path: Path, picture: Picture) -> None:
    """A process that imports only zarr finds the codec by its entry point and reads the same samples."""
    image = picture((100, 90))
    array: Any = zarr.open(
        tmp_path / "a.zarr",
        mode="w",
        shape=image.shape,
        chunks=(64, 64),
        dtype="u2",
        zarr_format=2,
        compressor=NeuralCodec(),
        order=order,
    )
    array[...] = image
    expected = array[...]
    digest = hashlib.sha256(expected.tobytes()).hexdigest()
    assert read_elsewhere(tmp_path / "a.zarr").split() == ["(100,", "90)", "<u2", digest]


def test_the_promise_holds_in_a_store(tmp_path: Path, picture: Picture) -> None:
    """max_error holds for every pixel of an array, edges and partly written chunks included."""
    image = picture((150, 140))
    array: Any = zarr.open(
        tmp_path / "a",
        mode="w",
        shape=image.shape,
        chunks=(64, 64),
        dtype="u2",
        zarr_format=2,
        compressor=NeuralCodec(max_error=3),
    )
    array[:64] = image[:64]
    array[64:] = image[64:]
    assert np.abs(array[...].astype(int) - image).max() <= 3
    before = array[...]
    array[10:20, 10:20] = 5
    after = array[...]
    assert np.abs(after[10:20, 10:20].astype(int) - 5).max() <= 3
    np.testing.assert_array_equal(after[64:], before[64:])


def test_chunks_that_are_all_fill_are_not_stored(tmp_path: Path) -> None:
    """Missing chunks read as the fill value."""
    array: Any = zarr.open(
        tmp_path / "a",
        mode="w",
        shape=(128, 128),
        chunks=(64, 64),
        dtype="u2",
        zarr_format=2,
        compressor=NeuralCodec(lossless=True),
        fill_value=9,
    )
    array[:64, :64] = np.arange(4096).reshape(64, 64)
    array[64:, 64:] = 9
    assert sorted(p.name for p in (tmp_path / "a").iterdir() if p.name[0].isdigit()) == ["0.0"]
    assert (array[64:] == 9).all()


@pytest.mark.parametrize("scheduler", ["synchronous", "threads", "processes"])
def test_dask_reads_and_writes(scheduler: str, tmp_path: Path, picture: Picture) -> None:
    """dask opens a store lazily, reads it under every scheduler, and writes another one chunk by chunk."""
    image = picture((200, 150))
    lazy = dask.array.from_array(image, chunks=(64, 64))
    codec = NeuralCodec(lossless=True)
    array: Any = zarr.open(
        tmp_path / "a", mode="w", shape=image.shape, chunks=(64, 64), dtype="u2", zarr_format=2, compressor=codec
    )
    dask.array.store(lazy, array, scheduler="threads", lock=False)
    read = dask.array.from_zarr(str(tmp_path / "a"))
    assert read.chunks == lazy.chunks
    np.testing.assert_array_equal(read[10:190, 5:].compute(scheduler=scheduler, num_workers=2), image[10:190, 5:])


def test_filters_are_explained(tmp_path: Path) -> None:
    """A filter flattens chunks: the error says so and nothing is stored."""
    array: Any = zarr.open(
        tmp_path / "a",
        mode="w",
        shape=(64, 64),
        chunks=(64, 64),
        dtype="u2",
        zarr_format=2,
        compressor=NeuralCodec(lossless=True),
        filters=[Delta("u2")],
    )
    with pytest.raises(UnsupportedInputError, match="remove the filters"):
        array[...] = 5
    assert not (tmp_path / "a" / "0.0").exists()


@pytest.mark.parametrize("dtype", ["|b1", "<i4", "<u8"])
def test_masks_and_labels_are_refused_in_bounded_modes(dtype: str, tmp_path: Path) -> None:
    """No mask or label is ever stored with loss."""
    array: Any = zarr.open(
        tmp_path / "a",
        mode="w",
        shape=(64, 64),
        chunks=(64, 64),
        dtype=dtype,
        zarr_format=2,
        compressor=NeuralCodec(max_error=1),
    )
    with pytest.raises(UnsupportedInputError, match="lossless=True"):
        array[...] = np.eye(64).astype(dtype)


def test_damage_in_a_store_is_an_error(tmp_path: Path, picture: Picture) -> None:
    """A chunk file that lost or changed bytes raises our error when it is read, through zarr."""
    array: Any = zarr.open(
        tmp_path / "a", mode="w", shape=(64, 128), chunks=(64, 64), dtype="u2", zarr_format=2, compressor=NeuralCodec()
    )
    array[...] = picture((64, 128))
    chunk = tmp_path / "a" / "0.1"
    good = chunk.read_bytes()
    for bad in (good[:-1], good + b"\0", good[:100] + b"?" + good[101:], b"", b"\0" * 50):
        chunk.write_bytes(bad)
        with pytest.raises(DamagedChunkError):
            array[...]
        assert array[:, :64].shape == (64, 64)
