"""Reading a DICOM study to sorted volumes, against what a user would otherwise pick.

Uncompressed: 3 series x 30 slices of 512 x 512, about 80 header elements and a private block. Compressed: the first
slices of each series, lossless. Every volume is compared with what was written, bit for bit, in either direction of the
slices. Files are in the page cache.

    python benchmarks/intake.py [--rounds 7] [--compressed-slices 4] [--only uncompressed,headers,jpegls,rle,j2k] [--json]

Needs pydicom with pyjpegls and pylibjpeg-openjpeg (extra ``dev``); SimpleITK and MONAI with itk where installed.
"""

from __future__ import annotations

import argparse
import importlib.util
import logging
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from memory import PLANES, SLICES, write_study
from rounds import compare, machine, report

Volumes = dict[str, Any]
SYNTAXES = {"jpegls": "1.2.840.10008.1.2.4.80", "rle": "1.2.840.10008.1.2.5", "j2k": "1.2.840.10008.1.2.4.90"}


def condyle_volumes(study: Path) -> Volumes:
    from condyle.intake import load_volume, open_study

    opened = open_study(study)
    return {str(one.role.plane.value): load_volume(one).pixels for one in opened.series}


def condyle_study(study: Path) -> Any:
    """All that ``open_study`` does without pixels: headers, stacks, geometry, roles, problems."""
    from condyle.intake import open_study

    return open_study(study)


def condyle_headers(study: Path) -> Any:
    """The header of every file, and what it is."""
    from condyle.intake.sorting import sort_files

    return sort_files(study).dicom


def pydicom_volumes(study: Path) -> Volumes:
    import pydicom

    series: dict[str, list[Any]] = {}
    for path in study.rglob("*.dcm"):
        one = pydicom.dcmread(path)
        normal = np.cross(one.ImageOrientationPatient[:3], one.ImageOrientationPatient[3:])
        series.setdefault(path.parent.name, []).append((float(np.abs(normal) @ np.array(one.ImagePositionPatient, float)), one.pixel_array))
    return {name: np.stack([pixels for _, pixels in sorted(slices, key=lambda pair: pair[0])]) for name, slices in series.items()}


def pydicom_headers(study: Path) -> Any:
    import pydicom

    found = []
    for path in study.rglob("*.dcm"):
        one = pydicom.dcmread(path, stop_before_pixels=True)
        found.append((one.SeriesInstanceUID, tuple(one.ImagePositionPatient), one.Rows, one.Columns))
    return found


def simpleitk(study: Path) -> Volumes:
    import SimpleITK as sitk

    volumes = {}
    for folder in sorted(path for path in study.iterdir() if path.is_dir()):
        reader = sitk.ImageSeriesReader()
        reader.SetFileNames(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(folder)))
        volumes[folder.name] = sitk.GetArrayFromImage(reader.Execute())
    return volumes


def monai_itk(study: Path) -> Volumes:
    from monai.transforms import LoadImage

    load = LoadImage(reader="ITKReader", image_only=True)
    return {folder.name: np.asarray(load(str(folder))).transpose(2, 1, 0) for folder in sorted(study.iterdir()) if folder.is_dir()}


def same(volumes: Volumes, truth: Volumes) -> bool:
    """Bit for bit, in either direction along the slices."""
    return set(volumes) == set(truth) and all(
        np.array_equal(volumes[name], pixels) or np.array_equal(volumes[name][::-1], pixels) for name, pixels in truth.items()
    )


def compress(study: Path, target: Path, syntax: str, slices: int) -> None:
    """The first slices of each series in another transfer syntax."""
    import pydicom

    for plane in PLANES:
        (target / plane).mkdir(parents=True)
        objects = [pydicom.dcmread(path) for path in (study / plane).glob("*.dcm")]
        for one in sorted(objects, key=lambda item: int(item.InstanceNumber))[:slices]:
            one.compress(syntax, generate_instance_uid=False)
            one.save_as(target / plane / f"{int(one.InstanceNumber):04d}.dcm", enforce_file_format=True)


def contenders() -> dict[str, Callable[[Path], Any]]:
    found: dict[str, Callable[[Path], Any]] = {"pydicom loop": pydicom_volumes, "condyle": condyle_volumes}
    if importlib.util.find_spec("SimpleITK"):
        found["SimpleITK"] = simpleitk
    if importlib.util.find_spec("monai") and importlib.util.find_spec("itk"):
        found["MONAI, ITKReader"] = monai_itk
    return found


def run(part: str, study: Path, rounds: int, as_json: bool, readers: dict[str, Callable[[Path], Any]], reference: str) -> None:
    results = compare({name: (lambda read=read: read(study)) for name, read in readers.items()}, reference=reference, rounds=rounds)
    if as_json:
        print(*(one.as_json() for one in results.values()), sep="\n", flush=True)
    else:
        print(f"\n{part}\n\n{report(results)}", flush=True)
    if reference == "pydicom loop":
        for name, one in results.items():
            if not same(one.last, results[reference].last):
                raise SystemExit(f"{part}: {name} does not give the same volumes")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--compressed-slices", type=int, default=4)
    parser.add_argument("--only", default="uncompressed,headers,jpegls,rle,j2k")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    warnings.filterwarnings("ignore")
    logging.disable(logging.WARNING)
    print(machine("pydicom", "SimpleITK", "monai", "itk", "imagecodecs", "pyjpegls", "pylibjpeg-openjpeg"))
    parts = asked.only.split(",")
    with tempfile.TemporaryDirectory() as folder:
        study = Path(folder) / "study"
        study.mkdir()
        write_study(study)
        if "uncompressed" in parts:
            run(f"uncompressed, 3 x {SLICES} slices", study, asked.rounds, asked.json, contenders(), "pydicom loop")
        if "headers" in parts:
            reference = "pydicom, stop_before_pixels"
            readers = {reference: pydicom_headers, "condyle, headers": condyle_headers, "condyle, whole study": condyle_study}
            run("headers of the same folder", study, asked.rounds, asked.json, readers, reference)
        for part in parts:
            if part in SYNTAXES:
                compress(study, Path(folder) / part, SYNTAXES[part], asked.compressed_slices)
                readers = {name: read for name, read in contenders().items() if name in ("pydicom loop", "condyle")}
                title = f"{part}, 3 x {asked.compressed_slices} slices"
                run(title, Path(folder) / part, asked.rounds, asked.json, readers, "pydicom loop")


if __name__ == "__main__":
    main()
