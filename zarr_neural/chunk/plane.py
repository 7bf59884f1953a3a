"""One plane of a chunk by path L: margin, levels, palette, networks or repeats. Both directions mirror each other."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zarr_neural.bitstream import Field, Reader, pack, unpack
from zarr_neural.chunk import quantise
from zarr_neural.chunk.margin import HAS_MARGIN, MARGIN_FIELDS, fill_margin, has_content, margin_values
from zarr_neural.chunk.palette import pack_palette, unpack_palette, used_levels
from zarr_neural.chunk.quantise import Quantiser
from zarr_neural.errors import DamagedChunkError
from zarr_neural.intnet import native
from zarr_neural.models import LosslessModel

HAS_PALETTE, REPEATS = 2, 4  # bits of `flags`, beside that of the margin
MAX_TOP = 65535
MAX_SIDE = 2**24  # of a plane that path L codes
_FEW = 0.5  # below this share of used levels, coding without a palette is not tried


def _palette(values: Mapping[str, Any]) -> bool:
    return has_content(values) and bool(values["flags"] & HAS_PALETTE)


def _networks(values: Mapping[str, Any]) -> bool:
    return has_content(values) and not values["flags"] & REPEATS


RECORD = (
    Field("flags", "fixed", 1, most=HAS_MARGIN | HAS_PALETTE | REPEATS),
    *MARGIN_FIELDS,
    Field("lowest", "signed", least=-quantise.MAX_LEVEL, most=quantise.MAX_LEVEL, when=has_content),
    Field("palette_nbytes", "varint", when=_palette),
    Field("top", "varint", most=MAX_TOP, when=has_content),
    Field("words_nbytes", "varint", when=_networks),
    Field("payload_nbytes", "varint", when=has_content),
)


class NotForPathLError(ValueError):
    """The levels of a plane span more than 16 bits, or one of its sides is longer than 2**24 samples."""


def encode_plane(model: LosslessModel, quantiser: Quantiser, plane: NDArray[Any]) -> tuple[bytes, NDArray[Any]]:
    """The bytes of a plane, and the plane that they decode to.

    Parameters
    ----------
    model : LosslessModel
    quantiser : Quantiser
    plane : (Y, X) array
        Native byte order; floats are finite.

    Raises
    ------
    NotForPathLError
        If integers that are kept as they are span more than 16 bits.
    """
    if max(plane.shape) > MAX_SIDE:
        raise NotForPathLError
    values, box, border = margin_values(plane)
    decoded = plane
    if not has_content(values):
        return pack(RECORD, values), np.full_like(plane, border)  # 0.0 and -0.0 are one border
    content = plane[box.slices]
    samples, lowest = samples_of(quantiser, content)
    record = _smallest_record(model, values | {"lowest": lowest}, samples)
    if quantiser.kind != quantise.IDENTITY:
        decoded = np.full_like(plane, border)
        put_samples(quantiser, samples, lowest, np.arange(int(samples.max()) + 1), decoded[box.slices])
    return record, decoded


def _smallest_record(model: LosslessModel, values: dict[str, Any], samples: NDArray[np.uint16]) -> bytes:
    top = int(samples.max())
    palette, candidates = b"", []
    used = used_levels(samples, top) if top > 0 else None
    if used is None or len(used) > _FEW * (top + 1):
        candidates.append(_by_networks(model, values | {"top": top}, palette, samples))
    if used is not None:
        palette = pack_palette(used)
        values = values | {"flags": values["flags"] | HAS_PALETTE, "palette_nbytes": len(palette)}
        ranks = np.zeros(top + 1, np.uint16)
        ranks[used] = np.arange(len(used))
        samples = ranks[samples]
        top = len(used) - 1
        candidates.append(_by_networks(model, values | {"top": top}, palette, samples))
    best = min(candidates, key=len)
    if repeats_often(samples, 8 * len(best) / samples.size):
        payload = native.encode_repeats(samples, top)
        repeated = values | {"flags": values["flags"] | REPEATS, "top": top, "payload_nbytes": len(payload)}
        best = min(best, pack(RECORD, repeated) + palette + payload, key=len)
    return best


def _by_networks(model: LosslessModel, values: dict[str, Any], palette: bytes, samples: NDArray[np.uint16]) -> bytes:
    payload, words_nbytes = native.encode_plane(model, samples, values["top"])
    return pack(RECORD, values | {"words_nbytes": words_nbytes, "payload_nbytes": len(payload)}) + palette + payload


def repeats_often(samples: NDArray[Any], bits_per_sample: float = 1) -> bool:
    """Whether far more samples equal a neighbour than noise of that many bits would bring about.

    Judged on up to 64 rows. Noise of b bits repeats the sample on the left or above with a probability near 2**(1-b).
    """
    rows = max(2, min(64, len(samples)))
    some = samples[len(samples) // 2 - rows // 2 :][:rows] if len(samples) > 1 else samples
    if some.shape[1] < 2:
        return False
    same = some[:, 1:] == some[:, :-1]
    if len(some) > 1:
        same = same[1:] | (some[1:, 1:] == some[:-1, 1:])
    return bool(same.mean() > min(0.6, max(0.15, 3 * 2.0 ** (1 - bits_per_sample))))


def samples_of(quantiser: Quantiser, content: NDArray[Any]) -> tuple[NDArray[np.uint16], int]:
    """Levels of a rectangle above the lowest, and the lowest.

    Raises
    ------
    NotForPathLError
        If integers that are kept as they are span more than 16 bits.
    """
    if quantiser.kind == quantise.IDENTITY and content.dtype.itemsize <= 2:
        lowest = int(content.min())
        bits = f"u{content.dtype.itemsize}"
        unsigned = np.ascontiguousarray(content).view(bits)  # differences of signed samples wrap to the same bits
        return (unsigned - unsigned.dtype.type(lowest & _mask(content.dtype))).astype(np.uint16, copy=False), lowest
    least, most = int(content.min()), int(content.max())
    if quantiser.kind == quantise.IDENTITY and (most - least > MAX_TOP or max(-least, most) >= quantise.MAX_LEVEL):
        raise NotForPathLError
    levels = quantiser.levels(content)
    lowest = int(levels.min())
    return (levels - lowest).astype(np.uint16), lowest


def decode_plane(model: LosslessModel, quantiser: Quantiser, reader: Reader, out: NDArray[Any]) -> None:
    """Fills ``out`` (Y, X) with the plane whose record comes next in ``reader``.

    Raises
    ------
    DamagedChunkError
        If the record contradicts itself or the plane.
    """
    if max(out.shape) > MAX_SIDE:
        raise DamagedChunkError("a plane coded by networks is too long", expected=f"up to {MAX_SIDE}", found=out.shape)
    values = unpack(RECORD, reader)
    box = fill_margin(values, out)
    if not has_content(values):
        return
    lowest, top = values["lowest"], values["top"]
    palette = None
    if _palette(values):
        palette = unpack_palette(reader.take(values["palette_nbytes"], "the palette"))
        if len(palette) != top + 1:
            raise DamagedChunkError(
                "the palette has another length than its plane", expected=top + 1, found=len(palette)
            )
    payload = reader.take(values["payload_nbytes"], "the payload of a plane")
    if values["flags"] & REPEATS:
        samples = native.decode_repeats(payload, box.height, box.width, top)
    else:
        samples = native.decode_plane(model, payload, values["words_nbytes"], box.height, box.width, top)
    put_samples(quantiser, samples, lowest, np.arange(top + 1) if palette is None else palette, out[box.slices])


def put_samples(
    quantiser: Quantiser, samples: NDArray[np.uint16], lowest: int, ranks: quantise.Levels, out: NDArray[Any]
) -> None:
    """Fills ``out`` with what the levels ``lowest + ranks[samples]`` decode to.

    Raises
    ------
    DamagedChunkError
        If a level does not exist or does not fit the dtype.
    """
    table = quantiser.values(lowest + ranks, out.dtype)
    if quantiser.kind == quantise.IDENTITY and out.dtype.itemsize <= 2 and ranks[-1] == len(ranks) - 1:
        bits = out.view(f"u{out.dtype.itemsize}")
        np.add(samples, np.uint16(lowest & 0xFFFF), out=bits, casting="unsafe")  # wraps for negative levels
    else:
        out[...] = table[samples]


def _mask(dtype: np.dtype[Any]) -> int:
    return int(2 ** (8 * dtype.itemsize) - 1)
