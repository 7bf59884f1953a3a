"""Damages chunks at random and decodes them: ``python damages.py FOLDER SEED COUNT`` prints a report as JSON.

Runs in a process of its own, with the memory that it may take limited and every decode timed, so that a crash, a hang
or an allocation without bounds is seen. Two families: bytes changed blindly, which checksums catch, and fields and
payloads changed with all checksums made right again, which only the checks behind them can catch.
"""

import collections
import contextlib
import json
import math
import os
import resource
import signal
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from zarr_neural.bitstream import Reader, crc32c, unpack
from zarr_neural.bitstream.reader import pack_varint
from zarr_neural.chunk import decode_chunk
from zarr_neural.chunk.header import DTYPES, HEADER, MAGIC, NETWORKS, TRANSFORM
from zarr_neural.chunk.plane import RECORD
from zarr_neural.chunk.transform import RECORD as TRANSFORM_RECORD
from zarr_neural.errors import ZarrNeuralError

Values = dict[str, Any]
MOST_DECLARED = 2**20  # bytes of the chunks that edited headers declare; beyond 2 GiB they must be refused at once
ALLOWED = 12 * MOST_DECLARED + 50_000_000  # the promise: 12 times the chunk and 50 MB
SECONDS = 30  # for one decode, on a busy machine
MODELS = Path(__file__).parent.parent / "golden" / "models"
MODEL_IDS = tuple(path.stem for path in MODELS.glob("*.safetensors"))


@dataclass(frozen=True)
class Golden:
    """A whole chunk, taken apart."""

    name: str
    data: bytes
    values: Values
    payload: bytes
    samples: bytes  # little-endian, C order
    array: np.ndarray


def take_apart(name: str, data: bytes) -> Golden:
    reader = Reader(data)
    reader.take(5, "magic and version")
    values = unpack(HEADER, reader)
    reader.take(4, "checksum")
    array = decode_chunk(data, MODEL_IDS)
    samples = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()
    return Golden(name, data, values, bytes(reader.take(reader.remaining, "payload")), samples, array)


def write(table: Any, values: Values) -> bytes:
    """Fields as bytes, whatever their values: no range is checked."""
    out = b""
    for field in table:
        if not field.when(values) or field.name not in values:
            continue
        value = values[field.name]
        if field.kind == "bytes":
            out += value
        elif field.kind == "fixed":
            out += (value % 256**field.nbytes).to_bytes(field.nbytes, "little")
        elif field.kind == "varints":
            out += bytes([len(value) % 256]) + b"".join(pack_varint(v % 2**64) for v in value)
        else:
            folded = value if field.kind == "varint" else (2 * value if value >= 0 else -2 * value - 1)
            out += pack_varint(folded % 2**64)
    return out


def rebuild(values: Values, payload: bytes) -> bytes:
    """A chunk whose checksums and length are right."""
    values = values | {"payload_nbytes": len(payload), "payload_crc": crc32c(payload)}
    head = MAGIC + b"\1" + write(HEADER, values)
    return head + crc32c(head).to_bytes(4, "little") + payload


def some_number(random: np.random.Generator, value: int) -> int:
    """A number near a value, or at one of the edges where arithmetic breaks."""
    edges = [0, 1, 2, 127, 255, 256, 65535, 65536, 2**31 - 1, 2**31, 2**32, 2**40, 2**62, 2**63 - 1, 2**63, 2**64 - 1]
    match random.integers(4):
        case 0:
            return max(0, value + int(random.integers(-3, 4)))
        case 1:
            return edges[random.integers(len(edges))]
        case 2:
            return value ^ 1 << int(random.integers(max(8, value.bit_length())))
        case _:
            return int(random.integers(2 ** int(random.integers(1, 63))))


def scrambled(random: np.random.Generator, data: bytes) -> bytes:
    """Bytes changed in one of many ways."""
    out = bytearray(data)
    if not out:
        return random.bytes(3)
    at, to = sorted(int(n) for n in random.integers(0, len(out) + 1, 2))
    place = int(random.integers(len(out)))
    match random.integers(9):
        case 0:
            del out[at:]
        case 1:
            out[place] ^= 1 << int(random.integers(8))
        case 2:
            for other in random.integers(0, len(out), 3):
                out[other] ^= int(random.integers(1, 256))
        case 3:
            other = int(random.integers(len(out)))
            out[place], out[other] = out[other], out[place]
        case 4:
            del out[at:to]
        case 5:
            out[at:at] = random.bytes(int(random.integers(1, 9)))
        case 6:
            out[at:to] = bytes(to - at)
        case 7:
            out += random.bytes(int(random.integers(1, 9)))
        case _:
            out[at : at + 8] = random.bytes(8)
    return bytes(out)


def blind(random: np.random.Generator, one: Golden, _: Golden) -> bytes:
    """Truncation, flips, swaps, deletions and insertions anywhere."""
    return scrambled(random, one.data)


def early(random: np.random.Generator, one: Golden, _: Golden) -> bytes:
    """The same within the first bytes, where the header lies."""
    return scrambled(random, one.data[:60]) + one.data[60:]


def splice(random: np.random.Generator, one: Golden, other: Golden) -> bytes:
    """The head of one chunk and the tail of another."""
    return one.data[: random.integers(1, len(one.data) + 1)] + other.data[random.integers(len(other.data) + 1) :]


def foreign_payload(random: np.random.Generator, one: Golden, other: Golden) -> bytes:
    """The header of one chunk before the payload of another, or part of it, with checksums made right."""
    cut = int(random.integers(len(one.payload) + 1))
    return rebuild(one.values, other.payload if random.random() < 0.5 else one.payload[:cut] + other.payload[cut:])


def header_field(random: np.random.Generator, one: Golden, _: Golden) -> bytes:
    """One to three header fields changed, with checksums made right."""
    values = dict(one.values)
    for _ in range(random.integers(1, 4)):
        name = str(
            random.choice(["mode", "dtype", "layout", "quantiser", "parameters", "shape", "model", "samples_crc"])
        )
        if name in ("mode", "layout", "quantiser"):
            values[name] = int(random.integers(5 if random.random() < 0.9 else 256))
        elif name == "dtype":
            values[name] = int(random.integers(len(DTYPES) + 1 if random.random() < 0.9 else 256))
        elif name == "shape":
            values[name] = some_shape(random, list(values["shape"]))
        elif name == "parameters":
            values[name] = some_parameters(random, list(values["parameters"]))
        elif name == "samples_crc":
            values[name] ^= 1 << int(random.integers(32))
        else:
            values[name] = scrambled(random, values.get("model", bytes(8)))[:8].ljust(8, b"\0")
    values.setdefault("model", random.bytes(8))
    itemsize = np.dtype(DTYPES[values["dtype"]]).itemsize if values["dtype"] < len(DTYPES) else 1
    declared = math.prod(values["shape"]) * itemsize
    if MOST_DECLARED < declared < 2**31:  # allowed to take that much memory: not what is tested here
        values["shape"] = one.values["shape"]
    return rebuild(values, one.payload)


def some_shape(random: np.random.Generator, shape: list[int]) -> list[int]:
    shape = shape or [1]
    at = int(random.integers(len(shape)))
    match random.integers(6):
        case 0:
            shape.insert(at, int(random.choice([0, 1, 2, 3, 2**31 - 1])))
        case 1:
            del shape[at]
        case 2:
            shape = [int(n) for n in random.permutation(shape)]
        case 3:
            shape[at] = some_number(random, shape[at])
        case 4 if len(shape) > 1:
            shape[at - 1 : at + 1] = [math.prod(shape[at - 1 : at + 1])] if at else shape[:1]
        case _:
            shape[at : at + 1] = [2, max(1, shape[at] // 2)]
    return shape * (20 if random.random() < 0.02 else 1)


def some_parameters(random: np.random.Generator, parameters: list[int]) -> list[int]:
    if parameters and random.random() < 0.6:
        at = int(random.integers(len(parameters)))
        parameters[at] = some_number(random, parameters[at])
        return parameters
    return [some_number(random, 1000) for _ in range(random.integers(7))]


def payload(random: np.random.Generator, one: Golden, _: Golden) -> bytes:
    """The payload changed, with checksums made right."""
    return rebuild(one.values, scrambled(random, one.payload))


def record_field(random: np.random.Generator, one: Golden, other: Golden) -> bytes:
    """Fields of the record of a plane changed, with checksums made right."""
    if one.values["mode"] not in (NETWORKS, TRANSFORM):
        return payload(random, one, other)
    reader = Reader(one.payload)
    if one.values["mode"] == TRANSFORM and reader.unsigned(1, "flags"):
        reader.take(8, "model")
        reader.varint("bound")
    head = one.payload[: reader.position]
    table = RECORD if one.values["mode"] == NETWORKS else TRANSFORM_RECORD
    if head[:1] == b"\1" and random.random() < 0.4:  # of the corrections
        reader.take(unpack(table, reader).get("payload_nbytes", 0), "payload")
        head, table = one.payload[: reader.position], RECORD
    values = unpack(table, reader)
    rest = one.payload[reader.position :]
    for _ in range(random.integers(1, 4)):
        name = str(random.choice([field.name for field in table]))
        if name == "flags":
            values[name] = int(random.integers(8 if random.random() < 0.9 else 256))
        elif name in values:
            sign = -1 if name == "lowest" and random.random() < 0.5 else 1
            values[name] = sign * some_number(random, abs(values[name]))
    for field in table:
        values.setdefault(field.name, int(random.integers(200)))
    return rebuild(one.values, head + write(table, values) + rest)


def head_field(random: np.random.Generator, one: Golden, other: Golden) -> bytes:
    """The head of a chunk coded by a transform changed, with checksums made right."""
    if one.values["mode"] != TRANSFORM:
        return record_field(random, one, other)
    reader = Reader(one.payload)
    flags = reader.unsigned(1, "flags")
    model, bound = one.values["model"], int(random.integers(100))
    if flags:
        model, bound = bytes(reader.take(8, "model")), reader.varint("bound")
    rest = one.payload[reader.position :]
    match random.integers(5):
        case 0:
            flags ^= 1
        case 1:
            flags = int(random.integers(256))
        case 2:
            model = one.values["model"] if random.random() < 0.5 else scrambled(random, model)[:8].ljust(8, b"\0")
        case 3 if other.values.get("model"):
            model = other.values["model"]
        case _:
            bound = some_number(random, bound)
    return rebuild(one.values, bytes([flags]) + (model + pack_varint(bound % 2**64) if flags & 1 else b"") + rest)


def palette(random: np.random.Generator, one: Golden, other: Golden) -> bytes:
    """The palette of a plane changed, its numbers or its packed body, with checksums made right."""
    reader = Reader(one.payload)
    if one.values["mode"] != NETWORKS or not (values := unpack(RECORD, reader)).get("palette_nbytes"):
        return record_field(random, one, other)
    old = bytes(reader.take(values["palette_nbytes"], "palette"))
    rest = one.payload[reader.position :]
    if random.random() < 0.5:
        new = scrambled(random, old)
    else:
        inner = Reader(old)
        numbers = [inner.varint("number") for _ in range(3)]
        at = int(random.integers(3))
        numbers[at] = some_number(random, numbers[at])
        new = b"".join(pack_varint(n % 2**64) for n in numbers) + old[inner.position :]
    return rebuild(one.values, write(RECORD, values | {"palette_nbytes": len(new)}) + new + rest)


BLIND: list[Callable[..., bytes]] = [blind, early, splice]
INFORMED: list[Callable[..., bytes]] = [
    foreign_payload,
    header_field,
    header_field,
    payload,
    payload,
    record_field,
    record_field,
    head_field,
    palette,
]


def damages(golden: list[Golden], seed: int, count: int) -> Iterator[tuple[str, Golden, bytes]]:
    """``count`` damaged chunks, each with its kind and the chunk that it comes from."""
    random = np.random.default_rng(seed)
    for trial in range(count):
        one, other = (golden[i] for i in random.integers(len(golden), size=2))
        if trial % 4000 == 0:
            print(f"{trial} of {count}", file=sys.stderr)
        kinds = BLIND if trial % 3 == 0 else INFORMED
        damage = kinds[random.integers(len(kinds))]
        yield damage.__name__, one, damage(random, one, other)


def fault_of(kind: str, one: Golden, decoded: np.ndarray) -> str | None:
    """What is wrong with an array that came out of a damaged chunk."""
    if kind in ("blind", "early", "splice"):
        same = decoded.shape == one.array.shape and decoded.dtype == one.array.dtype
        return None if same and decoded.tobytes() == one.array.tobytes() else "other pixels"
    little = np.ascontiguousarray(decoded, decoded.dtype.newbyteorder("<")).tobytes()
    return None if little == one.samples else "other samples"


def give_up(*_: Any) -> None:
    raise TimeoutError(f"a decode takes more than {SECONDS} s")


def main(folder: str, seed: int, count: int) -> None:
    """Print counts by kind and outcome, faults, the slowest decode and the memory taken."""
    warnings.simplefilter("error")
    os.environ["ZARR_NEURAL_MODELS"] = str(MODELS)
    golden = [take_apart(path.stem, path.read_bytes()) for path in sorted(Path(folder).glob("*.bin"))]
    golden = [one for one in golden if len(one.samples) <= 50_000]
    outcomes: collections.Counter[str] = collections.Counter()
    messages: collections.Counter[str] = collections.Counter()
    faults: list[dict[str, str]] = []
    slowest = 0.0
    signal.signal(signal.SIGALRM, give_up)
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + ALLOWED, resource.RLIM_INFINITY))
    for kind, one, data in damages(golden, seed, count):
        start = time.perf_counter()
        signal.alarm(SECONDS)
        fault = None
        try:
            decoded = decode_chunk(data, MODEL_IDS)
        except ZarrNeuralError as error:
            outcomes[f"{kind}: {type(error).__name__}"] += 1
            messages[str(error).split(":")[0][:60]] += 1
        except BaseException as error:
            fault = f"{type(error).__name__}: {error}"
        else:
            outcomes[f"{kind}: decoded"] += 1
            fault = fault_of(kind, one, decoded)
        signal.alarm(0)
        slowest = max(slowest, time.perf_counter() - start)
        if fault:
            faults.append({"kind": kind, "from": one.name, "fault": fault[:300], "data": data.hex()[:4000]})
    with contextlib.suppress(ValueError):
        resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    report = {"outcomes": outcomes, "messages": messages, "faults": faults[:20], "fault_count": len(faults)}
    print(json.dumps(report | {"count": count, "slowest_s": slowest, "peak_kib": peak, "chunks": len(golden)}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
