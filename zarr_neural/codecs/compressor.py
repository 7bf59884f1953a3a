"""The numcodecs codec: compressor of Zarr v2 arrays."""

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numcodecs.abc import Codec
from numpy.typing import NDArray

from zarr_neural.codecs.configuration import FORMAT_ID, Configuration, Configured
from zarr_neural.errors import ConfigurationError, UnsupportedInputError


class NeuralCodec(Configured, Codec):  # type: ignore[misc] # numcodecs has no types
    """Neural compression of image chunks, for ``zarr.open(..., zarr_format=2, compressor=NeuralCodec())``.

    Lossless, unless a loss is asked for: give one of ``max_error``, ``noise`` and ``rmse``, or ``rmse`` and
    ``max_error`` together. Chunks of names (labels, masks, indices of a palette, told by their content) are lossless
    in any case.

    Parameters
    ----------
    lossless : bool
        Every sample comes back as it was; the default. Any numeric dtype.
    max_error : float
        Hard bound of the absolute error, grey levels. 8- and 16-bit integers, float32, float64.
    noise : float
        Quantiser step in standard deviations of the camera noise, 1/256 to 255; the error is at most about half a
        step. 8- and 16-bit integers.
    rmse : float
        Root of the mean squared error of a chunk, grey levels: never larger, and up to 5 % smaller where anything at
        all is lost. A chunk of which a part is written later is coded without further loss (unless ``verify=False``),
        so that the promise holds and the chunk grows: write whole chunks.
        The smallest chunks. 8- and 16-bit integers (from 1/256 on), float32, float64.
    preset : {"fast", "dense"}
        The shipped model for ``rmse``: quick, or smaller chunks. Not stored in the metadata, which name the model.
    verify : bool
        Decode each chunk once more and compare, before it is handed out. Not stored in the metadata.
    noise_model : NoiseModel or mapping of its three members
        Noise of the camera, see `zarr_neural.estimate_noise`. Better given: without it each chunk is measured by
        itself, and a chunk whose grey levels have gaps, as after an earlier quantisation, is kept as it is.
    models : sequence of str
        SHA-256 of the models to use; by default the shipped ones, a lossless and for ``rmse`` a lossy one. The first
        of each kind encodes, all may be named by chunks.
    shape, dtype : sequence of int, str
        Of every chunk, if they are known: Zarr v2 does not tell a codec what it expects, and a chunk of another array
        with as many bytes would pass. With these, which `zarr-neural convert` gives, it is an error.

    Raises
    ------
    ConfigurationError
        If arguments contradict each other or lie out of range.
    ModelNotFoundError
        If the model of the preset is not shipped.

    Examples
    --------
    >>> import numpy as np
    >>> from zarr_neural import NeuralCodec
    >>> image = np.arange(64 * 64, dtype="u2").reshape(64, 64)
    >>> codec = NeuralCodec(max_error=2)
    >>> decoded = codec.decode(codec.encode(image))
    >>> int(np.abs(decoded.astype(int) - image).max()) <= 2
    True
    """

    codec_id = FORMAT_ID

    def encode(self, buf: NDArray[Any]) -> bytes:
        """The bytes of one chunk.

        Parameters
        ----------
        buf : (..., Y, X) ndarray
            Two or more axes, see `zarr_neural.chunk.encode_chunk`.

        Raises
        ------
        UnsupportedInputError
            If it is no such array, or the fidelity makes no sense for its dtype.
        TypeError
            If it holds Python objects.
        """
        if not isinstance(buf, np.ndarray):
            raise UnsupportedInputError(f"an ndarray with its shape and dtype is needed, not {type(buf).__name__}")
        if buf.dtype.hasobject:
            raise TypeError(f"arrays of Python objects ({buf.dtype}) cannot be coded: numbers are needed")
        return self._encode(buf)

    def decode(self, buf: Any, out: Any = None) -> NDArray[Any]:
        """The array of a chunk, of the shape, dtype and memory order that was encoded.

        Parameters
        ----------
        buf : bytes-like
        out : ndarray or writable buffer, optional
            Where to put the samples: an array of the same shape and dtype, or a flat one of the same number of bytes.

        Raises
        ------
        DamagedChunkError
            If the bytes are not a whole chunk.
        UnsupportedInputError
            If ``out`` does not fit the chunk.
        """
        decoded = self._decode(buf)
        if out is None:
            return decoded
        target = out if isinstance(out, np.ndarray) else np.frombuffer(out, np.uint8)
        if target.dtype.hasobject:
            raise TypeError(f"a chunk cannot be decoded into an array of Python objects ({target.dtype})")
        if not target.flags.writeable:
            raise UnsupportedInputError("out is read-only")
        if target.shape == decoded.shape and target.dtype == decoded.dtype:
            target[...] = decoded
        elif target.ndim == 1 and target.nbytes == decoded.nbytes and target.flags.c_contiguous:
            target.view(np.uint8)[...] = decoded.reshape(-1, order="A").view(np.uint8)
        else:
            raise UnsupportedInputError(
                f"out has shape {target.shape} and dtype {target.dtype}, but the chunk {decoded.shape}, {decoded.dtype}"
            )
        return target

    def get_config(self) -> dict[str, Any]:
        """The JSON object that array metadata holds."""
        return {"id": self.codec_id, **self.configuration.to_json()}

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Self:
        """The codec of a JSON object, none of whose members is unknown."""
        if config.get("id", FORMAT_ID) != FORMAT_ID:
            raise ConfigurationError(f"this is the configuration of codec {config['id']!r}, not of {FORMAT_ID!r}")
        codec = cls.__new__(cls)
        codec.configuration = Configuration.from_json({k: v for k, v in config.items() if k != "id"})
        codec.verify = True
        return codec
