"""Recognising a chunk of which a part is written: what was decoded a moment ago, and comes back altered in places.

Zarr writes a part of a chunk by decoding it, changing samples, and encoding all of it again. A codec is not told. At a
mean error every such round would lose more, until the promise is broken many times over. So a codec that codes at a
mean error remembers what it decoded last, as hashes of short runs of samples, and codes a chunk that repeats some of
these runs and not all without further loss.
"""

from collections import OrderedDict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from zarr_neural.fork import ForkSafeLock

_RUN = 32
_MOST_NBYTES = 16 * 2**20
_Key = tuple[tuple[int, ...], str, int]


class Remembered:
    """Hashes of the chunks that were decoded last, up to 16 MiB of them; for threads."""

    def __init__(self) -> None:
        self._chunks: OrderedDict[_Key, NDArray[np.uint64]] = OrderedDict()
        self._nbytes = 0
        self._lock = ForkSafeLock()

    def note(self, decoded: NDArray[Any]) -> None:
        """Remember a chunk that was just decoded."""
        hashes = _hashes(decoded)
        key = (decoded.shape, decoded.dtype.str, hash(hashes.tobytes()))
        with self._lock:
            if key in self._chunks:
                self._chunks.move_to_end(key)
                return
            self._chunks[key] = hashes
            self._nbytes += hashes.nbytes
            while self._nbytes > _MOST_NBYTES and len(self._chunks) > 1:
                self._nbytes -= self._chunks.popitem(last=False)[1].nbytes

    def is_part_of(self, array: NDArray[Any]) -> bool:
        """Return whether some runs of samples, not all, are those of a chunk that was decoded."""
        with self._lock:
            known = [hashes for key, hashes in self._chunks.items() if key[:2] == (array.shape, array.dtype.str)]
        if not known:
            return False
        hashes = _hashes(array)
        told = hashes != 0
        for other in known:
            same = (hashes == other) & told
            if same.any() and not (same == told).all():
                return True
        return False


def _hashes(array: NDArray[Any]) -> NDArray[np.uint64]:
    """A hash of every run of 32 samples along the last axis, 0 where all its samples are equal."""
    rows = np.ascontiguousarray(array).reshape(-1, array.shape[-1])
    rest = -rows.shape[1] % _RUN
    if rest:
        rows = np.pad(rows, [(0, 0), (0, rest)], mode="edge")
    runs = rows.view(f"u{rows.dtype.itemsize}").reshape(rows.shape[0], -1, _RUN)
    factors = np.random.default_rng(7).integers(1, 2**63, _RUN, dtype=np.uint64) | np.uint64(1)
    found: NDArray[np.uint64] = runs.astype(np.uint64) @ factors
    found[(runs == runs[..., :1]).all(-1)] = 0
    return found
