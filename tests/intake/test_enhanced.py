"""Enhanced multi-frame objects: each frame from its own functional groups, else from those that all share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import EnhancedMRImageStorage

from condyle.errors import InputError
from condyle.intake import load_volume, open_studies, open_study
from tests.intake.writing import SAGITTAL, mr_object


def item(**values: Any) -> list[Dataset]:
    """A sequence of one item."""
    one = Dataset()
    for name, value in values.items():
        setattr(one, name, value)
    return [one]


def write(path: Path, pixels: NDArray[np.uint16], own: Callable[[Dataset, int], None], *, series: str = "1") -> Dataset:
    """An enhanced object whose frames share spacing and orientation; ``own`` fills the groups of frame k."""
    one = mr_object(pixels[0], series=series)
    one.SOPClassUID = one.file_meta.MediaStorageSOPClassUID = EnhancedMRImageStorage
    del one.ImagePositionPatient, one.ImageOrientationPatient, one.PixelSpacing, one.EchoTime
    one.NumberOfFrames, one.PixelData = len(pixels), pixels.tobytes()
    (shared,) = item(
        PixelMeasuresSequence=item(PixelSpacing=[0.5, 0.7], SliceThickness=3),
        PlaneOrientationSequence=item(ImageOrientationPatient=list(SAGITTAL)),
        MREchoSequence=item(EffectiveEchoTime=90.0),
    )
    one.SharedFunctionalGroupsSequence = [shared]
    one.PerFrameFunctionalGroupsSequence = []
    for k in range(len(pixels)):
        groups = Dataset()
        own(groups, k)
        one.PerFrameFunctionalGroupsSequence.append(groups)
    one.save_as(path, enforce_file_format=True)
    return one


@pytest.fixture
def pixels() -> NDArray[np.uint16]:
    """Six frames, all different."""
    return np.random.default_rng(7).integers(0, 900, (6, 8, 10)).astype(np.uint16)


def placed(order: list[int]) -> Callable[[Dataset, int], None]:
    """Frame k lies at the place of slice ``order[k]``, 4 mm apart towards the left."""

    def own(groups: Dataset, k: int) -> None:
        groups.PlanePositionSequence = item(ImagePositionPatient=[4.0 * order[k], 10.0, -20.0])

    return own


def test_frames_are_ordered_by_place_and_numbered_by_file(tmp_path: Path, pixels: NDArray[np.uint16]) -> None:
    order = [3, 0, 5, 1, 4, 2]
    write(tmp_path / "x.dcm", pixels, placed(order))
    (series,) = open_study(tmp_path).series
    volume = load_volume(series)
    assert [frame.number for frame in series.source.frames] == [order.index(k) for k in range(6)]
    assert np.array_equal(volume.pixels[order], pixels)
    assert volume.geometry.spacing == pytest.approx((4.0, 0.5, 0.7))
    np.testing.assert_allclose(volume.geometry.to_world((2, 0, 0)), (8.0, 10.0, -20.0))
    assert series.source.frames[0].where == "x.dcm, frame 2"


def test_a_group_of_the_frame_goes_before_the_shared_one(tmp_path: Path, pixels: NDArray[np.uint16]) -> None:
    """Two echoes at each place: the second one of its own, the first as all share it."""

    def own(groups: Dataset, k: int) -> None:
        placed([0, 1, 2, 0, 1, 2])(groups, k)
        if k >= 3:
            groups.MREchoSequence = item(EffectiveEchoTime=20.0)

    write(tmp_path / "x.dcm", pixels, own)
    study = open_study(tmp_path)
    found = {one.headers["echo_time"]: load_volume(one).pixels for one in study.series}
    assert set(found) == {20.0, 90.0}
    assert np.array_equal(found[90.0], pixels[:3])
    assert np.array_equal(found[20.0], pixels[3:])
    assert study.unused == ()


@pytest.mark.parametrize(("group", "values"), [
    ("FrameContentSequence", {"TemporalPositionIndex": (1, 2)}),
    ("FrameContentSequence", {"StackID": ("1", "2")}),
    ("FrameContentSequence", {"FrameAcquisitionNumber": (1, 2)}),
    ("MRDiffusionSequence", {"DiffusionBValue": (0.0, 800.0)}),
    ("CardiacSynchronizationSequence", {"NominalCardiacTriggerDelayTime": (10.0, 300.0)}),
    ("MRImageFrameTypeSequence", {"ComplexImageComponent": ("MAGNITUDE", "PHASE")}),
])  # fmt: skip
def test_frames_at_one_place_are_told_apart(
    tmp_path: Path, pixels: NDArray[np.uint16], group: str, values: dict[str, tuple[Any, Any]]
) -> None:
    ((name, (first, second)),) = values.items()

    def own(groups: Dataset, k: int) -> None:
        placed([0, 0, 1, 1, 2, 2])(groups, k)
        more = {"FrameType": ["ORIGINAL", "PRIMARY"]} if group == "MRImageFrameTypeSequence" else {}
        setattr(groups, group, item(**{name: second if k % 2 else first}, **more))

    write(tmp_path / "x.dcm", pixels, own)
    study = open_study(tmp_path)
    volumes = sorted(load_volume(one).pixels.tobytes() for one in study.series)
    assert volumes == sorted((pixels[::2].tobytes(), pixels[1::2].tobytes()))


def test_fewer_groups_than_frames_and_none_at_all_are_no_crash(tmp_path: Path, pixels: NDArray[np.uint16]) -> None:
    """Frames without a place have no geometry; the numbers of frames are unique and complete."""
    one = write(tmp_path / "x.dcm", pixels, placed([0, 1, 2, 3, 4, 5]))
    one.PerFrameFunctionalGroupsSequence = one.PerFrameFunctionalGroupsSequence[:4]
    one.save_as(tmp_path / "x.dcm", enforce_file_format=True)
    (series,) = open_study(tmp_path).series
    assert series.geometry is None
    assert {problem.code for problem in series.problems} == {"geometry-missing"}
    assert np.array_equal(load_volume(series).pixels, pixels)
    del one.PerFrameFunctionalGroupsSequence, one.SharedFunctionalGroupsSequence
    one.save_as(tmp_path / "x.dcm", enforce_file_format=True)
    assert open_study(tmp_path).series[0].geometry is None


def test_groups_that_cannot_be_parsed_are_said(tmp_path: Path, pixels: NDArray[np.uint16]) -> None:
    write(tmp_path / "x.dcm", pixels, placed([0, 1, 2, 3, 4, 5]))
    data = (tmp_path / "x.dcm").read_bytes()
    assert data.count(b"0.5\\0.7 ") == 1
    (tmp_path / "x.dcm").write_bytes(data.replace(b"0.5\\0.7 ", b"zero\\0.7"))
    opened = open_studies(tmp_path)
    assert not opened.studies
    assert [(problem.code, problem.where) for problem in opened.problems] == [("frames-damaged", "x.dcm")]
    with pytest.raises(InputError, match="No MR study"):
        open_study(tmp_path)
