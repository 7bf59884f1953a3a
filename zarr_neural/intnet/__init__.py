"""Integer networks of paths L and Y: runs them, and codes the planes that they predict, without torch.

In: the integer arrays of a model with its id, and planes of uint16 samples or their payloads.
Out: features, scales and means (`reference`, `reference_transform`), payloads and planes (`native`, `transform`).
May import: NumPy, `zarr_neural.errors`, `zarr_neural.fork` and, in `native`, `transform` and `selftest` alone, the
compiled `zarr_neural._native`. `reference` and `reference_transform` are the specification by code in int64
(`zarr_neural/spec/path_l.md` and `path_y.md` say the same in words); `native` (path L) and `transform` (path Y) are the
engine that users run; it is refused where `selftest` does not get known answers from it. The numeric contract that
makes all engines agree is checked where models are loaded (`zarr_neural.models.contract`). Tests: `tests/intnet`.
"""
