"""A numcodecs codec that is lossless: the code of an auto-encoder, and what its decoder leaves, as bytes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from zarr_neural.codecs import NeuralCodec
from zarr_neural.errors import ConfigurationError, DamagedChunkError
from zarr_neural.zoo.autoencoders import huffman
from zarr_neural.zoo.autoencoders.codec import as_images, checked_step, image_count, loaded
from zarr_neural.zoo.autoencoders.codes import CodeCoder
from zarr_neural.zoo.research_codec import Coded, ResearchCodec
from zarr_neural.zoo.stream import Stream, unpack_stream
from zarr_neural.zoo.weights import locate, sha256

Image = NDArray[np.uint8]


class _Coder(NamedTuple):
    encode: Callable[[Image], bytes]
    decode: Callable[[bytes, int], Image]


class Parts(NamedTuple):
    """Bytes of the codes and of the residuals of a chunk; `together` is all of it, header and checksums too."""

    codes: int
    residuals: int
    together: int


def _png_encode(residual: Image) -> bytes:
    import imagecodecs  # heavy, and needed for one coder of three

    return bytes(imagecodecs.png_encode(residual, level=9))


def _png_decode(data: bytes, side: int) -> Image:
    import imagecodecs  # as above

    try:
        return np.asarray(imagecodecs.png_decode(data))
    except RuntimeError as error:
        raise DamagedChunkError(f"the PNG of a residual cannot be decoded ({error})") from error


CODERS = {
    "huffman": _Coder(huffman.encode, lambda data, side: huffman.decode(data, side * side).reshape(side, side)),
    "png": _Coder(_png_encode, _png_decode),
    # our coder expects levels, not a circle: 0 in the middle
    "neural": _Coder(
        lambda residual: NeuralCodec(lossless=True).encode(residual + np.uint8(128)),
        lambda data, side: np.asarray(NeuralCodec(lossless=True).decode(data)) - np.uint8(128),
    ),
}
"""What residuals modulo 256 are coded with, by name."""


class ResidualCodec(ResearchCodec):
    """Lossless codec for chunks (..., side, side) of uint8, the side being that of the network.

    The decoder's output is rounded to grey levels before anything is subtracted from it. So what is left are integers,
    and modulo 256 they are a byte each.

    Parameters
    ----------
    weights : str
        SHA-256 of the weights, or the path of their file; see `zarr_neural.zoo.weights.locate`.
    residual : str
        One of `CODERS`.
    step : float, optional
        Of the quantiser of the codes, which are then entropy coded. Without it they are stored as float32.
    """

    codec_id = "zarr_neural.autoencoder_residual"

    def __init__(self, weights: str, residual: str = "png", step: float | None = None) -> None:
        if residual not in CODERS:
            raise ConfigurationError(f"residuals are coded by {', '.join(CODERS)}, not by {residual!r}")
        self.weights, self.residual = str(weights), residual
        self.step = None if step is None else checked_step(step)

    @property
    def identity(self) -> str:
        """Hash of the weights, step and coder."""
        return f"{self.codec_id} {self.weights_digest()} step={self.step!r} {self.residual}"

    def weights_digest(self) -> str:
        """The SHA-256 of the weights."""
        return sha256(locate(self.weights))

    def compress(self, chunk: NDArray[Any]) -> Coded:
        """Return codes and residuals of a chunk, and the chunk."""
        model = loaded(self.weights)
        images = as_images(chunk, model.side)
        codes = model.encode(images)
        if self.step is None:
            payload, words_nbytes = codes.astype("<f4").tobytes(), 0
        else:
            coder = CodeCoder(model.statistics, self.step)
            integers = coder.quantise(codes)
            payload, words_nbytes = coder.pack(integers)
            codes = coder.dequantise(integers)
        coded = [CODERS[self.residual].encode(rest) for rest in images - model.decode(codes)]
        sizes = b"".join(len(one).to_bytes(4, "little") for one in coded)
        return b"".join([payload, sizes, *coded]), [len(payload), words_nbytes], chunk

    def expand(self, stream: Stream) -> NDArray[Any]:
        """Return the images of a stream."""
        model = loaded(self.weights)
        count = image_count(stream, model.side)
        elements = model.statistics.classes.size
        payload, sizes, rest = _split(stream, count)
        if self.step is None:
            if len(payload) != 4 * count * elements:
                raise DamagedChunkError("the codes", expected=f"{4 * count * elements} bytes", found=len(payload))
            codes = np.frombuffer(payload, "<f4").reshape(count, elements)
        else:
            coder = CodeCoder(model.statistics, self.step)
            codes = coder.dequantise(coder.unpack(payload, stream.parameters[1], count))
        images = model.decode(codes)
        decoder = CODERS[self.residual].decode
        for image, size in zip(images, sizes, strict=True):
            residual, rest = decoder(rest[:size], model.side), rest[size:]
            if residual.shape != image.shape or residual.dtype != np.uint8:
                raise DamagedChunkError("the shape of a residual", expected=image.shape, found=residual.shape)
            image += residual
        return images.reshape(stream.shape)

    def parts(self, buf: Any) -> Parts:
        """Return how many bytes of a chunk are codes and how many residuals."""
        data = memoryview(buf).cast("B")
        stream = unpack_stream(self.identity, data)
        payload, sizes, _ = _split(stream, image_count(stream, stream.shape[-1]))
        return Parts(len(payload), sum(sizes), len(data))


def _split(stream: Stream, count: int) -> tuple[bytes, list[int], bytes]:
    """Return codes, sizes of residuals, and residuals."""
    if len(stream.parameters) != 2:
        raise DamagedChunkError("the number of parameters", expected=2, found=len(stream.parameters))
    start = stream.parameters[0]
    end = start + 4 * count
    sizes = [int.from_bytes(stream.payload[at : at + 4], "little") for at in range(start, end, 4)]
    if end + sum(sizes) != len(stream.payload):
        raise DamagedChunkError("the residuals", expected=f"{sum(sizes)} bytes", found=len(stream.payload) - end)
    return stream.payload[:start], sizes, stream.payload[end:]
