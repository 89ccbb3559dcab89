"""Arrays in the layout of MRNet."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from condyle.errors import InputError
from condyle.intake import load_volume, open_studies, open_study


def test_three_planes_of_one_number_are_one_study(tmp_path: Path) -> None:
    for number in ("0000", "0001"):
        for k, plane in enumerate(("axial", "coronal", "sagittal")):
            folder = tmp_path / "train" / plane
            folder.mkdir(parents=True, exist_ok=True)
            np.save(folder / f"{number}.npy", np.random.default_rng(k).integers(0, 255, (3 + k, 8, 8)).astype(np.uint8))
    opened = open_studies(tmp_path)
    assert len(opened.studies) == 2
    for study in opened.studies:
        assert [one.role.plane.value for one in study.series] == ["axial", "coronal", "sagittal"]
        assert [load_volume(one).shape[0] for one in study.series] == [3, 4, 5]
        assert not any(one.geometry.calibrated for one in study.series if one.geometry)
        assert all("picture-upright" in {problem.code for problem in one.problems} for one in study.series)


def test_one_file_takes_its_plane_from_its_folder(tmp_path: Path) -> None:
    (tmp_path / "sagittal").mkdir()
    np.save(tmp_path / "sagittal" / "7.npy", np.zeros((3, 8, 8), np.uint8))
    assert open_study(tmp_path / "sagittal" / "7.npy").series[0].role.plane.value == "sagittal"
    assert len(open_study(tmp_path / "sagittal").series) == 1


def test_pickles_are_not_opened(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[object, ...]:
            return (Path.touch, (tmp_path / "ran",))

    np.save(tmp_path / "x.npy", np.array([[[Evil()]]], dtype=object), allow_pickle=True)
    with pytest.raises(InputError):
        open_study(tmp_path / "x.npy")
    assert not (tmp_path / "ran").exists()


def test_a_header_that_claims_more_than_there_is(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.zeros((3, 8, 8), np.uint8))
    raw = (tmp_path / "x.npy").read_bytes()
    (tmp_path / "x.npy").write_bytes(raw.replace(b"(3, 8, 8)", b"(9, 9, 9)"))
    assert "values end" in open_studies(tmp_path).problems[0].why


def test_order_and_byte_order_of_the_array(tmp_path: Path) -> None:
    values = np.arange(24).reshape(2, 3, 4)
    np.save(tmp_path / "x.npy", np.asfortranarray(values.astype(">i4")))
    volume = load_volume(open_study(tmp_path / "x.npy", overrides={"plane": "axial"}).series[0])
    assert np.array_equal(volume.pixels, values)
