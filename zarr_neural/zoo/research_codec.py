"""What every codec of the zoo is: a numcodecs codec, described by its configuration, whose chunks check themselves."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from numcodecs.abc import Codec
from numpy.typing import NDArray

from zarr_neural.errors import ConfigurationError, DamagedChunkError, UnsupportedInputError, ZarrNeuralError
from zarr_neural.zoo.stream import MAX_NBYTES, MOST_AXES, Stream, dtype_number, pack_stream, unpack_stream
from zarr_neural.zoo.weights import is_digest

Coded = tuple[bytes, Sequence[int], NDArray[Any]]
"""Payload, parameters for the header, and what the two decode to."""


class ResearchCodec(Codec, ABC):  # type: ignore[misc] # numcodecs has no types
    """A codec of the zoo for chunks of two or more axes; subclasses say how a chunk becomes a payload.

    Only configuration lives in an object: weights are cached by process, so that codecs pickle to dask workers.
    """

    @property
    @abstractmethod
    def identity(self) -> str:
        """What encoder and decoder must have in common: name, settings, hash of the weights."""

    @abstractmethod
    def compress(self, chunk: NDArray[Any]) -> Coded:
        """Return payload, parameters and decoded samples of a chunk."""

    @abstractmethod
    def expand(self, stream: Stream) -> NDArray[Any]:
        """Return the samples of a stream, of its shape and dtype."""

    def weights_digest(self) -> str | None:
        """The SHA-256 of the weights, or nothing where a codec has none."""
        return None

    def get_config(self) -> dict[str, Any]:
        """The JSON object that array metadata holds: weights that were named by a path are named by their SHA-256.

        Raises
        ------
        ModelNotFoundError
            If there is no such path.
        """
        config: dict[str, Any] = super().get_config()
        if not _may_be_recorded(config.get("weights")):
            config["weights"] = self.weights_digest()
        return config

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The codec of a JSON object, which may come from anybody: it opens no file that the object names.

        Raises
        ------
        ConfigurationError
            If the object names weights otherwise than by their SHA-256, or does not describe such a codec.
        """
        members = {name: value for name, value in config.items() if name != "id"}
        if not _may_be_recorded(members.get("weights")):
            raise ConfigurationError(
                "metadata name weights by their SHA-256, 64 lower-case hexadecimal digits, never by a path, "
                f"found {str(members['weights'])[:80]!r}; to use a file of your own, give its path to {cls.__name__}()"
            )
        try:
            return cls(**members)
        except ZarrNeuralError:
            raise
        except (TypeError, ValueError, OverflowError) as error:
            raise ConfigurationError(f"the metadata do not describe a {cls.__name__}: {error}") from error

    def encode(self, buf: NDArray[Any]) -> bytes:
        """The bytes of one chunk.

        Parameters
        ----------
        buf : (..., Y, X) ndarray
            C-contiguous, little-endian: zarr would misread other orders.

        Raises
        ------
        UnsupportedInputError
            If it is no such array, or of a dtype that the codec does not take.
        """
        if not isinstance(buf, np.ndarray) or buf.ndim < 2 or buf.size == 0:
            found = f"{buf.ndim} axes, shape {buf.shape}" if isinstance(buf, np.ndarray) else type(buf).__name__
            raise UnsupportedInputError(f"an array of two or more axes is needed, not {found}")
        if buf.ndim > MOST_AXES or buf.nbytes > MAX_NBYTES:
            raise UnsupportedInputError(
                f"at most {MOST_AXES} axes and {MAX_NBYTES} bytes are taken, not {buf.ndim} axes, {buf.nbytes} bytes"
            )
        if not buf.flags.c_contiguous:
            raise UnsupportedInputError("the chunk is not C-contiguous: create the array with order='C'")
        if buf.dtype.newbyteorder("<") != buf.dtype:
            raise UnsupportedInputError(f"big-endian samples ({buf.dtype.str}) are not taken: convert them first")
        dtype_number(buf.dtype)
        payload, parameters, decoded = self.compress(buf)
        return pack_stream(self.identity, decoded, payload, parameters)

    def decode(self, buf: Any, out: Any = None) -> NDArray[Any]:
        """The array of a chunk, of the shape and dtype that was encoded.

        Parameters
        ----------
        buf : bytes-like
        out : writable buffer of as many bytes, optional

        Raises
        ------
        DamagedChunkError
            If the bytes are not a whole chunk of this codec.
        MismatchError
            If this machine decodes to other samples than the machine that wrote the chunk.
        """
        stream = unpack_stream(self.identity, memoryview(buf).cast("B"))
        try:
            decoded = stream.checked(self.expand(stream))
        except ZarrNeuralError:  # many are ValueErrors: a library that is missing here is no damage
            raise
        except (ValueError, LookupError, ArithmeticError) as error:
            raise DamagedChunkError(f"the payload of {stream.codec} cannot be decoded ({error})") from error
        if out is None:
            return decoded
        np.frombuffer(out, np.uint8)[...] = np.ascontiguousarray(decoded).reshape(-1).view(np.uint8)
        return out  # type: ignore[no-any-return]


def _may_be_recorded(weights: object) -> bool:
    return weights is None or (isinstance(weights, str) and is_digest(weights))
