"""Stores of held-out images: the pairs of `pairs.csv` as OME-Zarr with named channels and a mask of padded borders."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
import zarr
from numpy.typing import NDArray
from scipy.ndimage import label

from eval.images import read_planes
from eval.predictors.pairs import read_pairs
from eval.study.errors import StudyError
from eval.study.valid import LABEL
from zarr_neural.archive import Options, convert, fidelity_from

HELD_OUT = ("jan_404", "feb_402", "june25_503", "nkratio_505", "april28")
"""Groups of the MCF-7 images that no codec and no predictor was trained on."""
INPUT_NAMES = {"mcf7": "brightfield_channel"}
"""What the input channel of a data set is called; "input" where it has no name here."""


def make(data: Path, out: Path, groups: Sequence[str] = HELD_OUT, ome_version: str = "0.5") -> list[Path]:
    """Write a store for each input file of some groups, losslessly, by the converter; return their paths.

    The channels are the input and its targets, by the names of `pairs.csv`. A label image "valid" is 0 where all
    channels are zero in a region that touches the border: padding of registered images.

    Raises
    ------
    StudyError
        No pair is of these groups, a file is not there, or input and target differ in size.
    """
    wanted: dict[str, list[dict[str, str]]] = {}
    with (data / "pairs.csv").open(newline="") as file:
        for row in csv.DictReader(file):
            if row["group"] in groups:
                wanted.setdefault(row["input"], []).append(row)
    if not wanted:
        raise StudyError(f"no pair of pairs.csv is of {', '.join(groups)}")
    out.mkdir(parents=True, exist_ok=True)
    return [_store(data, out, name, rows, ome_version) for name, rows in wanted.items()]


def _store(data: Path, out: Path, name: str, rows: Sequence[dict[str, str]], ome_version: str) -> Path:
    planes = {INPUT_NAMES.get(rows[0]["dataset"], "input"): _plane(data, name, int(rows[0]["input_channel"]))}
    first = next(iter(planes.values()))
    for row in rows:
        plane = _plane(data, row["target"], int(row["target_channel"]))
        if plane.shape != first.shape:
            raise StudyError(f"{row['target']}: {plane.shape} pixels, its input {name} has {first.shape}")
        planes[row["target_name"]] = plane
    stack = np.stack(list(planes.values()))
    store = out / f"{Path(name).stem}.ome.zarr"
    write_store(store, stack, "CYX", list(planes), rows[0]["group"], ~padded(stack), ome_version)
    return store


def make_volume(data: Path, out: Path, target_name: str, ome_version: str = "0.5") -> tuple[Path, Path]:
    """Write the stack of the one field that has a target of that name, and its targets; return both paths.

    They are OUT/volumes/NAME.ome.zarr (Z, Y, X) and OUT/targets/NAME.ome.zarr, the plane that networks predict. Only
    pixels that no predictor was trained on or chosen by are valid: `eval.predictors.pairs` splits the field in space.

    Raises
    ------
    StudyError
        No pair has that target, or its field is not split in space; files are missing or differ in size.
    """
    try:
        pairs = read_pairs(data, target_name, ndim=3)
    except (ValueError, OSError) as error:
        raise StudyError(str(error)) from error
    if len(pairs) != 1 or pairs[0].testing is None:
        raise StudyError(f"{len(pairs)} fields have the target {target_name!r}, expected one")
    pair = pairs[0]
    valid = np.zeros_like(pair.valid)
    valid[pair.testing] = pair.valid[pair.testing]
    volume, target = (out / kind / f"{pair.input_name}.ome.zarr" for kind in ("volumes", "targets"))
    write_store(volume, pair.raw[:, np.newaxis], "ZCYX", [pair.input_name], pair.group, valid, ome_version)
    write_store(target, pair.target[np.newaxis], "CYX", [target_name], pair.group, valid, ome_version)
    return volume, target


def write_store(
    store: Path,
    stack: NDArray[Any],
    axes: str,
    names: Sequence[str],
    group: str,
    valid: NDArray[np.bool_],
    ome_version: str,
) -> None:
    """Write an image losslessly by the converter, with the group it belongs to and the pixels (Y, X) that count.

    Raises
    ------
    StudyError
        The converter failed.
    """
    store.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        tiff = Path(folder) / f"{store.name.removesuffix('.ome.zarr')}.ome.tif"
        tifffile.imwrite(tiff, stack, metadata={"axes": axes, "Channel": {"Name": list(names)}})
        options = Options(fidelity_from(lossless=True), ome_version=ome_version, overwrite=True, labels=False)
        reports = convert([tiff], store, options)
    if reports[0].status == "failed":
        raise StudyError(f"{store.name}: {reports[0].error}")
    zarr.open_group(store, mode="a").attrs["study"] = {"group": group}
    if not valid.all():
        write_valid(store, valid, ome_version)


def _plane(data: Path, name: str, channel: int) -> NDArray[Any]:
    path = data / name
    if not path.exists():
        raise StudyError(f"{name} is not below {data}")
    return read_planes(path)[channel]


def padded(stack: NDArray[Any]) -> NDArray[np.bool_]:
    """Return where all channels of a (C, Y, X) stack are zero in a region that touches the border.

    Examples
    --------
    >>> padded(np.pad(np.ones((2, 2, 2), "u2"), ((0, 0), (1, 0), (0, 0)))).tolist()
    [[True, True], [False, False], [False, False]]
    """
    regions, _count = label((stack == 0).all(axis=0))
    at_border = np.unique(np.concatenate([regions[0], regions[-1], regions[:, 0], regions[:, -1]]))
    return np.asarray(np.isin(regions, at_border[at_border > 0]))


def write_valid(store: Path, valid: NDArray[np.bool_], ome_version: str, name: str = LABEL) -> None:
    """Add a label image (Y, X) of the pixels that count to an image, for all of its planes."""
    version = {"0.4": 2, "0.5": 3}[ome_version]

    def described(content: dict[str, Any]) -> dict[str, Any]:
        return {"ome": {"version": ome_version, **content}} if version == 3 else content

    axes = [{"name": axis, "type": "space"} for axis in "yx"]
    dataset = {"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [1.0, 1.0]}]}
    multiscale: dict[str, Any] = {"name": name, "axes": axes, "datasets": [dataset]}
    if version == 2:
        multiscale["version"] = ome_version
    root = zarr.open_group(store, mode="a", zarr_format=version)  # type: ignore[arg-type]
    labels = root.create_group("labels", overwrite=True, attributes=described({"labels": [name]}))
    label_image = {"version": ome_version} if version == 2 else {}
    group = labels.create_group(name, attributes=described({"multiscales": [multiscale], "image-label": label_image}))
    array = group.create_array(
        "0", shape=valid.shape, dtype="uint8", chunks=valid.shape, dimension_names=None if version == 2 else ("y", "x")
    )
    array[:] = valid.astype(np.uint8)
