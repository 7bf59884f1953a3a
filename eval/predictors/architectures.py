"""What each architecture is in numbers: axes, depth, and how far a sample sees."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Architecture:
    """One network of label-free prediction.

    Attributes
    ----------
    name
        As the command line and model files call it.
    ndim
        2 for planes, 3 for volumes.
    depth
        How often its U-Net halves the resolution.
    adversarial
        Whether it is trained against a discriminator.
    crop
        Sides of a training crop.
    batch
        Crops of a training step.
    reports
        How often a training is measured.
    """

    name: str
    ndim: int
    depth: int
    adversarial: bool
    crop: tuple[int, ...]
    batch: int
    reports: int

    @property
    def cell(self) -> int:
        """Sides of planes and volumes are brought to multiples of this many samples."""
        return 1 << self.depth

    @property
    def halo(self) -> int:
        """How far beyond its cell an output sample sees, in samples, rounded up to whole cells.

        Read from the output backwards: the last three convolutions of the finest level reach 3 samples, which is 2
        cells of the next level; there two convolutions add 2, and so on down, 4 cells at each level. Upwards from
        the coarsest level each halving doubles the reach and two convolutions add 2: from 4 to 10, 22, 46, 94.

        Examples
        --------
        >>> ARCHITECTURES["fnet2d"].halo, ARCHITECTURES["fnet3d"].halo
        (96, 48)
        """
        return 6 * self.cell


ARCHITECTURES = {
    architecture.name: architecture
    for architecture in (
        Architecture("fnet2d", 2, 4, False, (160, 160), 8, 12),
        Architecture("pix2pix", 2, 4, True, (160, 160), 8, 12),
        Architecture("fnet3d", 3, 3, False, (16, 96, 96), 2, 4),
    )
}
"""FNet 3D halves the resolution three times, not four as in the paper: our volumes have 13 planes."""


def architecture_of(name: str) -> Architecture:
    """Return the architecture called `name`.

    Raises
    ------
    ValueError
        If there is none; the message lists them.
    """
    if name not in ARCHITECTURES:
        raise ValueError(f"unknown architecture {name!r}; there are: {', '.join(ARCHITECTURES)}")
    return ARCHITECTURES[name]
