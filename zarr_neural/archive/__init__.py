"""The archive room: TIFF files in, verified OME-Zarr stores out, and back.

Comes in: paths of TIFFs and stores, a fidelity, options, a progress callback. Goes out: stores, reports as data.
Nothing is printed here; the command line does that.

May import: the codecs room and below; tifffile, zarr, dask. No other room reads TIFF.
Rooms: tiff (files in, and out again), ask (what is promised), write (stores out), check (verify and measure). Beside
them: layout (how arrays are cut), overviews (halved from the source), stores (finding and opening), metadata and
provenance (attributes), overall (progress of many files), inspection and noise.
Specification: OME-Zarr 0.4 and 0.5 (ngff.openmicroscopy.org). Tests: tests/archive.
"""

from zarr_neural.archive.ask.options import Options, Progress
from zarr_neural.archive.ask.request import Request, fidelity_from
from zarr_neural.archive.check.report import ImageReport
from zarr_neural.archive.check.verify import VerifyReport, verify
from zarr_neural.archive.inspection import inspect_path
from zarr_neural.archive.noise import measure_noise
from zarr_neural.archive.tiff.export import export
from zarr_neural.archive.tiff.source import SourceImage, open_images
from zarr_neural.archive.write.batch import convert
from zarr_neural.archive.write.image import convert_image

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
