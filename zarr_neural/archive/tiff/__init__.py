"""TIFF in and out: files become images with axes, sizes and `read(region)`, and stores become OME-TIFF again.

find (which files), opening and confine (what belongs to a file, and no more), series and source (its images), planes
and pages (where pixels lie, reading them), streams and complaints (is the file whole?), second_look (the pixels read
another way, for verify), dialects, axes, photometric and units (what it means), identity (is it still the same file?),
export (OME-TIFF out). May import: layout, stores and metadata of the archive, tifffile. Tests: tests/archive/tiff.
"""
