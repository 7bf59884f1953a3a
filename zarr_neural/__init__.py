"""Neural compression of microscopy images for Zarr."""
