"""The Zarr v3 array-to-bytes codec, for the asynchronous and the synchronous pipeline."""

import asyncio
from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from zarr.abc.codec import ArrayBytesCodec
from zarr.core.array_spec import ArraySpec
from zarr.core.buffer import Buffer, NDBuffer

from zarr_neural.codecs.configuration import FORMAT_ID, Configuration, Configured
from zarr_neural.errors import ConfigurationError, UnsupportedInputError


class NeuralSerializer(Configured, ArrayBytesCodec):
    """Neural compression of image chunks, for ``zarr.create_array(..., serializer=NeuralSerializer())``.

    The arguments are those of `zarr_neural.NeuralCodec`. No compressor should follow: the bytes are dense already.

    Examples
    --------
    >>> import zarr
    >>> from zarr_neural import NeuralSerializer
    >>> array = zarr.create_array(
    ...     {}, shape=(2, 64, 64), chunks=(1, 64, 64), dtype="u2", serializer=NeuralSerializer(), compressors=None
    ... )
    >>> array[:] = 7
    >>> int(array[1, 2, 3])
    7
    """

    is_fixed_size = False

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """The codec of a JSON object with ``name`` and ``configuration``."""
        if data.get("name") != FORMAT_ID or set(data) - {"name", "configuration", "must_understand"}:
            raise ConfigurationError(f"expected name {FORMAT_ID!r} and a configuration, found {dict(data)!r}")
        codec = cls.__new__(cls)
        codec.configuration = Configuration.from_json(data.get("configuration") or {})
        codec.verify = True
        return codec

    def to_dict(self) -> dict[str, Any]:
        """The JSON object that array metadata holds."""
        return {"name": FORMAT_ID, "configuration": self.configuration.to_json()}

    def validate(self, *, shape: tuple[int, ...], dtype: Any, chunk_grid: Any) -> None:
        """Refuse arrays whose chunks could not be coded, when they are created or opened."""
        native = dtype.to_native_dtype() if hasattr(dtype, "to_native_dtype") else np.dtype(dtype)
        self.configuration.check_dtype(native)
        if len(shape) < 2:
            raise UnsupportedInputError(f"arrays must have two or more axes (..., Y, X), not shape {shape}")

    def evolve_from_array_spec(self, array_spec: ArraySpec) -> Self:
        """This codec, after `validate`: of the codecs inside shards, zarr before 3.2 asks nothing else in advance."""
        self.validate(shape=array_spec.shape, dtype=array_spec.dtype, chunk_grid=None)
        return self

    def compute_encoded_size(self, input_byte_length: int, chunk_spec: ArraySpec) -> int:
        """Not known before encoding."""
        raise NotImplementedError

    def _encode_sync(self, chunk_data: NDBuffer, chunk_spec: ArraySpec) -> Buffer | None:
        array = np.ascontiguousarray(chunk_data.as_numpy_array())
        told = chunk_spec.dtype.to_native_dtype()
        if array.dtype.newbyteorder("=") != told.newbyteorder("="):
            raise UnsupportedInputError(
                f"a filter in front of the codec turns {told}, the dtype of the array, into {array.dtype}: such chunks "
                "could be written but not read; leave the filter out"
            )
        if array.shape != tuple(chunk_spec.shape):
            raise UnsupportedInputError(
                f"a chunk has shape {array.shape}, but the array says {tuple(chunk_spec.shape)}"
            )
        little = array.astype(array.dtype.newbyteorder("<"), copy=False)  # Zarr v3 has no byte order of its own here
        return chunk_spec.prototype.buffer.from_bytes(self._encode(little))

    def _decode_sync(self, chunk_data: Buffer, chunk_spec: ArraySpec) -> NDBuffer:
        dtype = chunk_spec.dtype.to_native_dtype()
        decoded = self._decode(chunk_data.as_numpy_array(), (tuple(chunk_spec.shape), dtype))
        return chunk_spec.prototype.nd_buffer.from_numpy_array(decoded.astype(dtype, copy=False))

    async def _encode_single(self, chunk_array: NDBuffer, chunk_spec: ArraySpec) -> Buffer | None:
        return await asyncio.to_thread(self._encode_sync, chunk_array, chunk_spec)

    async def _decode_single(self, chunk_bytes: Buffer, chunk_spec: ArraySpec) -> NDBuffer:
        return await asyncio.to_thread(self._decode_sync, chunk_bytes, chunk_spec)
