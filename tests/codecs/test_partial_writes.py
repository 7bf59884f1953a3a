"""Writing parts of chunks again and again, chunks of other arrays, and filters: what a codec cannot see, and holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zarr

from zarr_neural import NeuralCodec
from zarr_neural.codecs import NeuralSerializer
from zarr_neural.errors import ConfigurationError, DamagedChunkError, UnsupportedInputError

RNG = np.random.default_rng(11)


def image() -> np.ndarray:
    y, x = np.indices((128, 128))
    return RNG.poisson(300 + 200 * np.sin(y / 20) * np.cos(x / 30)).astype("u2")


@pytest.mark.parametrize("zarr_format", [2, 3])
@pytest.mark.parametrize(
    "promise", [{"rmse": 3.0}, {"rmse": 3.0, "max_error": 9}, {"max_error": 3}, {"noise": 1.0}], ids=str
)
def test_parts_written_one_after_the_other_keep_the_promise(
    promise: dict[str, Any], zarr_format: int, tmp_path: Path
) -> None:
    """A chunk that is written in many parts errs no more than one that is written at once."""
    truth = image()
    made: dict[str, Any] = {"shape": truth.shape, "chunks": truth.shape, "dtype": truth.dtype}
    if zarr_format == 2:
        array: Any = zarr.create_array(tmp_path, compressors=NeuralCodec(**promise), zarr_format=2, **made)
    else:
        array = zarr.create_array(tmp_path, serializer=NeuralSerializer(**promise), compressors=None, **made)
    array[...] = truth
    for start in range(0, 128, 8):
        array[start : start + 8] = truth[start : start + 8]
        array[:, start : start + 3] = truth[:, start : start + 3]
    error = array[...].astype(float) - truth
    assert np.sqrt((error**2).mean()) <= promise.get("rmse", np.inf)
    assert np.abs(error).max() <= promise.get("max_error", np.inf)
    if "noise" in promise:
        assert np.abs(error).max() <= 0.5 * np.sqrt(truth.max()) * 1.3 + 1


def test_whole_chunks_are_coded_with_the_loss_that_is_asked_for(tmp_path: Path) -> None:
    """Only parts are coded without further loss: a whole new chunk, or the same one again, is not."""
    codec = NeuralCodec(rmse=3.0)
    first = codec.encode(image())
    decoded = codec.decode(first)
    assert len(codec.encode(image())) < 1.1 * len(first)
    assert len(codec.encode(decoded)) < 1.1 * len(first)
    changed = decoded.copy()
    changed[:10] += 5
    kept = codec.encode(changed)
    np.testing.assert_array_equal(codec.decode(kept), changed)


def test_a_chunk_of_another_array_is_refused_where_the_codec_knows_its_own() -> None:
    """Zarr v2 tells a codec nothing: with shape and dtype in its configuration, other chunks are damage."""
    square = image()
    codec = NeuralCodec(shape=(128, 128), dtype="<u2")
    assert NeuralCodec.from_config(codec.get_config()) == codec
    np.testing.assert_array_equal(codec.decode(codec.encode(square)), square)
    np.testing.assert_array_equal(codec.decode(NeuralCodec().encode(square.astype(">u2"))), square)
    for other in (square.reshape(64, 256), square.astype("i2")):
        with pytest.raises(DamagedChunkError):
            codec.decode(NeuralCodec().encode(other))
        with pytest.raises(UnsupportedInputError):
            codec.encode(other)
    for wrong in (
        {"shape": (4, 4)},
        {"dtype": "<u2"},
        {"shape": (4,), "dtype": "<u2"},
        {"shape": (4, 4), "dtype": "x"},
    ):
        with pytest.raises(ConfigurationError):
            NeuralCodec(**wrong)


@pytest.mark.filterwarnings("ignore")
def test_a_filter_that_changes_the_dtype_is_refused(tmp_path: Path) -> None:
    """BitRound hands over integers where the array says floats: that is refused before a chunk is written."""
    from numcodecs.zarr3 import BitRound

    array = zarr.create_array(
        tmp_path,
        shape=(64, 64),
        chunks=(64, 64),
        dtype="f4",
        filters=[BitRound(keepbits=10)],
        serializer=NeuralSerializer(),
        compressors=None,
    )
    with pytest.raises(UnsupportedInputError, match="filter in front"):
        array[...] = RNG.normal(size=(64, 64)).astype("f4")


@pytest.mark.parametrize("promise", [{"max_error": 0.5}, {"rmse": 0.5}, {"rmse": 0.5, "max_error": 2}], ids=str)
@pytest.mark.parametrize("zarr_format", [2, 3])
def test_nan_as_fill_value_does_not_refuse_a_finite_image(
    promise: dict[str, Any], zarr_format: int, tmp_path: Path
) -> None:
    """The edge chunks of a finite image are padded with NaN, and keep the promise."""
    truth = RNG.normal(100, 20, (100, 90)).astype("f4")
    made: dict[str, Any] = {"shape": truth.shape, "chunks": (64, 64), "dtype": "f4", "fill_value": np.nan}
    if zarr_format == 2:
        array: Any = zarr.create_array(tmp_path, compressors=NeuralCodec(**promise), zarr_format=2, **made)
    else:
        array = zarr.create_array(tmp_path, serializer=NeuralSerializer(**promise), compressors=None, **made)
    array[...] = truth
    assert np.abs(array[...] - truth).max() <= promise.get("max_error", 5)


def test_objects_are_a_type_error() -> None:
    """Arrays of Python objects raise what numcodecs expects of a codec."""
    codec = NeuralCodec()
    with pytest.raises(TypeError):
        codec.encode(np.array([[1, "a"], [2, None]], dtype=object))
    with pytest.raises(TypeError):
        codec.decode(codec.encode(image()), out=np.empty((128, 128), object))
