"""Planes whose samples repeat their neighbours: the raster coder's reference decoder.

Median filters, label images and drawings give samples that equal one of their neighbours far more often than noise
does. The coder asks first, candidate by candidate, whether a sample equals one of its four neighbours, and predicts it
only then. Every bit is coded by an adaptive binary range coder; nothing is trained. Specification:
``zarr_neural/spec/repeats.md``. Users run ``native/repeats.cpp``; a test holds both to the same samples.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from zarr_neural.errors import DamagedChunkError

_LENGTHS = 17
_MODELLED_BITS = 3


@dataclass
class _Bits:
    """Decoder of adaptive bits, as native/range_coder.hpp."""

    data: bytes
    position: int = 0
    spread: int = 0xFFFFFFFF
    code: int = 0
    models: dict[tuple[int | str, ...], list[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for _ in range(4):
            self.code = self.code << 8 | self._byte()

    def _byte(self) -> int:
        self.position += 1
        return self.data[self.position - 1] if self.position <= len(self.data) else 0

    def _take(self, bound: int) -> bool:
        found = self.code < bound
        if found:
            self.spread = bound
        else:
            self.code -= bound
            self.spread -= bound
        while self.spread < 1 << 24:
            self.spread <<= 8
            self.code = self.code << 8 | self._byte()
        return found

    def adaptive(self, *context: int | str) -> bool:
        model = self.models.setdefault(context, [32768, 32768])
        found = self._take((self.spread >> 16) * (sum(model) >> 1))
        for k, rate in enumerate((4, 7)):
            model[k] += (65535 - model[k]) >> rate if found else -(model[k] >> rate)
        return found

    def even(self) -> bool:
        half = self.spread >> 1
        self.spread = 2 * half  # an odd range loses its last unit
        return self._take(half)

    @property
    def clean(self) -> bool:
        return self.position == len(self.data) and self.code == 0


def decode_repeats_reference(data: bytes, height: int, width: int, top: int) -> NDArray[np.uint16]:
    """The plane of a payload, by slow Python that follows the specification.

    Parameters
    ----------
    data : bytes
    height, width : int
    top : int
        Largest value that the plane may hold, 0..65535.

    Raises
    ------
    DamagedChunkError
        If the bytes do not end where the plane does, or a sample lies outside 0..top.
    """
    bits = _Bits(data)
    plane = np.zeros((height, width), np.int64)
    missed = np.zeros((height + 1, width + 2), np.int64)
    for i in range(height):
        for j in range(width):
            west = plane[i, j - 1] if j else plane[i - 1, 0] if i else 0
            north = plane[i - 1, j] if i else west
            north_east = plane[i - 1, min(j + 1, width - 1)] if i else west
            north_west = plane[i - 1, max(j - 1, 0)] if i else west
            near = int(missed[i + 1, j] + missed[i, j : j + 3].sum())
            neighbours = [int(n) for n in (west, north, north_east, north_west)]
            value = _repeated(bits, neighbours, (near + 1) // 2)
            if value is None:
                missed[i + 1, j + 1] = 1
                value = _predicted(neighbours) + _residual(bits, (max(neighbours) - min(neighbours)).bit_length())
                if not 0 <= value <= top:
                    what = "a sample lies outside the range of its plane"
                    raise DamagedChunkError(what, expected=f"0 to {top}", found=value)
            plane[i, j] = value
    if not bits.clean:
        raise DamagedChunkError("the bits do not end where the pixels do")
    return plane.astype(np.uint16)


def _repeated(bits: _Bits, neighbours: list[int], near: int) -> int | None:
    activity = (max(neighbours) - min(neighbours)).bit_length()
    values = sorted(dict.fromkeys(neighbours), key=lambda v: -neighbours.count(v))  # stable: ties keep their order
    for refused, value in enumerate(values):
        owners = sum(1 << k for k in range(4) if neighbours[k] == value)
        if bits.adaptive("hit", owners, refused, activity // 2, near):
            return value
    return None


def _predicted(neighbours: list[int]) -> int:
    west, north, _, north_west = neighbours
    low, high = min(west, north), max(west, north)
    if north_west >= high:
        return low
    return high if north_west <= low else west + north - north_west


def _residual(bits: _Bits, activity: int) -> int:
    length = 0
    while length < _LENGTHS - 1 and not bits.adaptive("length", activity, length):
        length += 1
    if length == 0:
        return 0
    negative = bits.adaptive("negative", activity)
    magnitude = 1
    for done in range(length - 1):
        found = bits.adaptive("mantissa", length, done, magnitude & 7) if done < _MODELLED_BITS else bits.even()
        magnitude = 2 * magnitude + found
    return -magnitude if negative else magnitude
