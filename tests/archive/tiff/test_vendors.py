"""What the files of LSM, MetaMorph, Micro-Manager, Aperio, PerkinElmer and ScanImage mean."""

from __future__ import annotations

import json
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from raw_tiff import RawPage, write_raw
from vendor_files import write_lsm, write_mm_stack, write_stk

from zarr_neural.archive.tiff.source import SourceImage, open_images
from zarr_neural.errors import ArchiveError

MICRO = {"x": "micrometer", "y": "micrometer"}
DYES: dict[str, Any] = {"names": ["Ch1-T1", "Ch2", "ChD"], "colours": [(255, 0, 0), (0, 255, 128), (0, 0, 0)]}
SUMMARY = {"ChNames": ["DAPI", "GFP"], "ChColors": [-16776961, -16711936], "PixelSize_um": 0.11}


def numbered(*shape: int, dtype: str = "uint16") -> np.ndarray:
    return np.random.default_rng(8).integers(0, np.iinfo(dtype).max, shape, dtype=dtype)


def everything(image: SourceImage) -> np.ndarray:
    return image.read(tuple(slice(0, size) for size in image.shape))


@pytest.mark.parametrize(
    ("scan", "shape", "axes", "order"),
    [
        (0, (4, 3, 20, 30), "czyx", (1, 0, 2, 3)),
        (3, (4, 3, 20, 30), "tcyx", (0, 1, 2, 3)),
        (6, (2, 4, 3, 20, 30), "tczyx", (0, 2, 1, 3, 4)),
    ],
)
def test_lsm(scan: int, shape: tuple[int, ...], axes: str, order: tuple[int, ...], tmp_path: Path) -> None:
    """LSM: voxel sizes in metres become micrometres, names and colours are those of the channels, black is none."""
    pixels = numbered(*shape, dtype="uint8")
    with open_images(write_lsm(tmp_path / "a.lsm", pixels, scan=scan, interval=2.5, **DYES)) as images:
        image = images[0]
        np.testing.assert_array_equal(everything(image), pixels.transpose(order))
        record = image.record
        assert (image.axes, record.names, record.colours) == (axes, DYES["names"], ["FF0000", "00FF80", None])
        assert record.scale == {"x": 0.1, "y": 0.1, "z": 0.4, "t": 2.5}
        assert record.unit == {**MICRO, "z": "micrometer", "t": "second"}


@pytest.mark.parametrize(("stamps", "step"), [([0.0, 2.5, 5.0, 7.52], 2.50667), ([0.0, 1.0, 5.0, 5.5], None)])
def test_lsm_time_stamps(stamps: list[float], step: float | None, tmp_path: Path) -> None:
    """Where LSM gives no interval, regular time stamps give the step, and irregular ones none."""
    path = write_lsm(tmp_path / "a.lsm", numbered(4, 3, 9, 9, dtype="uint8"), scan=3, stamps=stamps, **DYES)
    with open_images(path) as images:
        assert images[0].record.scale.get("t") == step


def test_lsm_positions_are_images(tmp_path: Path) -> None:
    """Positions of the stage are never taken for planes: each becomes an image."""
    pixels = numbered(2, 4, 3, 20, 30, dtype="uint8")
    with open_images(write_lsm(tmp_path / "a.lsm", pixels, scan=0, positions=2, **DYES)) as images:
        assert [image.axes for image in images[:2]] == ["czyx", "czyx"]
        for number in range(2):
            np.testing.assert_array_equal(everything(images[number]), pixels[number].transpose(1, 0, 2, 3))


@dataclass(frozen=True)
class Stack:
    """A MetaMorph stack of four planes, and the axis and sizes that it has."""

    id: str
    distances: tuple[float, ...]
    waves: tuple[float, ...]
    times: tuple[int, ...]
    axis: str
    scale: dict[str, float]


STACKS = [
    Stack("z", (0.5,) * 4, (488,) * 4, (0, 1000, 2000, 3000), "z", {"z": 0.5}),
    Stack("time", (0,) * 4, (488,) * 4, (0, 1000, 2000, 3000), "t", {"t": 1.0}),
    Stack("wavelengths", (0,) * 4, (405, 488, 561, 640), (0,) * 4, "c", {}),
    Stack("wavelengths one after the other", (0,) * 4, (405, 488, 561, 640), (0, 9, 20, 90), "c", {}),
]


@pytest.mark.parametrize("stack", STACKS, ids=lambda stack: stack.id)
def test_stk(stack: Stack, tmp_path: Path) -> None:
    """STK: distances make z, times make t, wavelengths make channels with their names, and never z."""
    pixels = numbered(4, 20, 30)
    path = write_stk(tmp_path / "a.stk", pixels, distances=stack.distances, wavelengths=stack.waves, times=stack.times)
    with open_images(path) as (image,):
        np.testing.assert_array_equal(everything(image), pixels)
        assert image.axes == f"{stack.axis}yx"
        shown = {axis: image.record.scale.get(axis) for axis in ("x", "y", *stack.scale)}
        assert shown == {"x": 0.16, "y": 0.16, **stack.scale}
        if stack.axis == "c":
            assert image.channel_names == ["405 nm", "488 nm", "561 nm", "640 nm"]
        assert "metamorph.json" in image.record.documents


def test_stk_of_two_axes_is_refused(tmp_path: Path) -> None:
    """Wavelengths that alternate over z are two axes in one row of planes: the user is asked, nothing is guessed."""
    path = write_stk(
        tmp_path / "a.stk", numbered(4, 9, 9), distances=[0.5] * 4, wavelengths=[405, 488] * 2, times=[0] * 4
    )
    with pytest.raises(ArchiveError, match="--axes"), open_images(path):
        pass
    with open_images(path, "ZYX") as (image,):
        assert image.axes == "zyx"


@pytest.mark.parametrize("unit", ["pixel", "", "unknown"])
def test_stk_without_a_unit_has_no_size(unit: str, tmp_path: Path) -> None:
    """A calibration in no unit is left out with a note."""
    path = write_stk(
        tmp_path / "a.stk", numbered(2, 9, 9), distances=[1, 1], wavelengths=[1, 1], times=[0, 1], unit=unit
    )
    with open_images(path) as (image,):
        assert not {"x", "y"} & set(image.record.scale)
        assert any("left out" in note for note in image.notes)


@pytest.mark.parametrize("axes", ["RTZC", "RTCZ", "TRZC", "TRCZ"])
def test_micro_manager(axes: str, tmp_path: Path) -> None:
    """Every order of positions, times, planes and channels gives one image of T C Z Y X for each position."""
    counts = {"R": 3, "T": 2, "Z": 4, "C": 2}
    pixels = numbered(*(counts[axis] for axis in axes), 12, 14)
    order = {"TimeFirst": axes.startswith("T"), "SlicesFirst": axes.endswith("ZC")}
    more = {"z-step_um": -0.5, "Interval_ms": 2000, "StagePositions": [{"Label": f"P{i}"} for i in range(3)]}
    shown = [{"Name": "?", "Min": 5, "Max": 500}, {"Name": "?", "Min": 9, "Max": 600}]
    path = write_mm_stack(tmp_path / "run_MMStack.ome.tif", pixels, axes, SUMMARY | order | more, shown)
    with open_images(path) as images:
        assert [image.record.position for image in images] == ["P0", "P1", "P2"]
        for number, image in enumerate(images):
            truth = np.moveaxis(pixels, axes.index("R"), 0)[number]
            rest = axes.replace("R", "")
            np.testing.assert_array_equal(everything(image), truth.transpose(*(rest.index(a) for a in "TCZ"), 3, 4))
            record = image.record
            assert (image.axes, record.names, record.colours) == ("tczyx", ["DAPI", "GFP"], ["0000FF", "00FF00"])
            assert record.windows == [(5, 500), (9, 600)]
            assert record.scale == {"x": 0.11, "y": 0.11, "z": 0.5, "t": 2.0}
            assert "StagePositions" in record.documents["micro-manager.json"]


def test_micro_manager_without_a_calibration(tmp_path: Path) -> None:
    """A pixel size of 0 is no size: it is left out with a note."""
    path = write_mm_stack(tmp_path / "run_MMStack.ome.tif", numbered(2, 9, 9), "C", SUMMARY | {"PixelSize_um": 0})
    with open_images(path) as (image,):
        assert image.record.scale == {}
        assert any("along x was left out" in note for note in image.notes)


def test_aperio(tmp_path: Path) -> None:
    """SVS: the size of a pixel is the MPP of the description; the label of the slide does not share it."""
    text = "Aperio Image Library v12\n512x512 [0,0 512x512] (256x256) none|AppMag = 20|MPP = 0.4970"
    with tifffile.TiffWriter(tmp_path / "a.svs") as tiff:
        for shape, tile, told in (((512, 512, 3), (256, 256), text), ((32, 32, 3), None, text[:40])):
            pixels = np.zeros(shape, "uint8")
            tiff.write(pixels, tile=tile, photometric="rgb", description=told, metadata=None)
        tiff.write(np.zeros((30, 40, 3), "uint8"), photometric="rgb", description="Aperio\rlabel 30x40", metadata=None)
    with open_images(tmp_path / "a.svs") as images:
        assert (images[0].record.scale, images[0].record.unit) == ({"x": 0.497, "y": 0.497}, MICRO)
        assert images[0].channel_names == ["red", "green", "blue"]
        assert "AppMag = 20" in images[0].record.documents["aperio.txt"]
        assert all(image.record.scale == {} for image in images[1:])


def test_perkin_elmer(tmp_path: Path) -> None:
    """QPTIFF: the channels are called by their biomarker, or by their name where there is none, and have its colour."""
    kinds = [("DAPI", "", "0,0,255"), ("Opal 520", "CD3", "255,0,0"), ("Opal 690", "Ki-67 µ", "0,0,0")]
    with tifffile.TiffWriter(tmp_path / "a.qptiff") as tiff:
        for name, marker, colour in kinds:
            told = f"<Biomarker>{marker}</Biomarker>" if marker else ""
            xml = (
                '<?xml version="1.0" encoding="utf-16"?><PerkinElmer-QPI-ImageDescription><ImageType>FullResolution'
                f"</ImageType><Name>{name}</Name>{told}<Color>{colour}</Color></PerkinElmer-QPI-ImageDescription>"
            )
            tiff.write(
                numbered(64, 64), tile=(32, 32), photometric="minisblack", description=xml.encode(), metadata=None,
                software="PerkinElmer-QPI", resolution=(20080, 20080), resolutionunit="CENTIMETER",
            )  # fmt: skip
    with open_images(tmp_path / "a.qptiff") as images:
        assert images[0].channel_names == ["DAPI", "CD3", "Ki-67 µ"]
        assert images[0].record.colours == ["0000FF", "FF0000", None]
        assert images[0].record.scale == {
            "x": pytest.approx(0.498008, rel=1e-5),
            "y": pytest.approx(0.498008, rel=1e-5),
        }


def scanimage(*lines: str) -> str:
    return "\n".join(["SI.VERSION_MAJOR = 2016", "SI.hChannels.channelName = {'green' 'red' 'far red'}", *lines])


def test_scanimage(tmp_path: Path) -> None:
    """ScanImage: channels are those that were saved, by name, and the frame rate gives the time step."""
    frames, saved = "SI.hStackManager.framesPerSlice = 3", "SI.hChannels.channelSave = [1;3]"
    header = scanimage(saved, frames, "SI.hRoiManager.scanFrameRate = 30.0").encode() + b"\0"
    pixels = numbered(6, 20, 30)
    tags: dict[int, Any] = {256: (4, [30]), 257: (4, [20]), 258: (3, [16]), 259: (3, [1]), 262: (3, [1]), 277: (3, [1])}
    tags |= {278: (4, [20]), 305: (2, header), 270: (2, b"frameNumbers = 1\0")}
    block = struct.pack("<4I", 117637889, 3, len(header), 0) + header
    raw = bytearray(write_raw([RawPage([page.tobytes()], tags) for page in pixels], big=True, head=len(block)))
    raw[16 : 16 + len(block)] = block
    (tmp_path / "a.tif").write_bytes(raw)
    with open_images(tmp_path / "a.tif") as (image,):
        assert image.record.names == ["green", "far red"]
        np.testing.assert_array_equal(everything(image), pixels.reshape(3, 2, 20, 30))
        assert image.axes == "tcyx"
        assert image.record.scale["t"] == pytest.approx(1 / 30)
        assert json.loads(image.record.documents["scanimage.json"])


@pytest.mark.parametrize(("saved", "axes"), [("[1;3]", None), ("1", "zyx")])
def test_scanimage_without_its_header(saved: str, axes: str | None, tmp_path: Path) -> None:
    """Channels that only the texts of the pages tell of are never taken for planes."""
    tifffile.imwrite(
        tmp_path / "a.tif", numbered(6, 20, 30), photometric="minisblack", metadata=None, description="frame = 1",
        software=scanimage(f"SI.hChannels.channelSave = {saved}"),
    )  # fmt: skip
    if axes is None:
        with pytest.raises(ArchiveError, match="--axes"), open_images(tmp_path / "a.tif"):
            pass
    else:
        with open_images(tmp_path / "a.tif") as (image,):
            assert (image.axes, image.record.names) == (axes, ["green"])


STACK = ("SI.hStackManager.numSlices = 3", "SI.hStackManager.framesPerSlice = 1", "SI.hStackManager.enable = true")
TWO = "SI.hChannels.channelSave = [1;3]"


@pytest.mark.parametrize(
    ("count", "lines", "axes", "shape"),
    [
        (12, (*STACK, TWO), "tczyx", (2, 3, 2)),
        (12, (*STACK, TWO, "SI.hStackManager.numVolumes = 2"), "tczyx", (2, 3, 2)),
        (6, (*STACK, TWO), "czyx", (3, 2)),
        (6, (*STACK, "SI.hChannels.channelSave = 1"), "tzyx", (2, 3)),
        (12, (*STACK, TWO, "SI.hStackManager.framesPerSlice = 2"), "tczyx", (3, 2, 2)),
        (12, (*STACK, TWO, "SI.hStackManager.enable = false", "SI.hStackManager.framesPerSlice = Inf"), "tcyx", (6, 2)),
        (6, (*STACK, TWO, "SI.hStackManager.framesPerSlice = 2", "SI.hScan2D.logAverageFactor = 2"), "czyx", (3, 2)),
        (11, (*STACK, TWO), None, None),
        (10, (*STACK, TWO), None, None),
        (12, (*STACK, TWO, "SI.hStackManager.numVolumes = 1"), None, None),
        (12, (*STACK, TWO, "SI.hFastZ.enable = true", "SI.hFastZ.numDiscardFlybackFrames = 1"), None, None),
        (24, (*STACK, TWO, "SI.hStackManager.framesPerSlice = 2"), None, None),
    ],
)
def test_scanimage_pages_are_what_the_header_says(
    count: int, lines: tuple[str, ...], axes: str | None, shape: Any, tmp_path: Path
) -> None:
    """Volumes follow each other in time and are no heights; where pages and header do not fit, nothing is guessed."""
    pixels = numbered(count, 20, 30)
    tifffile.imwrite(
        tmp_path / "a.tif", pixels, photometric="minisblack", metadata=None, description="frameNumbers = 1",
        software=scanimage(*lines),
    )  # fmt: skip
    if axes is None:
        with pytest.raises(ArchiveError, match="--axes"), open_images(tmp_path / "a.tif"):
            pass
        return
    with open_images(tmp_path / "a.tif") as (image,):
        assert image.axes == axes
        expected = pixels.reshape(*shape, 20, 30)
        if axes == "tczyx" and shape == (3, 2, 2):
            expected = expected.transpose(1, 2, 0, 3, 4)
        elif axes == "tczyx":
            expected = expected.transpose(0, 2, 1, 3, 4)
        elif axes == "czyx":
            expected = expected.swapaxes(0, 1)
        np.testing.assert_array_equal(everything(image), expected)


@pytest.mark.parametrize(
    "text", ["state.acq.numberOfChannelsSave=2\r", "frame = 1\nscanimage.SI5.channelsSave = [1;2]"]
)
def test_channels_of_older_scanimage_are_no_planes(text: str, tmp_path: Path) -> None:
    """Versions that write their header into the description of the pages: several channels are never taken for z."""
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, numbered(6, 20, 30), photometric="minisblack", metadata=None, description=text)
    with pytest.raises(ArchiveError, match="--axes"), open_images(path):
        pass
