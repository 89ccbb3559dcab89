"""Series -> Volume: the format's own loader decodes it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from condyle.errors import InputError
from condyle.intake.array import load_array
from condyle.intake.metaimage import load_metaimage
from condyle.intake.modality import load_dicom
from condyle.intake.nifti import load_nifti
from condyle.intake.picture import load_picture
from condyle.intake.refusal import problem_of
from condyle.study import Series, Study, Volume


def load_volume(series: Series) -> Volume:
    """Decode a series: modality values on slices sorted by position.

    Integers stay integers when the rescale is the identity. Raises ``InputError`` naming the file
    that cannot be decoded.
    """
    return _LOADERS[series.format](series)


def load_volumes(study: Study) -> tuple[Study, dict[str, Volume]]:
    """Decode every used series. One that cannot be decoded is marked unused with the reason; the rest goes on.

    Returns
    -------
    (the study with such series marked, volumes by series_id)
    """
    volumes: dict[str, Volume] = {}
    series = []
    for one in study.series:
        if one.used:
            try:
                volumes[one.series_id] = load_volume(one)
            except InputError as error:
                one = replace(one, used=False, problems=(*one.problems, problem_of(error)))
        series.append(one)
    return replace(study, series=tuple(series)), volumes


_LOADERS: dict[str, Callable[[Series], Volume]] = {
    "dicom": load_dicom,
    "nifti": load_nifti,
    "metaimage": load_metaimage,
    "npy": load_array,
    "picture": load_picture,
}
