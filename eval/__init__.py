"""The evaluation: what the codecs of this project reach beside what a user would pick instead.

In:   image files (TIFF, PNG, NumPy, DICOM), or the committed list of held-out images and the folder they lie in.
Out:  plain TSV with one row per file, mode and codec; tables; the picture of the demo.
May import: everything. Nothing imports this package, and it is not in the wheel.
Run:  ``python -m eval lossless``, ``python -m eval summary``, ``python -m eval demo``.
Results: ``eval/results`` holds the TSV of each release, with the command in its head, and ``demo.png``, which
      ``python -m eval demo --picture eval/results/demo.png`` draws anew.
Tests: ``tests/eval``.

Rules that every number here keeps:

- all codecs see the same tiles in the same run, interleaved; one-core figures are processor time of the whole
  process, the best of the repeats, tile by tile;
- every decoded tile is compared with what was promised before its size is counted; a mismatch ends the run;
- competitors run at the settings that a user would choose, each on one thread per tile;
- signed images are shifted by their minimum for codecs that know unsigned integers only, at no cost to them;
- bounded modes: the competitors code the integers of our own quantisation, in the narrowest unsigned type, and the
  time of that quantisation is not counted against them (it is counted against us).
"""
