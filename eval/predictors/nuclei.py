"""Nuclei in a fluorescence plane, found the classical way, and how alike two such findings are."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, optimize
from skimage import filters, segmentation
from skimage.morphology import h_maxima

Image = NDArray[Any]
SMOOTHING = 1.5  # samples, of the image
WINDOW = 20.0  # samples, of the Gaussian surroundings
CLIMB = 0.4  # part that the surroundings count for in the threshold, against Otsu's
LEAST_AREA = 40  # samples
SEED_SMOOTHING = 1.0  # samples, of the distance transform
SEED_HEIGHT = 0.75  # samples that the distance falls between two nuclei, at least


def segment_nuclei(plane: Image) -> NDArray[np.int32]:
    """Return labels of nuclei, 1 and up; 0 is the background.

    The plane is smoothed with a Gaussian and its background, the 10th percentile, taken off. Foreground is what
    exceeds a threshold between Otsu's of the whole plane (of its square root) and the mean of the surroundings, so that
    dim nuclei in the dark count and haze around bright ones does not. Nuclei that touch are parted by a watershed on
    the distance transform, from its maxima.

    Parameters
    ----------
    plane : (Y, X) ndarray
        Fluorescence, of any real dtype.

    Raises
    ------
    ValueError
        If it is no plane.

    Examples
    --------
    >>> y, x = np.mgrid[:64, :64]
    >>> plane = sum(np.hypot(y - cy, x - cx) < 9 for cy, cx in ((16, 16), (16, 40), (48, 32))) * 900.0
    >>> int(segment_nuclei(plane).max())
    3
    """
    if plane.ndim != 2:
        raise ValueError(f"nuclei are found in planes (Y, X), found shape {plane.shape}")
    smooth = ndimage.gaussian_filter(plane.astype(np.float64), SMOOTHING)
    smooth = np.clip(smooth - np.percentile(smooth, 10), 0, None)
    if not np.ptp(smooth):
        return np.zeros(plane.shape, np.int32)
    # the square root makes Otsu's two classes of dim nuclei, noise and very bright nuclei comparable
    otsu = filters.threshold_otsu(np.sqrt(smooth)) ** 2
    surroundings = ndimage.gaussian_filter(smooth, WINDOW)
    foreground = smooth > (1 - CLIMB) * otsu + CLIMB * surroundings
    foreground = ndimage.binary_fill_holes(foreground)
    parts, number = ndimage.label(foreground)
    areas = np.bincount(parts.ravel(), minlength=number + 1)
    foreground &= areas[parts] >= LEAST_AREA
    distance = ndimage.gaussian_filter(ndimage.distance_transform_edt(foreground), SEED_SMOOTHING)
    seeds, _ = ndimage.label(h_maxima(distance, SEED_HEIGHT) * foreground, np.ones((3, 3)))
    return np.asarray(segmentation.watershed(-distance, seeds, mask=foreground), np.int32)


def compare_labels(reference: NDArray[Any], labels: NDArray[Any]) -> dict[str, float]:
    """Return how alike two label images are.

    Parameters
    ----------
    reference, labels : (Y, X) ndarray of integers
        0 is the background.

    Returns
    -------
    dict
        ``dice`` of the foregrounds; ``f1`` of objects that are matched one to one with an intersection over union of
        0.5 or more; ``count_ratio``, the number of objects by that of the reference (nan where it has none). Dice and
        F1 of two empty images are 1.

    Raises
    ------
    ValueError
        If the shapes differ.

    Examples
    --------
    >>> compare_labels(np.array([[1, 1, 0, 2]]), np.array([[7, 7, 0, 0]]))
    {'dice': 0.8, 'f1': 0.6666666666666666, 'count_ratio': 0.5}
    """
    if reference.shape != labels.shape:
        raise ValueError(f"labels have shape {labels.shape}, the reference {reference.shape}")
    names_a, a = np.unique(reference, return_inverse=True)
    names_b, b = np.unique(labels, return_inverse=True)
    table = np.zeros((len(names_a), len(names_b)), np.int64)
    np.add.at(table, (a.ravel(), b.ravel()), 1)
    real_a, real_b = names_a != 0, names_b != 0
    both = table[np.ix_(real_a, real_b)]
    area_a, area_b = table.sum(1)[real_a], table.sum(0)[real_b]
    foreground = int(area_a.sum() + area_b.sum())
    union = area_a[:, None] + area_b[None, :] - both
    overlap = both / np.maximum(union, 1)
    rows, columns = optimize.linear_sum_assignment(-(overlap * (overlap >= 0.5)))
    matched = int((overlap[rows, columns] >= 0.5).sum())
    objects = len(area_a) + len(area_b)
    return {
        "dice": float(2 * both.sum() / foreground) if foreground else 1.0,
        "f1": float(2 * matched / objects) if objects else 1.0,
        "count_ratio": len(area_b) / len(area_a) if len(area_a) else float("nan"),
    }
