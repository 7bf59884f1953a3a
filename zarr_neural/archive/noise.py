"""The camera noise of TIFF files, measured from the images themselves (photon transfer)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from zarr_neural.archive.ask.decide import sample_planes
from zarr_neural.archive.tiff.axes import check_axes
from zarr_neural.archive.tiff.find import find_tiffs
from zarr_neural.archive.tiff.source import open_images
from zarr_neural.chunk import estimate_noise
from zarr_neural.errors import ZarrNeuralError


def measure_noise(sources: list[str | Path], axes: str | None = None) -> list[dict[str, Any]]:
    """Return gain, offset and read noise (grey levels) for every channel of every image.

    A file that cannot be read, or whose pixels are not integers, gives one entry with "error".

    Parameters
    ----------
    sources : list of str or Path
        Files, folders and patterns.
    axes : str, optional
        Meaning of the axes, for files that do not say.

    Raises
    ------
    ArchiveError
        A source matches nothing.
    ConfigurationError
        `axes` cannot be the axes of an image.
    """
    entries: list[dict[str, Any]] = []
    if axes is not None:
        check_axes(axes)
    for file, _ in find_tiffs(sources).files:
        try:
            with open_images(file, axes) as images:
                for image in images:
                    for channel in range(image.channels):
                        model = estimate_noise(sample_planes(image, channel))
                        entries.append(
                            {
                                "source": str(file),
                                "image": image.series,
                                "channel": image.channel_names[channel],
                                "gain": model.gain,
                                "offset": model.offset,
                                "read_noise": model.read_noise,
                            }
                        )
        except (ZarrNeuralError, OSError, ValueError) as error:
            entries.append({"source": str(file), "error": str(error) or type(error).__name__})
    return entries
