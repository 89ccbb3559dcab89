"""Where marked lesions lie in the stacks of a study, by which attention can be taught."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from condyle.cohorts.lesions import Lesion

Bytes = NDArray[np.uint8]
WIDER_MM = 4.0  # about half a cell, so that a small lesion between two cells lies in one of them


def marked(
    note: Mapping[str, Any], slots: Sequence[str], findings: Sequence[str], lesions: Sequence[Lesion], shape: tuple[int, int, int]
) -> Bytes:
    """Pixels within a lesion.

    Parameters
    ----------
    note : of ``Store.facts``: by slot the affine of its stack and the slice behind each of its places
    findings : columns of the network; one of a single compartment, level or side is not marked, because a lesion tells none
    lesions : of this study
    shape : (slice, row, column) of a stack

    Returns
    -------
    [finding, slot, slice, row, column], 255 inside and 0 outside
    """
    out = np.zeros((len(findings), len(slots), *shape), np.uint8)
    plane = np.stack(np.meshgrid(np.arange(shape[1]), np.arange(shape[2]), indexing="ij"), -1).astype(np.float64)
    for number, slot in enumerate(slots):
        if slot not in note["lies"]:
            continue
        affine, index = np.array(note["lies"][slot]["affine"]), np.array(note["lies"][slot]["index"])
        for lesion in lesions:
            columns = [column for column, name in enumerate(findings) if name.partition(">=")[0] == lesion.finding]
            reach = lesion.radius_mm + WIDER_MM
            for place in np.flatnonzero(index >= 0).tolist() if columns else ():
                off = affine[:3, 0] * index[place] + affine[:3, 3] - np.array(lesion.centre_mm)
                far = ((plane @ affine[:3, 1:3].T + off) ** 2).sum(-1)
                out[columns, number, place] |= np.where(far <= reach**2, np.uint8(255), np.uint8(0))
    return out


def in_parts(inside: Bytes, parts: int) -> NDArray[np.bool_]:
    """[..., row, column] pixels -> [..., part]: regions of which at least half lies inside, and the one that holds most of it."""
    planes = inside.reshape(-1, *inside.shape[-2:])
    out = np.zeros((len(planes), parts * parts), bool)
    for number in np.flatnonzero(planes.any((1, 2))).tolist():
        share = cv2.resize(planes[number], (parts, parts), interpolation=cv2.INTER_AREA).ravel()
        out[number] = share >= 128
        out[number, int(share.argmax())] = True
    return out.reshape(*inside.shape[:-2], -1)
