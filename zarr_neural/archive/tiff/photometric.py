"""What the samples of a pixel are: red, green and blue only where the file says so."""

from __future__ import annotations

from typing import Any

from zarr_neural.archive.tiff.dialects.record import RGB, Record

_NAMES = {0: "miniswhite", 1: "minisblack", 2: "rgb", 3: "palette", 4: "mask", 5: "separated", 6: "ycbcr", 8: "cielab"}
_JPEG = (6, 7, 34892, 33007)
_PARTS = {
    "separated": (("cyan", "00FFFF"), ("magenta", "FF00FF"), ("yellow", "FFFF00"), ("black", "FFFFFF")),
    "ycbcr": (("Y", "FFFFFF"), ("Cb", "0000FF"), ("Cr", "FF0000")),
    "cielab": (("L*", "FFFFFF"), ("a*", "FF0000"), ("b*", "0000FF")),
}


def photometric_of(page: Any) -> str:
    """Return the photometric interpretation of a page as its pixels are decoded: "rgb", "miniswhite", "palette" ..."""
    number = int(page.photometric)
    if number == 6 and int(page.compression) in _JPEG:
        return "rgb"  # the decoder of JPEG converts
    return _NAMES.get(number, "minisblack" if page.samplesperpixel == 1 else f"photometric {number}")


def name_samples(record: Record, page: Any, photometric: str, channels: int, samples: int) -> list[str]:
    """Give names and colours to samples that became channels, and return notes on how grey levels are to be read.

    Parameters
    ----------
    record : Record
        Its names and colours, by channel of the file, become those by channel of the image.
    page : tifffile.TiffPage
        The first of the image.
    photometric : str
        See `photometric_of`.
    channels, samples : int
        Channels of the image, samples included; samples of a pixel.
    """
    notes = []
    if samples > 1:
        parts = list(RGB if photometric == "rgb" else _PARTS.get(photometric, ()))
        if photometric == "rgb":
            parts = parts[:3]
        if photometric == "rgb" and samples == 4 and tuple(page.extrasamples) in ((1,), (2,)):
            parts.append(RGB[3])
        parts += [(f"sample {i}", "FFFFFF") for i in range(len(parts), samples)]
        several = channels // samples
        names = (record.names + [None] * several)[:several]
        record.names = [f"{name} {part}" if name else part for name in names for part, _ in parts[:samples]]
        record.colours = [colour for _ in range(several) for _, colour in parts[:samples]]
        record.windows = []
        if photometric in _PARTS:
            notes.append(
                f"the channels are {', '.join(name for name, _ in parts)} as in the file: they were not converted to "
                "RGB"
            )
    if photometric == "miniswhite":
        notes.append(
            "white is 0 in this file (photometric MinIsWhite): the values were kept as they are, so that viewers show "
            "the image inverted; export writes the same interpretation"
        )
    if photometric == "palette":
        notes.append(
            "the pixels are indices of a colour palette: they were kept as indices, with the palette in OME/palette.txt"
        )
        record.documents["palette.txt"] = _palette(page)
    return notes


def _palette(page: Any) -> str:
    """One line of red, green and blue (0 to 65535) for each index."""
    table = getattr(page, "colormap", None)
    if table is None:
        return ""
    return "".join(f"{red} {green} {blue}\n" for red, green, blue in table.T.tolist())
