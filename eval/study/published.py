"""Figures of the study that is redone, as published: Zhou, Sollmann and Chen, tables 1 to 5. Never measured here."""

from __future__ import annotations

from dataclasses import dataclass

SOURCE = (
    "Zhou, Sollmann and Chen, “Deep learning based image compression for microscopy images: an empirical study”: "
    "brightfield images of 624 x 924 pixels, hiPSC, another data set than the one measured here"
)


@dataclass(frozen=True)
class Published:
    """One row of tables 1 to 4.

    Attributes
    ----------
    reconstruction
        Table 1: MSE, SSIM, correlation, PSNR in dB, on z-scored images.
    storage
        Table 2: compression ratio, space saving in percent.
    truth, original
        Tables 3 and 4: MSE, SSIM, correlation, PSNR of the prediction against the truth and the prediction from raw.
    """

    reconstruction: tuple[float, float, float, float]
    storage: tuple[float, float]
    truth: tuple[float, float, float, float]
    original: tuple[float, float, float, float]


TABLES: dict[str, Published] = {
    "original": Published(
        (0, 1, 1, 108.1308), (1.1236, 10.94), (0.005, 0.7333, 0.7399, 23.2962), (0.0, 1.0, 1.0, 108.1308)
    ),
    "jpegxr-study": Published(
        (0.0011, 0.8284, 0.899, 30.4992),
        (1.3458, 24.58),
        (0.006, 0.6541, 0.4304, 22.4266),
        (0.0061, 0.8255, 0.573, 22.4105),
    ),
    "jpeg2000-study": Published(
        (0.0498, 0.4244, 0.1576, 15.8519),
        (28.5981, 93.70),
        (0.0347, 0.3838, 0.0238, 17.3313),
        (0.0323, 0.4835, 0.0346, 16.7578),
    ),
    "lerc-study": Published(
        (0.0061, 0.9803, 0.9934, 51.72),
        (1.1419, 12.36),
        (0.0056, 0.6841, 0.7394, 22.8782),
        (0.0003, 0.9624, 0.9995, 52.1393),
    ),
    "bmshj2018-factorized-mse q8": Published(
        (0.0002, 0.9623, 0.9844, 38.4742),
        (15.9426, 93.64),
        (0.0044, 0.7258, 0.6382, 23.9536),
        (0.0026, 0.9103, 0.859, 27.0981),
    ),
    "bmshj2018-factorized-ms-ssim q8": Published(
        (0.0003, 0.9704, 0.9859, 37.3699),
        (19.3469, 94.82),
        (0.0046, 0.7342, 0.7093, 23.7132),
        (0.0009, 0.9541, 0.9483, 30.9527),
    ),
    "bmshj2018-hyperprior-mse q8": Published(
        (0.0002, 0.9585, 0.9829, 38.4364),
        (21.3869, 95.07),
        (0.0047, 0.7128, 0.6045, 23.8299),
        (0.0034, 0.8904, 0.8158, 25.9064),
    ),
    "bmshj2018-hyperprior-ms-ssim q8": Published(
        (0.0003, 0.9691, 0.9854, 37.1714),
        (23.2744, 95.68),
        (0.0043, 0.7378, 0.6912, 23.9392),
        (0.0014, 0.9427, 0.9232, 29.4052),
    ),
    "mbt2018-mean-mse q8": Published(
        (0.0002, 0.9559, 0.9817, 37.9746),
        (23.4083, 95.50),
        (0.0044, 0.7229, 0.6097, 23.9387),
        (0.0031, 0.8983, 0.8161, 26.1503),
    ),
    "mbt2018-mean-ms-ssim q8": Published(
        (0.0003, 0.9704, 0.9866, 37.6723),
        (23.1368, 95.65),
        (0.0044, 0.7415, 0.7073, 23.8704),
        (0.001, 0.9516, 0.9451, 30.7766),
    ),
    "mbt2018-mse q8": Published(
        (0.0002, 0.9563, 0.9823, 38.1687),
        (23.746, 95.55),
        (0.0043, 0.7194, 0.6207, 23.9625),
        (0.003, 0.8989, 0.8327, 26.4424),
    ),
    "mbt2018-ms-ssim q8": Published(
        (0.0003, 0.9705, 0.986, 37.2873),
        (22.9054, 95.61),
        (0.0044, 0.7439, 0.7102, 23.8387),
        (0.0009, 0.9551, 0.9483, 31.0031),
    ),
    "cheng2020-anchor-mse q6": Published(
        (0.0006, 0.9133, 0.961, 34.3726),
        (47.2978, 97.81),
        (0.0065, 0.5991, 0.4375, 22.4682),
        (0.0066, 0.7776, 0.5942, 22.2884),
    ),
    "cheng2020-anchor-ms-ssim q6": Published(
        (0.0009, 0.9537, 0.9738, 33.4254),
        (38.0068, 97.35),
        (0.0045, 0.7145, 0.6389, 23.7949),
        (0.0026, 0.9078, 0.8499, 26.3781),
    ),
    "cheng2020-attn-mse q6": Published(
        (0.0005, 0.9138, 0.9609, 34.5608),
        (47.0159, 97.80),
        (0.008, 0.568, 0.4208, 21.8606),
        (0.0078, 0.7452, 0.5713, 21.769),
    ),
    "cheng2020-attn-ms-ssim q6": Published(
        (0.0006, 0.9538, 0.9727, 34.0428),
        (37.3312, 97.30),
        (0.0044, 0.718, 0.6418, 23.8619),
        (0.0026, 0.9098, 0.8523, 26.5122),
    ),
}
"""By "codec" or "codec point"."""

VOLUMES: dict[str, tuple[float, float, float, float]] = {
    "compressed to raw image": (0.3344, 0.9220, 0.9484, 28.1366),
    "prediction from compressed to truth": (0.0010, 0.8495, 0.5981, 30.0605),
    "prediction from raw to truth": (0.0006, 0.9268, 0.9066, 32.6057),
    "prediction from compressed to prediction from raw": (0.0015, 0.8203, 0.6576, 28.5425),
}
"""Table 5, of the factorised prior in three dimensions: MSE, SSIM, correlation, PSNR in dB; it saved 97.74 %."""
SAVED_3D_PERCENT = 97.74


def row_of(codec: str, point: str) -> Published | None:
    """Return the published row of a codec at a point, where there is one."""
    return TABLES.get(f"{codec} {point}", TABLES.get(codec))
