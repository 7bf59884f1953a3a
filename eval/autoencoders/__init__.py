"""The studies of auto-encoders, redone: cells of a Transfluor assay at 128 x 128, and radiographs made lossless.

In:   the images of the studies as far as they are at hand, or a folder of the user's own.
Out:  weights, curves of training, TSV and pictures. Codecs are those of `zarr_neural.zoo.autoencoders`; what is counted
      are chunks in Zarr stores that were read back.
May import: torch, besides what the rest of the evaluation does; so the command line imports this package late.
Run:  ``python -m eval transfluor --data DIR --out DIR`` and ``python -m eval radiographs [FOLDER] --out DIR``.
Tests: ``tests/eval/test_transfluor.py``, ``tests/eval/test_radiographs.py``.
"""
