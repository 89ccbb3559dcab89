"""A made-up folder in the layout of MRNet-v1.0."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.knees import draw

PLANES = ("axial", "coronal", "sagittal")


def write_mrnet(folder: Path, *, train: int, valid: int, slices: int = 5, size: int = 48) -> Path:
    """Exams 0000 ... and 1130 ...; an odd exam has a torn ACL and is abnormal, every third a torn meniscus."""
    for name, first, count in (("train", 0, train), ("valid", 1130, valid)):
        exams = range(first, first + count)
        values = {"acl": [exam % 2 for exam in exams], "meniscus": [int(exam % 3 == 0) for exam in exams]}
        values["abnormal"] = [int(a or b) for a, b in zip(values["acl"], values["meniscus"], strict=True)]
        for plane in PLANES:
            (folder / name / plane).mkdir(parents=True, exist_ok=True)
            for exam, acl, meniscus in zip(exams, values["acl"], values["meniscus"], strict=True):
                stack, _ = draw(plane, (meniscus, 0, acl), exam, slices=slices, size=size)
                np.save(folder / name / plane / f"{exam:04d}.npy", np.clip(stack / 4, 0, 255).astype(np.uint8))
        for task, own in values.items():
            (folder / f"{name}-{task}.csv").write_text("".join(f"{exam:04d},{value}\n" for exam, value in zip(exams, own, strict=True)))
    return folder
