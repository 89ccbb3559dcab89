"""The contact sheet: every series of a study at a glance, and what Condyle takes it for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.report.statements import percent
from condyle.study import Geometry, Series, Study, Trait, Volume

_TILE, _SHOWN, _TEXT, _GAP = 240, 3, 560, 14
_INK, _SOFT, _WARN, _PAPER, _PANEL = (28, 33, 40), (95, 83, 70), (0, 55, 156), (255, 255, 255), (246, 244, 240)  # BGR
_LINE = 21  # pixels from one line of text to the next
_WRAP = 66  # characters that fit beside the pictures
_TRAITS = ("plane", "weighting", "fat_suppressed", "contrast", "side", "body_part")


def contact_sheet(study: Study, volumes: Mapping[str, Volume]) -> bytes:
    """A PNG: a row for each series with its middle slices, its role with source and confidence, its grid, its problems.

    Parameters
    ----------
    study : Study
    volumes : by series_id; a series without one is listed without pictures

    Returns
    -------
    the content of a PNG file; equal input gives equal bytes
    """
    import cv2

    rows = [_header(study), *(_series_row(series, volumes.get(series.series_id)) for series in study.series), _footer(study)]
    sheet = np.concatenate([row for row in rows if row.size], axis=0)
    done, content = cv2.imencode(".png", sheet)
    if not done:
        raise ValueError(f"the contact sheet of {sheet.shape} pixels cannot be stored as PNG")
    return content.tobytes()


def upright_slice(volume: Volume, k: int) -> tuple[NDArray[Any], float, float]:
    """One slice as radiologists hang it, with the mm from row to row and from column to column.

    Sagittal: head up, front to the left. Coronal: head up, patient's right on the left. Axial: front up,
    patient's right on the left.
    """
    geometry = volume.geometry
    pixels = volume.pixels[k]
    _, row_mm, column_mm = geometry.spacing
    down, right = _hanging(geometry)
    rows_run, columns_run = geometry.directions[:, 1], geometry.directions[:, 2]
    if abs(rows_run @ down) < abs(columns_run @ down):
        pixels, rows_run, columns_run, row_mm, column_mm = pixels.T, columns_run, rows_run, column_mm, row_mm
    if rows_run @ down < 0:
        pixels = pixels[::-1]
    if columns_run @ right < 0:
        pixels = pixels[:, ::-1]
    return pixels, row_mm, column_mm


def _hanging(geometry: Geometry) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """LPS directions that run down and to the right of the picture."""
    left, back, head = np.eye(3)
    return {"sagittal": (-head, back), "coronal": (-head, left), "axial": (back, left)}[geometry.plane]


def _tile(volume: Volume, k: int) -> NDArray[np.uint8]:
    """[row, column, BGR] of at most _TILE pixels, true to the millimetre in shape."""
    import cv2

    pixels, row_mm, column_mm = upright_slice(volume, k)
    values = np.nan_to_num(np.asarray(pixels, np.float32))
    low, high = np.percentile(values, (1, 98.5))  # a surface coil makes the fat beside it far too bright
    grey = np.clip((values - low) / max(float(high - low), 1e-6) * 255, 0, 255).astype(np.uint8)
    height, width = grey.shape[0] * row_mm, grey.shape[1] * column_mm
    scale = _TILE / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA if size[0] < grey.shape[1] else cv2.INTER_LINEAR)
    tile = np.zeros((_TILE, _TILE, 3), np.uint8)
    top, left = (_TILE - small.shape[0]) // 2, (_TILE - small.shape[1]) // 2
    tile[top : top + small.shape[0], left : left + small.shape[1]] = small[..., None]
    _write(tile, f"{k + 1}", 8, _TILE - 10, (255, 255, 255))
    return tile


def _series_row(series: Series, volume: Volume | None) -> NDArray[np.uint8]:
    lines = list(_lines(series))
    row = _blank(max(_TILE, _LINE * len(lines) + 8) + _GAP)
    row[: _GAP // 2] = _PAPER
    for number, (text, colour, bold) in enumerate(lines):
        _write(row, text, _SHOWN * (_TILE + 6) + 18, _GAP + 12 + _LINE * number, colour, bold=bold)
    for number, k in enumerate(_middle(volume.shape[0]) if volume is not None else ()):
        assert volume is not None
        row[_GAP // 2 : _GAP // 2 + _TILE, number * (_TILE + 6) : number * (_TILE + 6) + _TILE] = _tile(volume, k)
    if volume is None:
        _write(row, "no picture", 20, _GAP // 2 + _TILE // 2, _SOFT)
    return row


def _middle(slices: int) -> list[int]:
    """The slices at a quarter, a half and three quarters."""
    return sorted({round((slices - 1) * share) for share in (0.25, 0.5, 0.75)})


def _lines(series: Series) -> Iterator[tuple[str, tuple[int, int, int], bool]]:
    name = f"Series {series.number}" if series.number is not None else "Series"
    yield f"{name}   {series.series_id}   {series.format}", _INK, True
    if not series.used:
        yield "not used", _WARN, True
    for trait_name in _TRAITS:
        trait: Trait = getattr(series.role, trait_name)
        if trait.value is not None or trait.conflict:
            yield _trait(trait_name, trait), _WARN if trait.conflict or trait.confidence < 0.5 else _INK, False
    if series.role.weighting.value is None:
        yield "weighting unknown", _WARN, False
    if timing := _timing(series.headers):
        yield timing, _SOFT, False
    for line in _wrapped(_grid(series.geometry)):
        yield line, _SOFT, False
    for problem in series.problems:
        for line in _wrapped(f"{problem.severity}: {problem.what}"):
            yield line, _WARN, False


def _trait(name: str, trait: Trait) -> str:
    value = {True: "yes", False: "no"}[trait.value] if isinstance(trait.value, bool) else str(trait.value or "unknown")
    doubt = ", witnesses disagree" if trait.conflict else ""
    return f"{name.replace('_', ' ')}: {value}   ({trait.source}, {percent(trait.confidence)}{doubt})"


def _timing(headers: Mapping[str, Any]) -> str:
    """'TE 102 ms, TR 3500 ms': tells stacks apart that look alike."""
    names = (("TE", "echo_time"), ("TR", "repetition_time"), ("TI", "inversion_time"))
    return ", ".join(f"{short} {float(headers[name]):.4g} ms" for short, name in names if isinstance(headers.get(name), (int, float)))


def _grid(geometry: Geometry | None) -> str:
    if geometry is None:
        return "geometry unknown"
    slices, rows, columns = geometry.shape
    dz, dy, dx = geometry.spacing
    size = f"{slices} x {rows} x {columns} (slices, rows, columns)"
    if not geometry.calibrated:
        return f"{size}; size in mm unknown"
    tilt = f", tilted {geometry.tilt_degrees:.0f} degrees" if geometry.tilt_degrees >= 1 else ""
    return f"{size}, {dz:.2f} x {dy:.2f} x {dx:.2f} mm ({geometry.spacing_source}){tilt}"


def _header(study: Study) -> NDArray[np.uint8]:
    row = _blank(48, _PAPER)
    used = sum(series.used for series in study.series)
    _write(row, f"Study {study.study_key}   {used} of {len(study.series)} series usable   research use only", 6, 30, _INK, bold=True)
    return row


def _footer(study: Study) -> NDArray[np.uint8]:
    lines = [line for problem in study.problems for line in _wrapped(f"{problem.severity}: {problem.what} {problem.where}", 130)]
    lines += [f"{len(study.unused)} files belong to no series"] if study.unused else []
    row = _blank(_LINE * len(lines) + 12, _PAPER)
    for number, line in enumerate(lines):
        _write(row, line, 6, 20 + _LINE * number, _WARN)
    return row


def _blank(height: int, colour: Sequence[int] = _PANEL) -> NDArray[np.uint8]:
    return np.full((height, _SHOWN * (_TILE + 6) + _TEXT, 3), colour, np.uint8)


def _wrapped(text: str, width: int = _WRAP) -> list[str]:
    import textwrap

    return textwrap.wrap(text, width)


def _write(picture: NDArray[np.uint8], text: str, x: int, y: int, colour: Sequence[int], *, bold: bool = False) -> None:
    import cv2

    # The built-in fonts of OpenCV 4 know ASCII only; what they lack is shown as '?'.
    plain = text.encode("ascii", "replace").decode("ascii")
    cv2.putText(picture, plain, (x, y), cv2.FONT_HERSHEY_DUPLEX if bold else cv2.FONT_HERSHEY_SIMPLEX, 0.47, tuple(colour), 1, cv2.LINE_AA)
