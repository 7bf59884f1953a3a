from pathlib import Path

import numpy as np
import pytest
import tifffile

from eval import subjects
from eval.images import Source
from eval.subjects import EXPOSURES, all_subjects, exposures, levelled, middle, some_of_each_set, subject_of


def frames(folder: Path, offsets: list[int]) -> None:
    """Write frames of one field under lamps of several brightnesses, each with noise of its own."""
    rng = np.random.default_rng(2)
    field = 400 + 100 * np.sin(np.add.outer(np.arange(64), np.arange(72)) / 9)
    folder.mkdir(parents=True)
    for i, offset in enumerate(offsets):
        frame = rng.normal(field + offset, 20)
        tifffile.imwrite(folder / f"t{i}.tif", np.rint(frame).astype(np.uint16))


def test_a_subject_is_the_middle_of_the_middle_plane(tmp_path: Path) -> None:
    stack = np.random.default_rng(0).integers(1, 500, (5, 40, 60)).astype(np.uint16)
    np.save(tmp_path / "a.npy", stack)
    subject = subject_of(Source("s", "a.npy", tmp_path / "a.npy"), 20)
    assert subject.plane == 2
    np.testing.assert_array_equal(subject.image, stack[2, 10:30, 20:40])
    assert subject.data_range == np.ptp(stack[2, 10:30, 20:40])
    assert subject_of(Source("s", "a.npy", tmp_path / "a.npy", (0, 3, 4)), 20).plane == 3


def test_padding_is_cut_away_before_the_middle_is_taken(tmp_path: Path) -> None:
    inner = np.random.default_rng(0).integers(1, 500, (30, 30)).astype(np.uint16)
    np.save(tmp_path / "a.npy", np.pad(inner, ((0, 50), (9, 3))))
    np.testing.assert_array_equal(subject_of(Source("s", "a", tmp_path / "a.npy"), 100).image, inner)


def test_what_cannot_be_measured_is_said_and_left_out(tmp_path: Path) -> None:
    for name, image in (
        ("float", np.ones((9, 9))),
        ("flat", np.ones((9, 9), np.uint8)),
        ("good", np.eye(9, dtype="u1")),
    ):
        np.save(tmp_path / f"{name}.npy", image)
    said: list[str] = []
    sources = [Source("s", name, tmp_path / f"{name}.npy") for name in ("float", "flat", "good", "none")]
    found = list(all_subjects(sources, False, None, None, 64, None, said.append))
    assert [subject.file for subject in found] == ["good"]
    assert [line.split(" is left out")[0] for line in said] == ["float", "flat", "none"]
    with pytest.raises(ValueError, match="one grey level"):
        subject_of(sources[1], 64)


def test_tiny_held_out_images_are_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Their headers would be measured; files that a user names are taken as they are."""
    np.save(tmp_path / "a.npy", np.random.default_rng(0).integers(0, 99, (60, 120)).astype(np.uint16))
    source = Source("s", "a.npy", tmp_path / "a.npy")
    monkeypatch.setattr(subjects, "heldout_sources", lambda data: ([source], []))
    said: list[str] = []
    assert not list(all_subjects([], True, None, 3, 512, None, said.append))
    assert said == ["a.npy is left out: 60 x 120 pixels are too few"]
    assert len(list(all_subjects([source], False, None, 3, 512, None, said.append))) == 1


def test_some_images_of_each_set_are_taken() -> None:
    sources = [Source("ab"[i >= 7], str(i), Path(str(i))) for i in range(9)]
    assert [source.name for source in some_of_each_set(sources, 3)] == ["0", "3", "6", "7", "8"]
    assert middle(np.zeros((5, 9)), 6).shape == (5, 6)


def test_exposures_are_brought_to_one_level_and_averaged(tmp_path: Path) -> None:
    """The mean of the others is nearer to the field than a frame; a frame under another lamp is left out."""
    folder = tmp_path / EXPOSURES
    frames(folder, [0, 0, 30, 0, 2000])
    found = list(exposures(folder, tmp_path, 64, None))
    assert [subject.file for subject in found] == [f"{EXPOSURES}/t{i}.tif" for i in range(4)]
    for subject in found:
        assert subject.truth is not None
        assert subject.seen
        noise = np.std(subject.truth - subject.image)
        assert 20 < noise < 27  # of one frame and of the mean of three: 20 * sqrt(1 + 1 / 3) = 23
    assert len(list(exposures(folder, tmp_path, 64, 2))) == 2


def test_levels_and_contrast_are_matched() -> None:
    field = np.add.outer(np.arange(32.0), np.arange(32.0) ** 1.1)
    np.testing.assert_allclose(levelled(3 * field + 50, field), field, atol=1e-9)
