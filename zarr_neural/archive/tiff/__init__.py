"""TIFF in and out: files become images with axes, sizes and `read(region)`, and stores become OME-TIFF again.

find (which files), source (the images of a file), pages (pixels), extent and complaints (is the file whole?), axes and
calibration (what it means), identity (is it still the same file?), export (OME-TIFF out). May import: layout, stores
and metadata of the archive, tifffile. Tests: tests/archive/tiff.
"""
