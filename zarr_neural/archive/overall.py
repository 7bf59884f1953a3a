"""Progress over many files or stores as one, in bytes, so that an estimate of the end can be given from the start."""

from __future__ import annotations

from collections.abc import Sequence

from zarr_neural.archive.ask.options import Progress


class Overall:
    """Turn the progress of each part, in whatever unit, into bytes done of all bytes.

    Parameters
    ----------
    sizes : sequence of int
        Bytes of every part, in the order in which they are worked on; what was passed counts as done.
    progress : callable
        Called with (name, bytes done, bytes in all).
    """

    def __init__(self, sizes: Sequence[int], progress: Progress) -> None:
        self._sizes, self._progress, self._total = sizes, progress, max(1, sum(sizes))

    def part(self, number: int, place: int = 0, of: int = 1) -> Progress:
        """Return the callback of part `number`, or of piece `place` of its `of` pieces, which count alike."""
        before, size = sum(self._sizes[:number]), self._sizes[number]

        def callback(name: str, done: int, total: int) -> None:
            share = (place + (done / total if total else 1.0)) / of
            self._progress(name, before + round(size * share), self._total)

        return callback
