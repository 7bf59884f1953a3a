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
from zarr_neural.errors import DamagedChunkError

BITMAP, GAPS = range(2)
_ZSTD_LEVEL = 12


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
        for kind, body in ((BITMAP, np.packbits(bits, bitorder="little").tobytes()), (GAPS, np.diff(ranks).astype("<u2").tobytes()))
    ]
    kind, body = min(candidates, key=lambda c: len(c[1]))
    return pack_varint(divisor) + pack_varint(len(used)) + pack_varint(int(ranks[-1])) + bytes([kind]) + body


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
    if not (1 <= divisor and 2 <= count <= last + 1 and last * divisor < 2**40 and last <= 65535) or kind > GAPS:
        raise DamagedChunkError("the palette is impossible", found=(divisor, count, last, kind))
    size = (last + 8) // 8 if kind == BITMAP else 2 * (count - 1)
    body = unpack_zstd(reader.take(reader.remaining, "the palette"), size, "the palette")
    if kind == BITMAP:
        ranks = np.flatnonzero(np.unpackbits(body, bitorder="little"))
    else:
        ranks = np.concatenate([[0], np.cumsum(body.view("<u2").astype(np.int64))])
    if len(ranks) != count or ranks[0] != 0 or ranks[-1] != last or (np.diff(ranks) <= 0).any():
        raise DamagedChunkError("the palette does not hold the levels that it announces", expected=count, found=len(ranks))
    return np.asarray(ranks, np.int64) * divisor


def unpack_zstd(data: memoryview, nbytes: int, what: str) -> NDArray[np.uint8]:
    """Exactly ``nbytes`` decompressed bytes; more are never allocated."""
    out = np.zeros(nbytes, np.uint8)
    try:
        zstd.decompress(bytes(data), out)
    except (RuntimeError, ValueError) as error:
        raise DamagedChunkError(f"{what} does not decompress to {nbytes} bytes: {error}") from error
    return out


def pays(used: int, span: int, pixels: int) -> bool:
    """Whether a level map may shrink a plane: what its pixels save exceeds an estimate of what the map costs."""
    share = used / span
    if share > 0.95:
        return False
    entropy = -(share * math.log2(share) + (1 - share) * math.log2(1 - share))
    return pixels * -math.log2(share) > span * entropy + 128
