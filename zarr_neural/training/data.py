"""The pictures that models are trained and tested on: sets, licences, and the groups that are held out of training."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import tifffile
from numpy.typing import NDArray


@dataclass(frozen=True)
class DataSet:
    """One folder of pictures. Groups are never split; `held_out` ones are for reporting results alone."""

    folder: str
    licence: str
    held_out: frozenset[str]
    trained: bool = True


TEACHING_HELD_OUT = frozenset((
    "saturated_plant", "em_fly_eye", "nuclei_PLK1_control", "nuclear_protein_control", "nuclear_protein_treated",
    "microtubules", "spots", "nuclei_nup", "membranes_nuclei_big", "membranes_nuclei", "some_spots_with_uneven_bg",
    "two_cells", "bacteria_cords_thin", "chromosomes", "nuclei_very_noisy", "nuclei_very_noisy_close",
    "motors_on_microtubules", "few_touching_nuclei", "cyto_nuclei", "two_nuclei_high_background",
))  # fmt: skip
SETS = (
    DataSet("yeast-raw", "MIT", frozenset({"SL_180519_2_AT"})),
    DataSet("mouse-brain-3d", "BSD-3-Clause", frozenset({"ch1"})),
    DataSet(
        "cellprofiler-examples",
        "BSD-3-Clause",
        frozenset(
            {"ExampleColocalization", "ExamplePercentPositive", "ExampleHuman", "ADSAStaph", "transfluor-O19-O24"}
        ),
    ),
    DataSet("neurons-phase-zstack", "CC-BY-4.0", frozenset({"target", "phase_z10-12"})),
    DataSet("teaching-collection", "CC-BY-4.0", TEACHING_HELD_OUT),
    DataSet("mcf7-brightfield-fluorescence", "GPL-3.0", frozenset(), trained=False),
)


@dataclass(frozen=True)
class Picture:
    """One plane. Batches are balanced by `kind`, which names pictures that look alike."""

    kind: str
    group: str
    name: str
    held_out: bool
    samples: NDArray[Any]


def read_pictures(directory: Path, sets: tuple[DataSet, ...] = SETS) -> list[Picture]:
    """Return every plane of the sets in a directory, in the order of their names.

    Parameters
    ----------
    directory : Path
        Holds one folder for each set.
    sets : tuple of DataSet

    Returns
    -------
    list of Picture
        Planes of unsigned integers, 8 or 16 bits; files of other types are passed over.

    Raises
    ------
    FileNotFoundError
        If the folder of a set is missing.
    """
    pictures = []
    for data_set in sets:
        folder = directory / data_set.folder
        if not folder.is_dir():
            raise FileNotFoundError(f"the data set {data_set.folder} is not in {directory}")
        for path in sorted(folder.rglob("*")):
            if path.suffix.lower() not in (".tif", ".png"):
                continue
            samples = tifffile.imread(path) if path.suffix.lower() == ".tif" else imagecodecs.imread(path)
            if samples.dtype.kind != "u":
                continue
            name = path.relative_to(directory).as_posix()
            if samples.dtype == np.uint16 and "8bit" in name and samples.max() < 256:
                samples = samples.astype(np.uint8)
            group = group_of(name)
            held_out = not data_set.trained or group in data_set.held_out
            planes = samples.reshape(-1, *samples.shape[-2:])
            for number, plane in enumerate(planes):
                kind = _kind(name, group, number, plane.dtype)
                pictures.append(Picture(kind, group, f"{name}#{number}", held_out, np.ascontiguousarray(plane)))
    return pictures


def group_of(name: str) -> str:
    """Return the group of a file, named relative to the data directory: what shares a field, a plate or a sample."""
    folders, base = name.split("/"), name.split("/")[-1]
    match folders[0]:
        case "yeast-raw":
            return folders[1]
        case "mouse-brain-3d":
            return folders[-2]
        case "cellprofiler-examples":
            if well := re.match(r"AS_09047_\d+_O(\d\d)", base):
                return "transfluor-O19-O24" if int(well[1]) >= 19 else "transfluor-O01-O18"
            return "ADSAStaph" if "Staph" in base else folders[1]
        case "neurons-phase-zstack":
            if base.startswith("target"):
                return "target"
            return "phase_z10-12" if int(base[7:9]) >= 10 else "phase_z00-09"
        case "teaching-collection":
            if "em_volume" in name:
                return "c_elegans_em"
            if "mitocheck" in name:
                return "mitocheck"
            return re.sub(r"^xy[a-z]*_(calibrated_)?(\d*bit_*)?(calibrated_)?", "", base)[:-4]
        case _:
            return base.split("_snap")[0].split("_roi")[0]


def _kind(name: str, group: str, plane: int, dtype: np.dtype[Any]) -> str:
    bits = "8" if dtype == np.uint8 else "16"
    match name.split("/")[0]:
        case "yeast-raw":
            return "yeast-bf" if "c1.tif" in name or "timelapse" in name else "yeast-fl"
        case "mouse-brain-3d":
            return "mouse"
        case "cellprofiler-examples":
            if group.startswith("transfluor"):
                return "transfluor"
            return "cp-coloc" if group == "ExampleColocalization" else "cp-" + bits
        case "neurons-phase-zstack":
            return "neuron-conf" if group == "target" else "neuron-phase"
        case "teaching-collection":
            return "em" if group in ("c_elegans_em", "em_fly_eye") else "teach-" + bits
        case _:
            return "mcf7-bf" if plane == 0 else "mcf7-fl"
