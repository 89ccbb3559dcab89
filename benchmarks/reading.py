"""From a DICOM study (T1 + T2, sagittal) to the HTML report, cold and warm, beside the same networks in torch.

cold   a fresh process for every run, from start to exit, imports included
warm   one process reads the study again and again; seconds a study after the first

The peer loads with MONAI (ITKReader), orients, resamples to the segmenter's pixels, scales, and runs networks of the same
architecture (weights at random: they take the same time) in torch eager fp32, on every slice and on as many crops as Condyle
cuts. It names no levels, measures nothing, draws no class maps and writes no report, so the ratios are on the low side. A second
peer is spared the slices that Condyle does not look at, which it could not know.

    python benchmarks/reading.py [--rounds 5] [--studies 10] [--json]

Needs monai, torch, itk and openvino beside condyle.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

from rounds import compare, fresh, machine, peak_mib, report

PEER, SPARED = "MONAI, torch eager", "the same, spared slices"


def condyle(folder: str, out: str) -> Callable[[], object]:
    """Study to report on disk. The engine is that of CONDYLE_ENGINE."""
    from condyle.intake import open_study
    from condyle.readers import load_package
    from condyle.report import write_report

    reader = load_package("lumbar")

    def run() -> object:
        return write_report(reader.read(open_study(folder)), Path(out), ("html",))

    return run


def monai_torch(folder: str, out: str, spared: bool = False) -> Callable[[], object]:
    """Study to logits."""
    import numpy as np
    import torch
    from monai.transforms import Compose, LoadImaged, Orientationd, ScaleIntensityRangePercentilesd, Spacingd

    from condyle.readers.lumbar.measured import names
    from condyle.readers.lumbar.regions import ENLARGED, NAMES
    from condyle.readers.lumbar.segment import GRID_MM
    from condyle.train.backbone import Backbone, n_features, read_out
    from condyle.train.grading import Head
    from condyle.train.segmentation_network import SegmentationNetwork

    counts = json.loads((Path(folder).parent / "counts.json").read_text())
    segmenter, backbone = SegmentationNetwork().eval(), Backbone()
    heads = [Head(2, n_features(), len(names(("t2", "t1"))), 11, 11, 64, 0.0, 0.0).eval() for _ in range(counts["heads"])]
    pipeline = Compose(
        [
            LoadImaged("image", reader="ITKReader", ensure_channel_first=True),
            Orientationd("image", axcodes="LIP", labels=(("L", "R"), ("P", "A"), ("I", "S"))),
            Spacingd("image", pixdim=(-1, GRID_MM, GRID_MM), mode="bilinear"),
            ScaleIntensityRangePercentilesd("image", 1, 99, -1, 1, clip=True),
        ]
    )

    def run() -> object:
        with torch.inference_mode():
            for series in sorted(path for path in Path(folder).iterdir() if path.is_dir()):
                volume = torch.as_tensor(np.asarray(pipeline({"image": str(series)})["image"]))[0]
                rows, columns = (-(-n // 32) * 32 for n in volume.shape[1:])
                padded = torch.full((len(volume), 1, rows, columns), -1.0)
                padded[:, 0, : volume.shape[1], : volume.shape[2]] = volume
                for one in padded[: counts["slices"]] if spared else padded:
                    segmenter(one[None])
            levels = counts["levels"]
            rows, columns = counts["crop"]
            crops = torch.rand(levels * 2, ENLARGED * rows, ENLARGED * columns)
            shares = torch.rand(levels * 2, len(NAMES), rows // 4, columns // 4)
            features = read_out(backbone(crops), shares).unflatten(0, (levels, 2))
            rest = torch.ones(levels, 2), torch.zeros(levels, len(names(("t2", "t1")))), torch.zeros(levels, 11)
            return [head(features, *rest) for head in heads]

    return run


MAKERS = {PEER: monai_torch, SPARED: partial(monai_torch, spared=True), "condyle": condyle, "condyle, openvino": condyle}
ENGINE = {"condyle, openvino": "openvino"}


def prepare(folder: Path) -> Path:
    """A simulated study, a folder a series, and how much of it Condyle looks at."""
    import shutil

    from condyle.intake import load_volume, open_study
    from condyle.readers import load_package
    from condyle.readers.lumbar.view import look
    from condyle.simulate import write_cohort

    write_cohort("lumbar", folder / "cohort", studies=1, seed=5)
    for number, series in enumerate(sorted({file.parent for file in (folder / "cohort").rglob("*.dcm")})):
        shutil.copytree(series, folder / "study" / str(number))
    study = open_study(folder / "study")
    reader = load_package("lumbar")
    reading = reader.read(study)
    by_id = {one.series_id: one for one in study.series}
    looked, before = [], None
    for series_id in reading.used_series.values():
        view = look(load_volume(by_id[series_id]), reader.network, before=before)
        looked.append(len(view.profile))
        before = before or view
    spec = reader.grader.spec
    counts = {
        "slices": math.ceil(statistics.mean(looked)), "levels": len({one.site.level for one in reading.findings if one.kind == "ordinal"}),
        "crop": [spec.rows, spec.columns], "heads": 3,
    }  # fmt: skip
    (folder / "counts.json").write_text(json.dumps(counts))
    print(f"a study of {len(study.series)} series; {counts}")
    return folder / "study"


def main() -> None:
    if len(sys.argv) == 6 and sys.argv[1] == "--one":
        run, number = MAKERS[sys.argv[2]](sys.argv[3], sys.argv[4]), int(sys.argv[5])
        run()
        start = time.perf_counter()
        for _ in range(number):
            run()
        took = (time.perf_counter() - start) / max(number, 1)
        print(json.dumps({"peak": peak_mib(), "seconds": took}))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--studies", type=int, default=10, help="studies a warm process reads")
    parser.add_argument("--json", action="store_true", help="one JSON line a contender")
    arguments = parser.parse_args()
    print(machine("condyle", "monai", "torch", "itk", "onnxruntime", "openvino"))
    with tempfile.TemporaryDirectory() as name:
        study = str(prepare(Path(name)))
        peaks: dict[str, list[float]] = {one: [] for one in MAKERS}

        def one(which: str, number: int) -> float:
            environment = {"CONDYLE_ENGINE": ENGINE.get(which, "onnxruntime")}
            done = fresh([os.path.abspath(__file__), "--one", which, study, f"{name}/out", str(number)], timeout=1200, **environment)
            peaks[which].append(done["peak"])
            return float(done["seconds"])

        cold = compare({which: lambda which=which: one(which, 0) for which in MAKERS}, reference=PEER, rounds=arguments.rounds, warm=1)
        print("cold: process start to exit\n" + ("\n".join(r.as_json() for r in cold.values()) if arguments.json else report(cold)))
        warm: dict[str, list[float]] = {which: [] for which in MAKERS}
        for number in range(max(2, arguments.rounds // 2)):
            for which in MAKERS if number % 2 == 0 else reversed(MAKERS):
                warm[which].append(one(which, arguments.studies))
        print(f"\nwarm: {arguments.studies} studies in one process\n\n| | s a study | ratio to {PEER} | range |\n|---|---|---|---|")
        for which, seconds in warm.items():
            ratios = [theirs / ours for theirs, ours in zip(warm[PEER], seconds, strict=True)]
            middle = f"{statistics.median(seconds):.3g} | {statistics.median(ratios):.3g}"
            print(f"| {which} | {middle} | {min(ratios):.3g} to {max(ratios):.3g} |")
        print("\n| | peak MiB |\n|---|---|")
        for which, values in peaks.items():
            print(f"| {which} | {max(values):.0f} |")


if __name__ == "__main__":
    main()
