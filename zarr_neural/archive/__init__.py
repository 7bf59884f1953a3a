"""The archive room: TIFF files in, verified OME-Zarr stores out, and back.

Comes in: paths of TIFFs and stores, a fidelity, options, a progress callback. Goes out: stores, reports as data.
Nothing is printed here; the command line does that.

May import: the codecs room and below; tifffile, zarr, dask. No other room reads TIFF.
Each command has its module: convert (one image) and batch (many), verify, inspection, export, noise. Below them:
source, pages and calibration (TIFF in), metadata and provenance (attributes out), layout and pyramid (how arrays are
cut and halved), request (what is asked), fidelity and targets (what it means for one image), writers (a codec for each
channel), regions (the work of one task), journal and lock (resuming, replacing, one process at a time), promise,
measure and report (what was lost), stores (finding and opening).
Specification: OME-Zarr 0.4 and 0.5 (ngff.openmicroscopy.org). Tests: tests/archive.
"""

from zarr_neural.archive.batch import convert
from zarr_neural.archive.convert import convert_image
from zarr_neural.archive.export import export
from zarr_neural.archive.inspection import inspect_path
from zarr_neural.archive.noise import measure_noise
from zarr_neural.archive.options import Options, Progress
from zarr_neural.archive.report import ImageReport
from zarr_neural.archive.request import Request, fidelity_from
from zarr_neural.archive.source import SourceImage, open_images
from zarr_neural.archive.verify import VerifyReport, verify

__all__ = [
    "ImageReport",
    "Options",
    "Progress",
    "Request",
    "SourceImage",
    "VerifyReport",
    "convert",
    "convert_image",
    "export",
    "fidelity_from",
    "inspect_path",
    "measure_noise",
    "open_images",
    "verify",
]
