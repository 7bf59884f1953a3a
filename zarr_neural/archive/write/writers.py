"""One array in a store, opened once more with another codec: what it writes is read by every other.

An array has one codec in its metadata, and a codec is not told which channel a chunk is of. A chunk says itself how it
was coded, so that chunks of one array may be coded differently as long as the models that they name are in the
metadata. So every channel is written through an array object of its own, whose codec keeps that channel's promise.
"""

from __future__ import annotations

from typing import Any

import zarr

from zarr_neural.archive.ask.decide import Choice
from zarr_neural.archive.ask.request import Request, make_codec
from zarr_neural.archive.layout import Region
from zarr_neural.codecs import NeuralCodec
from zarr_neural.codecs.configuration import FORMAT_ID


def with_codec(array: zarr.Array[Any], record: dict[str, Any]) -> zarr.Array[Any]:
    """Return an array over the same chunks that writes with another codec of ours.

    Parameters
    ----------
    array : zarr.Array
        Its metadata in the store stay as they are.
    record : dict
        JSON of the codec: of `NeuralCodec.get_config` for Zarr v2, of `NeuralSerializer.to_dict` for v3.
    """
    metadata = _replaced(array.metadata.to_dict(), record)
    return zarr.Array(zarr.AsyncArray(metadata, array.store_path, array.async_array.config))


def _replaced(value: Any, record: dict[str, Any]) -> Any:
    """The same JSON with every codec of ours replaced, those inside shards included."""
    if isinstance(value, dict):
        if FORMAT_ID in (value.get("name"), value.get("id")):
            return record
        return {key: part if key == "attributes" else _replaced(part, record) for key, part in value.items()}
    return [_replaced(part, record) for part in value] if isinstance(value, list | tuple) else value


def _made(array: zarr.Array[Any], fidelity: Request) -> zarr.Array[Any]:
    codec = make_codec(fidelity, array.metadata.zarr_format, array.chunks, array.dtype)
    return with_codec(array, codec.get_config() if isinstance(codec, NeuralCodec) else codec.to_dict())


class Writers:
    """The array objects that the blocks of one array are written through.

    Parameters
    ----------
    array : zarr.Array
        With the codec of the whole array.
    choice : Choice
        What each channel is promised.
    channels : int
        How many there are.
    axis : int or None
        The channel axis.
    number : int
        Of the level that the array is.
    """

    def __init__(
        self, array: zarr.Array[Any], choice: Choice, channels: int, axis: int | None, number: int = 0
    ) -> None:
        self._axis = axis
        own = choice.of_level(number)
        fidelities = [choice.of_channel(channel, number) for channel in range(channels)]
        made = {fidelity: array if fidelity == own else _made(array, fidelity) for fidelity in fidelities}
        self._by_channel = [made[fidelity] for fidelity in fidelities]

    def of(self, block: Region) -> zarr.Array[Any]:
        """Return what a block is to be written through; its channels all have the same promise."""
        return self._by_channel[0 if self._axis is None else block[self._axis].start]
