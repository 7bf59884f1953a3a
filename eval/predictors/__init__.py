"""Label-free prediction: networks that predict a fluorescence channel from brightfield, their training, and nuclei.

In:   pairs of input and target (``pairs.csv``), raw or through a codec; for prediction dask arrays of any size.
Out:  model files (safetensors, JSON metadata) and logs; lazy predictions; labels of nuclei and how alike they are.
May import: everything; torch only in the modules that train (`networks`, `training`, `train`), and inside the
      functions that run a network, so that this package imports without it.
Run:  ``python -m eval train_label_free --data DIR --architecture fnet2d --out FILE --log FILE``.
Logs: ``eval/results/label_free_logs``; the models trained on MCF-7 (GPL-3 data) are not shipped: the commands in the
      logs train them again.
Tests: ``tests/eval/test_predictors*.py``, ``tests/eval/test_nuclei.py``.

Rules that every model keeps:

- groups are never split between training and tests (one field of its own is split in space, with a gap);
- nothing is chosen by the held-out groups: weights are chosen by training groups that are set aside;
- padding of registered images counts neither in losses nor in correlations;
- a decoded image is normalised with the numbers of the raw image, so that an error of gain or offset counts.
"""

from eval.predictors.normalisation import normalisation
from eval.predictors.nuclei import compare_labels, segment_nuclei
from eval.predictors.pairs import CHOOSING_GROUPS, HELD_OUT_GROUPS, valid_samples
from eval.predictors.predictor import Predictor, load

__all__ = [
    "CHOOSING_GROUPS",
    "HELD_OUT_GROUPS",
    "Predictor",
    "compare_labels",
    "load",
    "normalisation",
    "segment_nuclei",
    "valid_samples",
]
