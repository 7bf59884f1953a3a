"""One plane of a chunk by path Y, at a stated mean error. Both directions mirror each other."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zarr_neural.bitstream import Field, Reader, pack, unpack
from zarr_neural.chunk import quantise
from zarr_neural.chunk.margin import HAS_MARGIN, MARGIN_FIELDS, fill_margin, has_content, margin_values
from zarr_neural.chunk.plane import (
    MAX_SIDE,
    MAX_TOP,
    decode_plane,
    encode_plane,
    put_samples,
    samples_of,
)
from zarr_neural.chunk.quantise import Quantiser
from zarr_neural.errors import DamagedChunkError
from zarr_neural.intnet import transform as native
from zarr_neural.models import LosslessModel, LossyModel


def _waves(values: Mapping[str, Any]) -> bool:
    return has_content(values) and values["top"] > 0


RECORD = (
    Field("flags", "fixed", 1, most=HAS_MARGIN),
    *MARGIN_FIELDS,
    Field("lowest", "signed", least=-quantise.MAX_LEVEL, most=quantise.MAX_LEVEL, when=has_content),
    Field("top", "varint", most=MAX_TOP, when=has_content),
    Field("step", "varint", most=native.MAX_STEP, when=_waves),
    Field("quality", "fixed", 1, most=native.MAX_QUALITY, when=_waves),
    Field("lanes", "fixed", 1, most=native.MAX_LANES, when=_waves),
    Field("words_nbytes", "varint", when=_waves),
    Field("payload_nbytes", "varint", when=_waves),
)


class NotForPathYError(ValueError):
    """The levels of a plane span more than 16 bits, a side is too long, or no step of the transform is fine enough."""


@dataclass(frozen=True)
class Residual:
    """Corrections beside a transform, coded by path L: multiples of 2 * bound + 1.

    Attributes
    ----------
    model : LosslessModel
    bound : int
        Largest error of a level that is left.
    """

    model: LosslessModel
    bound: int


def encode_transform_plane(
    model: LossyModel, quantiser: Quantiser, residual: Residual | None, plane: NDArray[Any], max_mse: float
) -> tuple[bytes, NDArray[Any]]:
    """The bytes of a plane, and the plane that they decode to.

    Parameters
    ----------
    model : LossyModel
    quantiser : Quantiser
    residual : Residual, optional
    plane : (Y, X) array
        Native byte order; floats are finite.
    max_mse : float
        Largest mean squared error of the levels inside the plane's margin.

    Raises
    ------
    NotForPathYError
    """
    if max(plane.shape) > MAX_SIDE:
        raise NotForPathYError
    values, box, border = margin_values(plane)
    if not has_content(values):
        return pack(RECORD, values), np.full_like(plane, border)  # 0.0 and -0.0 are one border
    samples, lowest = samples_of(quantiser, plane[box.slices])
    top = int(samples.max())
    values |= {"lowest": lowest, "top": top}
    payload, wanted = b"", samples
    if top > 0:
        coded = native.encode_transform(model, samples, top, max_mse)
        if coded is None:
            raise NotForPathYError
        payload, samples = coded.payload, coded.decoded
        values |= coded.parameters._asdict() | {"payload_nbytes": len(payload)}
    corrections = b""
    if residual is not None:
        counts = (wanted.astype(np.int32) - samples + residual.bound) // (2 * residual.bound + 1)
        corrections, _ = encode_plane(residual.model, quantise.Identity(), counts)
        samples = _corrected(samples, counts, residual.bound, top)
    decoded = np.full_like(plane, border)
    put_samples(quantiser, samples, lowest, np.arange(top + 1), decoded[box.slices])
    return pack(RECORD, values) + payload + corrections, decoded


def decode_transform_plane(
    model: LossyModel, quantiser: Quantiser, residual: Residual | None, reader: Reader, out: NDArray[Any]
) -> None:
    """Fills ``out`` (Y, X) with the plane whose record comes next in ``reader``.

    Raises
    ------
    DamagedChunkError
        If the record contradicts itself or the plane.
    """
    if max(out.shape) > MAX_SIDE:
        raise DamagedChunkError(
            "a plane coded by a transform is too long", expected=f"up to {MAX_SIDE}", found=out.shape
        )
    values = unpack(RECORD, reader)
    box = fill_margin(values, out)
    if not has_content(values):
        return
    lowest, top = values["lowest"], values["top"]
    size = box.height, box.width
    samples = np.zeros(size, np.uint16)
    if top > 0:
        payload = reader.take(values["payload_nbytes"], "the payload of a plane")
        parameters = native.Parameters(*(values[name] for name in native.Parameters._fields))
        samples = native.decode_transform(model, payload, parameters, *size, top)
    if residual is not None:
        counts = np.empty(size, np.int32)
        decode_plane(residual.model, quantise.Identity(), reader, counts)
        samples = _corrected(samples, counts, residual.bound, top)
    put_samples(quantiser, samples, lowest, np.arange(top + 1), out[box.slices])


def _corrected(samples: NDArray[np.uint16], counts: NDArray[np.int32], bound: int, top: int) -> NDArray[np.uint16]:
    moved = samples + (2 * bound + 1) * counts.astype(np.int64)
    corrected: NDArray[np.uint16] = np.clip(moved, 0, top).astype(np.uint16)
    return corrected
