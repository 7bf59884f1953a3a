"""Integer networks of path L: runs them, and codes the planes that they predict, without torch.

In: the integer arrays of a model with its id, and planes of uint16 samples or their payloads.
Out: features, scales and means (`reference`), payloads and planes (`native`).
May import: NumPy, `zarr_neural.errors` and, in `native` and `selftest` alone, the compiled `zarr_neural._native`.
`reference` is the specification by code in int64 (`zarr_neural/spec/path_l.md` says the same in words); `native` is the
engine that users run; it is refused where `selftest` does not get known answers from it. The numeric contract that
makes all engines agree is checked where models are loaded (`zarr_neural.models.contract`). Tests: `tests/intnet`.
"""
