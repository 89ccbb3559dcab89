"""Peak memory of reading a study: DICOM files to prepared float32 volumes, each contender in a fresh process.

3 series x 30 slices of 512 x 512, uncompressed, about 80 header elements and a private block; resampled to 0.5 mm in the
image plane, clipped and normalised. Peak is VmHWM of the fresh process, imports included. Wall time of the whole process
is in the table too, in interleaved rounds.

    python benchmarks/memory.py [--rounds 5] [--json]

Needs monai, torch, itk, SimpleITK, pydicom and scipy beside condyle.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from rounds import compare, fresh, machine, peak_mib, report

SPACING = 0.5
STEP_MM, PIXEL_MM, SLICES, SIZE = 3.5, 0.3125, 30, 512
# ImageOrientationPatient and the step of one slice, LPS.
PLANES = {
    "sagittal": ([0, 1, 0, 0, 0, -1], [1, 0, 0]),
    "coronal": ([1, 0, 0, 0, 0, -1], [0, 1, 0]),
    "axial": ([1, 0, 0, 0, 1, 0], [0, 0, 1]),
}


def write_study(folder: Path) -> None:
    """A folder a series, a file a slice, names unrelated to the order of the slices."""
    import numpy as np
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

    study = generate_uid()
    for number, (plane, (orientation, step)) in enumerate(PLANES.items(), start=1):
        rng, series = np.random.default_rng(number), generate_uid()
        y, x = np.mgrid[-1 : 1 : SIZE * 1j, -1 : 1 : SIZE * 1j]
        body = 500 * np.exp(-((y / 0.8) ** 4) - (x / 0.7) ** 4) * (1 + 0.3 * np.sin(20 * x) * np.cos(15 * y))
        (folder / plane).mkdir()
        for k, name in enumerate(rng.permutation(SLICES)):
            uid = generate_uid()
            meta = FileMetaDataset()
            meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = MRImageStorage, uid
            meta.TransferSyntaxUID = ExplicitVRLittleEndian
            d = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
            d.SOPClassUID, d.SOPInstanceUID, d.StudyInstanceUID, d.SeriesInstanceUID = MRImageStorage, uid, study, series
            d.Modality, d.PatientID, d.PatientName, d.BodyPartExamined = "MR", "P0", "Phantom^P", "KNEE"
            d.Manufacturer, d.SeriesDescription, d.ImageType = "Maker", f"pd fs {plane}", ["ORIGINAL", "PRIMARY", "M", "ND"]
            d.EchoTime, d.RepetitionTime, d.MagneticFieldStrength, d.ScanningSequence, d.SequenceVariant = 33, 3000, 3, "SE", "SK"
            d.SeriesNumber, d.InstanceNumber, d.SliceThickness = number, k + 1, 3
            d.ImageOrientationPatient, d.PixelSpacing = orientation, [PIXEL_MM, PIXEL_MM]
            d.ImagePositionPatient = [float(a + k * STEP_MM * b) for a, b in zip((-80, -80, -50), step, strict=True)]
            d.SamplesPerPixel, d.PhotometricInterpretation, d.Rows, d.Columns = 1, "MONOCHROME2", SIZE, SIZE
            d.BitsAllocated, d.BitsStored, d.HighBit, d.PixelRepresentation = 16, 16, 15, 1
            block = d.private_block(0x0029, "MAKER PRIVATE", create=True)
            for element in range(40):
                block.add_new(element, "LO", f"value {element}")
            block.add_new(0x40, "OB", bytes(8192))
            d.PixelData = np.hypot(body + rng.normal(0, 9, body.shape), rng.normal(0, 9, body.shape)).astype("<i2").tobytes()
            d["PixelData"].VR = "OW"
            d.save_as(folder / plane / f"IM{name:04d}.dcm", enforce_file_format=True)


def floor(folder: str) -> list[object]:
    import numpy

    return [numpy.zeros(1)]


def condyle(folder: str) -> list[object]:
    from condyle.intake import load_volume, open_study
    from condyle.prepare import prepare

    steps = [{"step": "orient"}, {"step": "resample", "spacing_mm": SPACING}, {"step": "standardise"}]
    # One series after the other: the raw volume of a series is gone before the next is read.
    return [prepare(load_volume(series), steps).pixels for series in open_study(folder).series]


def pydicom_scipy(folder: str) -> list[object]:
    import numpy as np
    import pydicom
    from scipy.ndimage import zoom

    out: list[object] = []
    for series in sorted(Path(folder).iterdir()):
        files = [pydicom.dcmread(path) for path in series.iterdir()]
        normal = np.cross(*np.reshape(files[0].ImageOrientationPatient, (2, 3)).astype(float))
        files.sort(key=lambda file: float(normal @ np.array(file.ImagePositionPatient, float)))
        volume = np.stack([file.pixel_array for file in files]).astype(np.float32)
        volume = zoom(volume, (1, PIXEL_MM / SPACING, PIXEL_MM / SPACING), order=1)
        volume = np.clip(volume, *np.percentile(volume, (1, 99)))
        out.append((volume - volume.mean()) / volume.std())
    return out


def simpleitk(folder: str) -> list[object]:
    import numpy as np
    import SimpleITK as sitk

    out: list[object] = []
    for series in sorted(Path(folder).iterdir()):
        image = sitk.ReadImage(sitk.ImageSeriesReader.GetGDCMSeriesFileNames(str(series)))
        spacing = (SPACING, SPACING, image.GetSpacing()[2])
        size = [round(n * have / want) for n, have, want in zip(image.GetSize(), image.GetSpacing(), spacing, strict=True)]
        image = sitk.Resample(
            image, size, sitk.Transform(), sitk.sitkLinear, image.GetOrigin(), spacing, image.GetDirection(), 0, sitk.sitkFloat32
        )
        volume = sitk.GetArrayFromImage(image)
        volume = np.clip(volume, *np.percentile(volume, (1, 99)))
        out.append((volume - volume.mean()) / volume.std())
    return out


def monai_itk(folder: str) -> list[object]:
    from monai.transforms import Compose, LoadImaged, NormalizeIntensityd, Orientationd, ScaleIntensityRangePercentilesd, Spacingd

    codes = {"sagittal": "LIP", "coronal": "PIL", "axial": "SPL"}
    out: list[object] = []
    for series in sorted(Path(folder).iterdir()):
        pipeline = Compose(
            [
                LoadImaged("image", reader="ITKReader", ensure_channel_first=True),
                Orientationd("image", axcodes=codes[series.name], labels=(("L", "R"), ("P", "A"), ("I", "S"))),
                Spacingd("image", pixdim=(STEP_MM, SPACING, SPACING), mode="bilinear"),
                ScaleIntensityRangePercentilesd("image", 1, 99, 0, 1, clip=True),
                NormalizeIntensityd("image"),
            ]
        )
        out.append(pipeline({"image": str(series)})["image"])
    return out


CONTENDERS: dict[str, Callable[[str], list[object]]] = {
    "MONAI, ITKReader": monai_itk,
    "SimpleITK": simpleitk,
    "pydicom + scipy": pydicom_scipy,
    "condyle": condyle,
    "floor: import numpy": floor,
}


def main() -> None:
    if len(sys.argv) == 4 and sys.argv[1] == "--one":
        done = CONTENDERS[sys.argv[2]](sys.argv[3])
        print(json.dumps({"peak": peak_mib(), "shapes": [list(getattr(volume, "shape", ())) for volume in done]}))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true", help="one JSON line a contender")
    arguments = parser.parse_args()
    print(machine("condyle", "monai", "torch", "itk", "SimpleITK", "pydicom", "scipy"))
    peaks: dict[str, list[float]] = {name: [] for name in CONTENDERS}
    with tempfile.TemporaryDirectory() as folder:
        write_study(Path(folder))

        def run(name: str) -> dict[str, object]:
            done = fresh([__file__, "--one", name, folder])
            peaks[name].append(done["peak"])
            return done

        results = compare({name: lambda name=name: run(name) for name in CONTENDERS}, reference="MONAI, ITKReader", rounds=arguments.rounds)
    print("\n".join(one.as_json() for one in results.values()) if arguments.json else report(results))
    reference = statistics.median(peaks["MONAI, ITKReader"])
    print("\n| | peak MiB | fraction of MONAI's | volumes |\n|---|---|---|---|")
    for name, own in peaks.items():
        peak = statistics.median(own)
        print(f"| {name} | {peak:.0f} | **{peak / reference:.3f}** | {results[name].last['shapes']} |")


if __name__ == "__main__":
    main()
