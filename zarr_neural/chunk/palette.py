"""Level maps: the grey levels that a plane uses, where it uses few of its range.

Contrast stretching, 8-bit data in 16 bits and multiplied counts leave gaps between the levels; coding the rank of a
level in the list of the used ones then saves the logarithm of the share that is used, for every pixel.
"""

import math

import numpy as np
from numcodecs import zstd
from numpy.typing import NDArray

from zarr_neural.bitstream import Reader
from zarr_neural.bitstream.reader import pack_varint
from zarr_neural.chunk.frames import unpack_zstd
from zarr_neural.errors import DamagedChunkError

BITMAP, GAPS = range(2)
_ZSTD_LEVEL = 12
_MOST_SHARE = 0.95  # of used levels at which a map is not worth a thought
_REACH = 16  # levels to either side that count as near
_SAMPLE = 2**15  # pixels that are judged by


def pack_palette(used: NDArray[np.int64]) -> bytes:
    """The bytes of a list of levels.

    Parameters
    ----------
    used : (N,) array of int64
        Strictly increasing, from 0; N >= 2.

    Returns
    -------
    bytes
        The greatest common divisor of all gaps; N; then either a bitmap or the gaps as u16, whichever packs smaller.
    """
    gaps = np.diff(used)
    divisor = int(np.gcd.reduce(gaps))
    ranks = used // divisor
    bits = np.zeros(int(ranks[-1]) + 1, np.uint8)
    bits[ranks] = 1
    candidates = [
        (kind, zstd.compress(body, _ZSTD_LEVEL))
        for kind, body in (
            (BITMAP, np.packbits(bits, bitorder="little").tobytes()),
            (GAPS, np.diff(ranks).astype("<u2").tobytes()),
        )
    ]
    kind, body = min(candidates, key=lambda c: len(c[1]))
    head = pack_varint(divisor) + pack_varint(len(used)) + pack_varint(int(ranks[-1]))
    return head + bytes([kind]) + bytes(body)


def unpack_palette(data: memoryview) -> NDArray[np.int64]:
    """The list of levels that `pack_palette` wrote.

    Raises
    ------
    DamagedChunkError
        If the bytes are not such a list, or it does not begin at 0 or exceeds 16 bits.
    """
    reader = Reader(data)
    divisor, count, last = (reader.varint(f"the palette's {what}") for what in ("divisor", "length", "last rank"))
    kind = reader.unsigned(1, "the palette's kind")
    if not (divisor >= 1 and 2 <= count <= last + 1 and last * divisor < 2**40 and last <= 65535) or kind > GAPS:
        raise DamagedChunkError("the palette is impossible", found=(divisor, count, last, kind))
    size = (last + 8) // 8 if kind == BITMAP else 2 * (count - 1)
    body = unpack_zstd(reader.take(reader.remaining, "the palette"), size, "the palette")
    if kind == BITMAP:
        ranks = np.flatnonzero(np.unpackbits(body, bitorder="little"))
    else:
        ranks = np.concatenate([[0], np.cumsum(body.view("<u2").astype(np.int64))])
    if len(ranks) != count or ranks[0] != 0 or ranks[-1] != last or (np.diff(ranks) <= 0).any():
        raise DamagedChunkError(
            "the palette does not hold the levels that it announces", expected=count, found=len(ranks)
        )
    return np.asarray(ranks, np.int64) * divisor


def used_levels(samples: NDArray[np.uint16], top: int) -> NDArray[np.int64] | None:
    """The levels that a plane uses, if a map of them may shrink it: if pixels save more than the map may cost.

    A pixel saves the logarithm of the share of levels that are used among those near its own. (Levels that are rare
    because few pixels lie out there save next to nothing, however many they are.)

    Parameters
    ----------
    samples : (Y, X) array of uint16
    top : int
        The largest of them.
    """
    flat = samples.reshape(-1)
    some = flat[:: max(1, flat.size // _SAMPLE)]
    # By chance a part of the pixels uses fewer levels: where even so nothing is saved, the whole is not looked at.
    for seen in (some, flat):
        present = np.zeros(top + 1, bool)
        present[seen] = True
        share = np.count_nonzero(present) / (top + 1)
        entropy = -(share * math.log2(share) + (1 - share) * math.log2(1 - share)) if share < 1 else 0.0
        if share > _MOST_SHARE or _saved_bits(present, some) * flat.size <= (top + 1) * entropy + 128:
            return None
    return np.flatnonzero(present)


def _saved_bits(present: NDArray[np.bool_], samples: NDArray[np.uint16]) -> float:
    """Mean logarithm of the inverse share of used levels near each sample."""
    span = len(present)
    edges = np.concatenate([[0], np.cumsum(present)])
    first = np.maximum(np.arange(span) - _REACH, 0)
    last = np.minimum(np.arange(span) + _REACH + 1, span)
    near = (edges[last] - edges[first]) / (last - first)
    counts = np.bincount(samples, minlength=span)
    used = counts > 0
    return -float((counts[used] * np.log2(near[used])).sum() / counts.sum())
