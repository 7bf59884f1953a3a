"""The table of the detector of labels: what it counts, and which specimens it holds out."""

from io import StringIO
from pathlib import Path

import numpy as np
import tifffile

from eval.labels import judge, write


def test_images_and_what_is_made_of_them_are_counted(tmp_path: Path) -> None:
    """Every file counts as it is; masks and labels made of it are told from light; every second group is held out."""
    rng = np.random.default_rng(2)
    y, x = np.indices((96, 96))
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        image = rng.poisson(100 + 60 * np.sin(y / 9) * np.cos(x / 11)).astype("u2")
        tifffile.imwrite(tmp_path / name / "a.tif", image)
    (tmp_path / "two" / "masks").mkdir()
    tifffile.imwrite(
        tmp_path / "two" / "masks" / "xy_8bit_glialcells.tif", ((y // 20 + x // 30) % 2 * 255).astype("u1")
    )
    tallies = judge(tmp_path, lambda text: None)
    as_they_are = {(t.kind, t.made, t.part): (t.images, t.wrong) for t in tallies if t.made.startswith("as they")}
    assert as_they_are == {
        ("light", "as they are, one", "tuned"): (1, 0),
        ("light", "as they are, two", "held out"): (1, 0),
        ("names", "as they are, two", "tuned"): (1, 0),
    }
    assert sum(t.wrong for t in tallies if t.kind == "names") == 0
    file = StringIO()
    write(tallies, "python -m eval labels", file)
    assert len(file.getvalue().splitlines()) == len(tallies) + 3
