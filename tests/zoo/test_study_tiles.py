"""The study's own setting: the bytes that tifffile writes for it, and what they do to an image."""

import json
import pickle
from pathlib import Path
from typing import Any

import numcodecs
import numpy as np
import pytest
import tifffile
import zarr
from numpy.typing import NDArray

from zarr_neural.errors import ConfigurationError, DamagedChunkError, MismatchError, UnsupportedInputError
from zarr_neural.zoo import StudyTiles
from zarr_neural.zoo.classical.study_tiles import INDEX_ENTRY, LEVEL, SIDE
from zarr_neural.zoo.stream import unpack_stream

COMPRESSION = {"jpegxr": "jpegxr_ndpi", "jpeg2000": "jpeg_2000_lossy", "lerc": "lerc"}
"""What tifffile calls them."""
IMAGE = tifffile.imread(Path(__file__).parents[2] / "eval" / "images_demo" / "plant-confocal.tif")[100:201, 50:130]


@pytest.mark.parametrize(
    ("family", "dtype"), [("jpegxr", "u2"), ("jpeg2000", "u1"), ("jpeg2000", "u2"), ("lerc", "u1"), ("lerc", "u2")]
)
def test_the_bytes_are_those_of_a_tiff(family: str, dtype: str, tmp_path: Path) -> None:
    """Tile by tile, in order, edges filled up as tifffile does; and 8 bytes a tile, which a TIFF has too."""
    image = np.ascontiguousarray(IMAGE >> (8 if dtype == "u1" else 0)).astype(dtype)
    arguments = {"compression": COMPRESSION[family], "compressionargs": {"level": LEVEL}}
    tifffile.imwrite(tmp_path / "a.tif", image, tile=(SIDE, SIDE), **arguments)
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        page = file.pages[0]
        data = (tmp_path / "a.tif").read_bytes()
        entries = zip(page.dataoffsets, page.databytecounts, strict=True)
        tiles = [data[offset : offset + nbytes] for offset, nbytes in entries]
    codec = StudyTiles(family)
    encoded = codec.encode(image)
    payload = unpack_stream(codec.identity, encoded).payload
    assert payload[INDEX_ENTRY.size * len(tiles) :] == b"".join(tiles)
    np.testing.assert_array_equal(codec.decode(encoded), tifffile.imread(tmp_path / "a.tif"))


def psnr_db(image: NDArray[Any], decoded: NDArray[Any]) -> float:
    error = np.sqrt(np.mean((image.astype(float) - decoded.astype(float)) ** 2))
    return float(20 * np.log10(np.ptp(image) / error))


def test_level_8_means_something_else_to_each() -> None:
    """8 dB of PSNR, a quality of 0.08, errors of 8 grey levels: this is why the study's rows say little."""
    image = np.ascontiguousarray(IMAGE)
    decoded = {family: StudyTiles(family).decode(StudyTiles(family).encode(image)) for family in COMPRESSION}
    assert int(np.abs(decoded["lerc"].astype(int) - image).max()) == LEVEL
    quality = {family: psnr_db(image, decoded[family]) for family in COMPRESSION}
    assert quality["jpeg2000"] < quality["jpegxr"] < quality["lerc"]


@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (16, 16), (2, 17, 33)], ids=str)
@pytest.mark.parametrize("family", COMPRESSION)
def test_tiny_and_constant_chunks_come_back(family: str, shape: tuple[int, ...]) -> None:
    codec = StudyTiles(family)
    noise = np.random.default_rng(2).integers(0, 60000, shape).astype("u2")
    for chunk in (noise, np.full(shape, 77, "u2"), np.zeros(shape, "u2")):
        decoded = codec.decode(codec.encode(chunk))
        assert decoded.shape == shape
        assert decoded.dtype == chunk.dtype


def test_a_store(tmp_path: Path) -> None:
    image = np.ascontiguousarray(IMAGE)
    array = zarr.create_array(
        tmp_path / "a.zarr",
        shape=image.shape,
        chunks=(40, 50),
        dtype="u2",
        zarr_format=2,
        compressors=StudyTiles("lerc"),
    )
    array[:] = image
    decoded = np.asarray(zarr.open_array(tmp_path / "a.zarr", mode="r")[:])
    assert 0 < np.abs(decoded.astype(int) - image).max() <= LEVEL


def test_configuration_round_trip() -> None:
    codec = StudyTiles("jpegxr")
    config = json.loads(json.dumps(codec.get_config()))
    assert config == {"id": "zarr_neural.study_tiles", "family": "jpegxr"}
    assert numcodecs.get_codec(config) == codec == pickle.loads(pickle.dumps(codec))
    with pytest.raises(ConfigurationError, match="the study used jpegxr, jpeg2000, lerc, not 'png'"):
        StudyTiles("png")


@pytest.mark.parametrize("dtype", ["i2", "f4"])
def test_other_dtypes_are_refused(dtype: str) -> None:
    with pytest.raises(UnsupportedInputError, match="takes uint8 and uint16"):
        StudyTiles("lerc").encode(np.zeros((4, 4), dtype))


@pytest.mark.parametrize("family", COMPRESSION)
def test_damage_ends_in_our_errors(family: str) -> None:
    codec = StudyTiles(family)
    data = codec.encode(np.ascontiguousarray(IMAGE[:20, :20]))
    for position in range(0, len(data), 3):
        damaged = bytearray(data)
        damaged[position] ^= 16
        with pytest.raises((DamagedChunkError, MismatchError)):
            codec.decode(bytes(damaged))
        with pytest.raises(DamagedChunkError):
            codec.decode(data[:position])


def test_tiles_that_the_library_cannot_code_are_refused() -> None:
    with pytest.raises(UnsupportedInputError, match="jpegxr cannot code uint8 tiles of 16 x 16 pixels at level 8"):
        StudyTiles("jpegxr").encode(np.ascontiguousarray(IMAGE >> 8).astype("u1"))
