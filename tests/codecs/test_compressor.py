"""`NeuralCodec` is a numcodecs codec: data in its configuration, strict about what it is given."""

import json
import pickle
from collections.abc import Callable
from typing import Any

import numcodecs
import numpy as np
import pytest

from zarr_neural import NeuralCodec, NoiseModel
from zarr_neural.errors import ConfigurationError, DamagedChunkError, UnsupportedInputError
from zarr_neural.models import default_lossless

Picture = Callable[..., np.ndarray]
MODEL = default_lossless()
CAMERA = {"gain": 2.1, "offset": 100.0, "read_noise": 1.6}

# arguments, and what the metadata of an array says of them
CONFIGURATIONS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({}, {"lossless": True}),
    ({"lossless": True}, {"lossless": True}),
    ({"lossless": False, "max_error": 2}, {"max_error": 2}),
    ({"max_error": 0.25}, {"max_error": 0.25}),
    ({"max_error": 0}, {"max_error": 0}),
    ({"noise": 0.5, "noise_model": CAMERA}, {"noise": 0.5, "noise_model": CAMERA}),
    ({"noise": 1.0, "noise_model": NoiseModel(**CAMERA)}, {"noise": 1.0, "noise_model": CAMERA}),
    ({"lossless": True, "verify": False}, {"lossless": True}),
    ({"lossless": True, "models": [MODEL, "0" * 64]}, {"lossless": True, "models": [MODEL, "0" * 64]}),
    ({"rmse": 2.5, "models": [MODEL, "1" * 64]}, {"rmse": 2.5, "models": [MODEL, "1" * 64]}),
    ({"max_error": 9, "rmse": 2, "models": ["1" * 64]}, {"rmse": 2, "max_error": 9, "models": ["1" * 64]}),
]
configurations = pytest.mark.parametrize(("arguments", "members"), CONFIGURATIONS, ids=lambda d: ",".join(d) or "none")


@configurations
def test_metadata_holds_fidelity_and_models_alone(arguments: dict[str, Any], members: dict[str, Any]) -> None:
    """The configuration is what reading needs, in JSON: fidelity and full model ids; never verify, threads, paths."""
    config = NeuralCodec(**arguments).get_config()
    assert config == {"id": "zarr_neural.v1", "models": [MODEL], **members}
    assert json.loads(json.dumps(config)) == config


@configurations
def test_configurations_make_the_round_trip(arguments: dict[str, Any], members: dict[str, Any]) -> None:
    """From its JSON, through numcodecs' registry and through pickle comes an equal codec with an equal hash."""
    codec = NeuralCodec(**arguments)
    config = json.loads(json.dumps(codec.get_config()))
    for other in (NeuralCodec.from_config(config), numcodecs.get_codec(config), pickle.loads(pickle.dumps(codec))):
        assert type(other) is NeuralCodec
        assert other == codec
        assert hash(other) == hash(codec)
        assert other.get_config() == codec.get_config()
    assert pickle.loads(pickle.dumps(codec)).verify == codec.verify


def test_different_promises_are_different_codecs() -> None:
    """Codecs are equal exactly when their configurations are."""
    codecs = [NeuralCodec(**arguments) for arguments, _ in CONFIGURATIONS]
    keys = [json.dumps(codec.get_config(), sort_keys=True) for codec in codecs]
    for one, key in zip(codecs, keys, strict=True):
        assert [one == other for other in codecs] == [key == k for k in keys]
        assert one != key
    assert NeuralCodec(lossless=True) != numcodecs.Zstd()


def test_a_repr_can_be_read_back() -> None:
    """The repr is the call that makes the codec."""
    for arguments, _ in CONFIGURATIONS:
        codec = NeuralCodec(**arguments)
        assert eval(repr(codec), {"NeuralCodec": NeuralCodec}) == codec  # noqa: S307 - our own repr


@pytest.mark.parametrize(
    ("config", "says"),
    [
        (
            {"lossless": True, "level": 3},
            r"unknown options \['level'\] in the configuration; the options are \['lossless'",
        ),
        ({"lossless": True, "verify": True}, r"unknown options \['verify'\]"),
        ({"lossless": True, "device": "cuda", "threads": 2}, r"unknown options \['device', 'threads'\]"),
        ({"lossless": True, "noise": 2}, "exactly one"),
        ({"rmse": 0}, "rmse must be a finite number above 0, not 0"),
        ({"rmse": 3, "noise": 1}, "or max_error and rmse together; not noise and rmse"),
        ({"rmse": 3, "preset": "fast"}, r"unknown options \['preset'\]"),
        ({"max_error": "2"}, "not '2'"),
        ({"lossless": "true"}, "must be True or False, not 'true'"),
        ({"noise": 1, "noise_model": {"gain": 1}}, r"must have gain, offset and read_noise, not \['gain'\]"),
        ({"noise": 1, "noise_model": CAMERA | {"dark": 1}}, "must have gain, offset and read_noise, not .*dark"),
        ({"noise": 1, "noise_model": CAMERA | {"gain": "1"}}, "gain must be a number .* not '1'"),
        ({"noise": 1, "noise_model": [1, 2, 3]}, "must be a NoiseModel, not list"),
        ({"lossless": True, "models": []}, r"at least one SHA-256, not '\[\]'"),
        ({"lossless": True, "models": "0" * 64}, "a list of at least one SHA-256"),
        ({"lossless": True, "models": ["ABC"]}, "64 lower-case hexadecimal digits, not 'ABC'"),
        ({"lossless": True, "models": ["A" * 64]}, "64 lower-case hexadecimal digits"),
        ({"lossless": True, "models": [5]}, "not '5'"),
    ],
    ids=lambda v: ",".join(v) if isinstance(v, dict) else "",
)
def test_other_configurations_are_refused(config: dict[str, Any], says: str) -> None:
    """Unknown members, contradictions and values out of range are refused when a codec is built, with the value met."""
    with pytest.raises(ConfigurationError, match=says):
        NeuralCodec.from_config({"id": "zarr_neural.v1", **config})


@pytest.mark.parametrize("dtype", ["|b1", "|u1", "<u2", ">u2", "<i4", ">f4", "<c16"])
@pytest.mark.parametrize("order", ["C", "F"])
def test_lossless_round_trip(dtype: str, order: Any, picture: Picture) -> None:
    """What comes back has the dtype, byte order, shape, memory order and samples of what went in."""
    image = np.asarray(picture((41, 50)) % 120, dtype, order=order)
    codec = NeuralCodec(lossless=True)
    data = codec.encode(image)
    assert isinstance(data, bytes)
    decoded = codec.decode(data)
    assert decoded.dtype == image.dtype
    assert decoded.flags.f_contiguous == image.flags.f_contiguous
    np.testing.assert_array_equal(decoded, image)


def test_any_codec_decodes_any_chunk(picture: Picture) -> None:
    """Chunks carry all that decoding needs: the fidelity of the decoding codec plays no part."""
    image = picture((41, 50))
    for codec in (NeuralCodec(max_error=3), NeuralCodec(noise=2.0), NeuralCodec(lossless=True)):
        data = codec.encode(image)
        np.testing.assert_array_equal(NeuralCodec().decode(data), codec.decode(data))


BUFFERS: dict[str, Callable[[bytes], Any]] = {
    "bytes": bytes,
    "bytearray": bytearray,
    "memoryview": memoryview,
    "uint8": lambda b: np.frombuffer(b, np.uint8),
    "int8": lambda b: np.frombuffer(b, np.int8),
    "void": lambda b: np.frombuffer(b, "V1"),
    "2D": lambda b: np.frombuffer(b, np.uint8).reshape(1, -1),
    "strided": lambda b: np.frombuffer(b, np.uint8).repeat(2)[::2],
    "strided-memoryview": lambda b: memoryview(np.frombuffer(b, np.uint8).repeat(3))[::3],
}


@pytest.mark.parametrize("kind", BUFFERS)
def test_any_buffer_is_decoded(kind: str, picture: Picture) -> None:
    """Chunks come in any kind of buffer; an empty one is damage."""
    image = picture((41, 50))
    codec = NeuralCodec(lossless=True)
    np.testing.assert_array_equal(codec.decode(BUFFERS[kind](codec.encode(image))), image)
    with pytest.raises(DamagedChunkError, match="empty"):
        codec.decode(BUFFERS[kind](b""))


@pytest.mark.parametrize("order", ["C", "F"])
def test_decoding_into_a_place(order: Any, picture: Picture) -> None:
    """``out`` may be an array like the chunk, of any layout, or flat memory, which gets the bytes of the chunk."""
    image = np.asarray(picture((30, 20)), order=order)
    codec = NeuralCodec(lossless=True)
    data = codec.encode(image)
    for out in (np.empty_like(image), np.empty((30, 20), "u2", order="F"), np.empty((60, 20), "u2")[::2]):
        assert codec.decode(data, out=out) is out
        np.testing.assert_array_equal(out, image)
    stored = image.tobytes(order="A")
    for flat in (np.empty(600, "u2"), np.empty(1200, "u1"), np.empty(300, "i4")):
        assert codec.decode(data, out=flat) is flat
        assert flat.tobytes() == stored
    memory = bytearray(1200)
    codec.decode(data, out=memory)
    assert memory == stored
    codec.decode(data, out=memoryview(memory))


@pytest.mark.parametrize(
    ("out", "says"),
    [
        (np.empty((20, 30), "u2"), r"out has shape \(20, 30\) and dtype uint16, but the chunk \(30, 20\), uint16"),
        (np.empty((30, 20), "i2"), "dtype int16"),
        (np.empty((30, 20), ">u2"), "dtype >u2"),
        (np.empty(1199, "u1"), r"shape \(1199,\)"),
        (np.empty(1201, "u1"), r"shape \(1201,\)"),
        (np.empty(2400, "u1")[::2], "out has shape"),
        (np.broadcast_to(np.zeros((), "u2"), (30, 20)), "read-only"),
        (bytes(1200), "read-only"),
        (bytearray(10), r"shape \(10,\)"),
    ],
    ids=["transposed", "signed", "big-endian", "small", "large", "strided", "read-only", "bytes", "small-bytearray"],
)
def test_places_that_do_not_fit_are_refused(out: Any, says: str, picture: Picture) -> None:
    """``out`` of another shape, dtype or size is refused, and told apart from the chunk."""
    codec = NeuralCodec(lossless=True)
    with pytest.raises(UnsupportedInputError, match=says):
        codec.decode(codec.encode(picture((30, 20))), out=out)


def test_masks_and_labels_are_coded_without_loss(picture: Picture) -> None:
    """Masks and wide integers are refused in bounded modes, with the way out; losslessly they are welcome."""
    image = picture((30, 20))
    for array in (image > 300, image.astype("i4")):
        for codec in (NeuralCodec(noise=1), NeuralCodec(max_error=1)):
            with pytest.raises(
                UnsupportedInputError,
                match=f"cannot be used for {array.dtype} samples.*lossless=True for masks, labels",
            ):
                codec.encode(array)
        lossless = NeuralCodec(lossless=True)
        np.testing.assert_array_equal(lossless.decode(lossless.encode(array)), array)


@pytest.mark.parametrize("given", [b"bytes", bytearray(4), memoryview(b"1234"), [[1, 2], [3, 4]], "text", None, 3])
def test_only_arrays_are_encoded(given: Any) -> None:
    """A buffer has no shape: what is not an ndarray is refused by its type."""
    with pytest.raises(UnsupportedInputError, match=f"not {type(given).__name__}"):
        NeuralCodec(lossless=True).encode(given)


def test_flat_input_is_explained() -> None:
    """One-dimensional input, as filters hand it on, is refused with the reason."""
    with pytest.raises(UnsupportedInputError, match="a filter in front of the codec may have flattened"):
        NeuralCodec(lossless=True).encode(np.zeros(64, "u2"))
