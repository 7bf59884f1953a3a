"""One array, written with several codecs: what any of them writes, every reader reads."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from zarr_neural import NeuralCodec, NeuralSerializer
from zarr_neural.archive import inspect_path
from zarr_neural.archive.write.writers import with_codec


@pytest.mark.parametrize(("version", "shards"), [(2, None), (3, None), (3, (1, 128, 128))], ids=str)
def test_another_codec_writes_and_the_first_reads(
    version: Any, shards: Any, camera: Callable[..., np.ndarray], tmp_path: Path
) -> None:
    """Chunks take the promise of the codec that they were written with; the metadata stay as they were."""
    pixels = camera((2, 130, 150))
    common: dict[str, Any] = {
        "shape": pixels.shape, "chunks": (1, 64, 64), "dtype": "u2", "config": {"write_empty_chunks": True},
        "attributes": {"note": {"name": "zarr_neural.v1"}},
    }  # fmt: skip
    if version == 2:
        codec: Any = NeuralCodec(max_error=8)
        array = zarr.create_array(tmp_path / "a", zarr_format=2, compressors=codec, filters=None, **common)
    else:
        codec = NeuralSerializer(max_error=8)
        array = zarr.create_array(tmp_path / "a", serializer=codec, compressors=None, shards=shards, **common)
    names = ("zarr.json", ".zarray", ".zattrs")
    before = {name: (tmp_path / "a" / name).read_bytes() for name in names if (tmp_path / "a" / name).exists()}
    exact = type(codec)(lossless=True)
    other = with_codec(array, exact.get_config() if version == 2 else exact.to_dict())
    assert other.config.write_empty_chunks
    assert other.attrs.asdict() == {"note": {"name": "zarr_neural.v1"}}
    array[0] = pixels[0]
    other[1] = pixels[1]
    assert all((tmp_path / "a" / name).read_bytes() == content for name, content in before.items())
    decoded = np.asarray(zarr.open_array(tmp_path / "a", mode="r")[:])
    assert np.abs(decoded[0].astype(int) - pixels[0]).max() == 8
    np.testing.assert_array_equal(decoded[1], pixels[1])
    np.testing.assert_array_equal(np.asarray(other[:]), decoded)
    if shards is None:
        first, second = (
            next(inspect_path(path) for path in sorted((tmp_path / "a").rglob("*"))
                 if path.is_file() and path.relative_to(tmp_path / "a").as_posix().startswith(start))
            for start in (("0.", "c/0"), ("1.", "c/1"))
        )  # fmt: skip
        assert (first["fidelity"], second["fidelity"]) == ({"max_error": 8}, {"lossless": True})
