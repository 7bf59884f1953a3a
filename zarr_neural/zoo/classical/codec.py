"""The classical codecs in Zarr stores: any of them, lossy or lossless, as the compressor of a version 2 array."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zarr_neural.bitstream.fields import unzigzag, zigzag
from zarr_neural.errors import BoundError, ConfigurationError, DamagedChunkError, UnsupportedInputError
from zarr_neural.zoo.classical.families import lossless_family, lossy_family
from zarr_neural.zoo.classical.lossless import LosslessCodec, signed, unsigned
from zarr_neural.zoo.classical.planes import bits, pack_planes, unpack_planes
from zarr_neural.zoo.classical.record import LossyCodec
from zarr_neural.zoo.classical.scaling import Scale
from zarr_neural.zoo.research_codec import Coded, ResearchCodec
from zarr_neural.zoo.stream import Stream


class ClassicalCodec(ResearchCodec):
    """A classical codec for chunks (..., Y, X) of integers, plane by plane.

    Checksums find every accident. Chunks forged with right checksums are another matter: the decoders behind
    ``htj2k``, ``sperr`` and ``sz3`` may end the process on them.

    Parameters
    ----------
    family : str
        One of `FAMILIES`, or of `LOSSLESS` where `lossless` is set.
    setting : float
        The one number that sets the error, within the range of the family; see its record for what it means.
    lossless : bool
        Every sample comes back as it was; there is no setting then, nor a range.
    low, high : float
        The range of values of the whole image, so that all its chunks have the same step. By default the range of
        each chunk. Values outside of it are refused, so that the array's fill value, which Zarr writes where a chunk
        reaches over the edge, must lie inside too.

    Raises
    ------
    ConfigurationError
        If arguments contradict each other or lie out of range.

    Examples
    --------
    >>> import numpy as np
    >>> image = np.add.outer(np.arange(64), np.arange(64)).astype("u2")
    >>> codec = ClassicalCodec("sz3", 1 / 42, low=0, high=126)
    >>> decoded = codec.decode(codec.encode(image))
    >>> int(np.abs(decoded.astype(int) - image).max()) <= 3
    True
    """

    codec_id = "zarr_neural.classical"

    def __init__(
        self,
        family: str,
        setting: float | None = None,
        *,
        lossless: bool = False,
        low: float | None = None,
        high: float | None = None,
    ) -> None:
        self.family = family
        self.setting = None if setting is None else float(setting)
        self.lossless = lossless
        self.low = None if low is None else float(low)
        self.high = None if high is None else float(high)
        if lossless:
            lossless_family(family)
            if (setting, low, high) != (None, None, None):
                raise ConfigurationError(
                    f"lossless {family} takes neither setting nor range, not {setting}, {low} to {high}"
                )
            return
        settings = lossy_family(family).settings
        least, most = sorted((settings.worst, settings.best))
        if self.setting is None or not least <= self.setting <= most or (settings.whole and self.setting % 1):
            kind = "a whole number" if settings.whole else "a number"
            words = lossy_family(family).setting
            raise ConfigurationError(f"lossy {family} needs {kind} from {least} to {most} ({words}), not {setting}")
        if (low is None) != (high is None):
            raise ConfigurationError(f"low and high are given together, not {low} and {high}")
        if not -math.inf < (self.low or 0) <= (self.high or 0) < math.inf:
            raise ConfigurationError(f"low must not be above high, both finite, not {low} and {high}")

    @property
    def identity(self) -> str:
        """The family; settings are the encoder's business, a decoder needs none of them."""
        return f"{self.codec_id} {self.family} {'lossless' if self.lossless else 'lossy'}"

    def compress(self, chunk: NDArray[Any]) -> Coded:
        """Return payload, parameters and decoded samples of a chunk.

        Raises
        ------
        UnsupportedInputError
            If the family or its library does not take such planes, or values lie outside of low to high.
        """
        family = self._available()
        why = family.why_not(chunk)
        if why:
            raise UnsupportedInputError(f"{self.family} {why}")
        planes = chunk.reshape(-1, *chunk.shape[-2:])
        try:
            if isinstance(family, LosslessCodec):
                payload, parameters = _compress_lossless(family, planes)
            else:
                payload, parameters = self._compress_lossy(family, planes)
        except (RuntimeError, ValueError) as error:
            if isinstance(error, UnsupportedInputError):
                raise
            raise UnsupportedInputError(
                f"{self.family} cannot code planes of {chunk.dtype} {planes.shape[1:]}: {error}"
            ) from error
        decoded = self._expand(payload, parameters, chunk.shape, chunk.dtype)
        if self.lossless and not np.array_equal(bits(decoded), bits(chunk)):
            raise BoundError(f"{self.family} does not return every sample of this chunk; nothing was written")
        return payload, parameters, decoded

    def expand(self, stream: Stream) -> NDArray[Any]:
        """Return the samples of a stream, of its shape and dtype."""
        return self._expand(stream.payload, stream.parameters, stream.shape, stream.dtype)

    def _available(self) -> LossyCodec | LosslessCodec:
        family = lossless_family(self.family) if self.lossless else lossy_family(self.family)
        if family.missing:
            raise ConfigurationError(f"{self.family} is not available here: {family.missing}")
        return family

    def _compress_lossy(self, family: LossyCodec, planes: NDArray[Any]) -> tuple[bytes, Sequence[int]]:
        assert self.setting is not None
        setting, prepared = self.setting, family.prepare(planes, self.low, self.high)
        payload = pack_planes(planes, lambda i: family.compress(replace(prepared, plane=prepared.plane[i]), setting))
        return payload, prepared.scale.parameters()

    def _expand(
        self, payload: bytes, parameters: Sequence[int], shape: tuple[int, ...], dtype: np.dtype[Any]
    ) -> NDArray[Any]:
        family = self._available()
        whole = (math.prod(shape[:-2]), shape[-2], shape[-1])
        try:
            if isinstance(family, LosslessCodec):
                planes = _expand_lossless(family, payload, parameters, whole, dtype)
            else:
                scale = Scale.from_parameters(dtype, parameters)
                planes = unpack_planes(payload, whole, dtype, lambda data: family.restore(data, whole[1:], scale))
        except RuntimeError as error:
            raise DamagedChunkError(f"the payload of {self.family} cannot be decoded ({error})") from error
        return planes.reshape(shape)


def _compress_lossless(family: LosslessCodec, planes: NDArray[Any]) -> tuple[bytes, Sequence[int]]:
    if planes.dtype.name in family.dtypes:
        return pack_planes(planes, lambda i: family.encode(planes[i])), ()
    low = int(planes.min())
    return pack_planes(planes, lambda i: family.encode(unsigned(planes[i], low))), (zigzag(low),)


def _expand_lossless(
    family: LosslessCodec,
    payload: bytes,
    parameters: Sequence[int],
    shape: tuple[int, int, int],
    dtype: np.dtype[Any],
) -> NDArray[Any]:
    if dtype.name in family.dtypes:
        return unpack_planes(payload, shape, dtype, lambda data: family.decode(data, shape[1:], dtype))
    if len(parameters) != 1:
        raise DamagedChunkError("parameters of a lossless chunk", expected=1, found=len(parameters))
    low, given = unzigzag(parameters[0]), np.dtype(f"u{dtype.itemsize}")
    return unpack_planes(payload, shape, dtype, lambda data: signed(family.decode(data, shape[1:], given), low, dtype))
