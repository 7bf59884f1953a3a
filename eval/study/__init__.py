"""The study: which codec, at which ratio, costs how much, in the pictures and in what is read from them.

In:   OME-Zarr stores (0.4 or 0.5), codecs by name, trained predictors, a scheduler.
Out:  tidy TSV files and one HTML report that needs nothing beside it.
May import: the other parts of ``eval``, ``zarr_neural`` and its archive and zoo rooms; dask, distributed, zarr,
scikit-image, matplotlib.
Each step has its module. Reading: ``image``, ``valid``, ``scan``, ``stores``. Codecs: ``entry``, ``entries`` and one
for each kind, ``matching``, ``recode``. Figures: ``sums``, ``structure``, ``compare``, ``reconstruction`` (phase 1),
``label_free`` and ``segmentation`` (phase 2), ``rows``. Running: ``plan``, ``cluster``, ``journal``, ``runner``,
``pictures``, ``provenance``, ``command``. What is made of the rows: ``results``. ``memory`` measures it all.
Tests: ``tests/eval/test_study*.py``.
"""
