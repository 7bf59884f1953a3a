"""What a chunk says about itself, without decoding its samples."""

from typing import Any

from zarr_neural.bitstream import Reader, unpack, unzigzag
from zarr_neural.chunk import quantise, transform
from zarr_neural.chunk.header import MODE_NAMES, NETWORKS, TRANSFORM, unpack_header
from zarr_neural.chunk.margin import has_content
from zarr_neural.chunk.mean_error import read_head
from zarr_neural.chunk.noise import GAIN_UNIT, Q_UNIT
from zarr_neural.chunk.plane import HAS_PALETTE, RECORD, REPEATS


def describe(data: bytes | memoryview) -> dict[str, Any]:
    """Mode, dtype, shape, fidelity, model and sizes of a chunk, as plain values that go into JSON.

    Of a chunk coded by a transform, the fidelity has an `rmse` of None, which such a chunk does not say, and
    `max_error` where there are corrections; both count `levels`, if it says what these are.

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
    reader = Reader(payload)
    if header.mode == NETWORKS:
        described["planes"] = [_plane(reader) for _ in range(count)]
    if header.mode == TRANSFORM:
        head = read_head(reader)
        levels = {} if header.quantiser == quantise.IDENTITY else {"levels": described["fidelity"]}
        bound = {} if head is None else {"max_error": head[1]}
        described["fidelity"] = {"rmse": None} | bound | levels
        described["residual_model_prefix"] = None if head is None else head[0].hex()
        described["planes"] = [_transform_plane(reader, head is not None) for _ in range(count)]
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


def _plane(reader: Reader) -> dict[str, Any]:
    values = unpack(RECORD, reader)
    for name in ("palette_nbytes", "payload_nbytes"):
        reader.take(values.get(name, 0), f"the {name} of a plane")
    shown = {
        "palette": bool(values["flags"] & HAS_PALETTE),
        "levels": values.get("top", 0) + 1,
        "repeats": bool(values["flags"] & REPEATS),
    }
    return shown | _some(values, *_RECTANGLE, "palette_nbytes", "words_nbytes", "payload_nbytes")


def _transform_plane(reader: Reader, corrected: bool) -> dict[str, Any]:
    values = unpack(transform.RECORD, reader)
    reader.take(values.get("payload_nbytes", 0), "the payload of a plane")
    shown = {"levels": values.get("top", 0) + 1}
    shown |= _some(values, *_RECTANGLE, "step", "quality", "lanes", "words_nbytes", "payload_nbytes")
    return shown | ({"corrections": _plane(reader)} if corrected and has_content(values) else {})


_RECTANGLE = ("first_row", "first_column", "height", "width")


def _some(values: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: values[name] for name in names if name in values}
