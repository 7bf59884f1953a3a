"""What a chunk says about itself, without decoding its samples."""

from typing import Any

from zarr_neural.bitstream import Reader, unpack, unzigzag
from zarr_neural.chunk import quantise
from zarr_neural.chunk.header import MODE_NAMES, NETWORKS, unpack_header
from zarr_neural.chunk.noise import GAIN_UNIT, Q_UNIT
from zarr_neural.chunk.plane import HAS_PALETTE, RECORD, REPEATS


def describe(data: bytes | memoryview) -> dict[str, Any]:
    """Mode, dtype, shape, fidelity, model and sizes of a chunk, as plain values that go into JSON.

    Raises
    ------
    DamagedChunkError
        If the bytes are not a whole chunk of this version.
    """
    header, payload = unpack_header(data)
    count, height, width = header.planes
    described: dict[str, Any] = {
        "format": "zarr_neural.v1",
        "mode": MODE_NAMES[header.mode],
        "dtype": header.dtype.str,
        "order": "F" if header.fortran else "C",
        "shape": list(header.shape),
        "fidelity": _fidelity(quantise.from_header(header.quantiser, header.parameters, header.dtype)),
        "model_prefix": header.model.hex() or None,
        "nbytes": len(data),
        "header_nbytes": len(data) - len(payload),
        "bits_per_sample": round(8 * len(data) / (count * height * width), 4),
        "samples_crc32c": f"{header.samples_crc:08x}",
    }
    if header.mode == NETWORKS:
        described["planes"] = list(_planes(payload, count))
    return described


def _fidelity(quantiser: quantise.Quantiser) -> dict[str, Any]:
    p = quantiser.parameters
    if quantiser.kind == quantise.STEP:
        return {"max_error": p[0]}
    if quantiser.kind == quantise.FLOAT_STEP:
        return {"step": quantise.FloatStep(p).step}
    if quantiser.kind == quantise.NOISE:
        q, gain, offset, variance, _ = p
        return {
            "noise": q / Q_UNIT,
            "gain": gain / GAIN_UNIT,
            "offset": unzigzag(offset),
            "read_noise": round((variance / GAIN_UNIT) ** 0.5, 6),
        }
    return {"lossless": True}


def _planes(payload: memoryview, count: int) -> Any:
    reader = Reader(payload)
    for _ in range(count):
        values = unpack(RECORD, reader)
        for name in ("palette_nbytes", "payload_nbytes"):
            reader.take(values.get(name, 0), f"the {name} of a plane")
        shown = {
            "palette": bool(values["flags"] & HAS_PALETTE),
            "levels": values.get("top", 0) + 1,
            "repeats": bool(values["flags"] & REPEATS),
        }
        shown |= {name: values[name] for name in ("first_row", "first_column", "height", "width") if name in values}
        shown |= {name: values[name] for name in ("palette_nbytes", "words_nbytes", "payload_nbytes") if name in values}
        yield shown
