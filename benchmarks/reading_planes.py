"""A three-plane DICOM study (3 x 30 slices) to nine scores with class maps, each reading in a fresh process.

Both sides run the same untrained ResNet-18 on 256 x 256 crops of the same slices, one shared by the planes, with pooled slices, a linear
head and a map of every finding on every slice. The peer loads with MONAI (ITKReader), orients, crops, resizes, scales, and runs torch
eager fp32; it chooses no series, checks nothing and writes nothing. Condyle opens a package and gives its whole reading.

    python benchmarks/reading_planes.py [--rounds 5] [--work FOLDER] [--json]

The study and the package (about a minute of CPU) are kept in FOLDER when one is given. One round is run without a warm-up before it.

Needs monai, torch, itk and openvino beside condyle[train].
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from rounds import compare, fresh, machine, peak_mib, report

PEER, SLICES, PIXELS, FIELD_MM = "MONAI, torch eager", 30, 256, 128.0
ENGINES = {"condyle, onnxruntime": "onnxruntime", "condyle, openvino": "openvino"}


def recipe_of() -> Any:
    from condyle.train.multiplane.recipe import MultiplaneRecipe
    from condyle.train.recipe import load_recipe

    content = load_recipe("knee_nine", size="study").model_dump(mode="json")
    content["prepare"] |= {"pixels": PIXELS, "slices": SLICES, "field_mm": FIELD_MM, "depth_mm": 400}
    content["network"] |= {"backbone": "resnet18", "width": 1.0, "stride": 32, "parts": 8, "init": "random", "attention": {"use": False}}
    content["optimiser"] |= {"draws": 0}
    content["loss"] |= {"places": 0.0}
    content["locate"] = {"use": False}
    return MultiplaneRecipe.model_validate(content)


def prepare(folder: Path) -> None:
    """A simulated study, and a package of an untrained network."""
    import numpy as np
    import torch

    from condyle.cohorts.cohort import load_cohort
    from condyle.cohorts.splits import Splits
    from condyle.simulate import write_cohort
    from condyle.train.multiplane.learner import shape_of
    from condyle.train.multiplane.package import package_of
    from condyle.train.multiplane.pipeline import Fitted, Trained, cut_studies
    from condyle.train.multiplane.targets import targets_of
    from condyle.train.networks.multiplane import MultiplaneNetwork

    recipe = recipe_of()
    write_cohort("knee", folder / "cohort", studies=1, seed=7, matrix=PIXELS, slices=SLICES, series=("pd_fs_sag", "pd_fs_cor", "pd_fs_tra"))
    cohort = load_cohort(folder / "cohort")
    torch.manual_seed(0)
    network = MultiplaneNetwork(shape_of(recipe, len(recipe.data.findings)))
    torch.save(network.state_dict(), folder / "network.pt")
    prepared = cut_studies(recipe, cohort.studies, None, folder / "store")
    targets, _ = targets_of(cohort.labels, prepared.store.studies, recipe.data.findings)
    nothing = {name: {"value": 0.0, "rule": "given"} for name in recipe.data.findings}  # every finding is shown, with its maps
    fitted = Fitted(recipe, (Trained(network, tuple(range(len(recipe.data.findings))), 0),), prepared.store, targets,
                    np.zeros(targets.shape, np.float32), {}, nothing,
                    Splits(dict.fromkeys(cohort.patients.values(), 0), 2, 0, "patient"))  # fmt: skip
    package_of(fitted, cohort, folder / "package")
    rows = next(iter(cohort.studies.values()))
    (folder / "study.txt").write_text(str(rows[0].path))


def condyle(folder: Path) -> list[float]:
    from condyle.intake import open_study
    from condyle.readers import load_package

    reading = load_package(folder / "package").read(open_study((folder / "study.txt").read_text()))
    assert sum(one.kind == "class_map" for one in reading.evidence) >= 9
    return [float(one.score or 0) for one in reading.findings]


def monai_torch(folder: Path) -> list[float]:
    import numpy as np
    import torch
    from monai.transforms import CenterSpatialCrop, Compose, LoadImage, Orientation, Resize, ScaleIntensityRangePercentiles, SpatialPad

    from condyle.train.multiplane.learner import shape_of
    from condyle.train.networks.multiplane import MultiplaneNetwork, ReaderGraph

    recipe = recipe_of()
    network = MultiplaneNetwork(shape_of(recipe, len(recipe.data.findings))).eval()
    network.load_state_dict(torch.load(folder / "network.pt", weights_only=True))
    series = sorted({path.parent for path in Path((folder / "study.txt").read_text()).rglob("*.dcm")})
    codes = {0: "LIP", 1: "PIL", 2: "SPL"}
    load = LoadImage(reader="ITKReader", ensure_channel_first=True, image_only=True)
    stacks = {}
    for one in series:
        image = load(str(one))
        normal = int(np.abs(np.asarray(image.affine)[:3, 2]).argmax())  # the axis of the patient along which slices follow
        image = Orientation(axcodes=codes[normal], labels=(("L", "R"), ("P", "A"), ("I", "S")))(image)
        step = np.linalg.norm(np.asarray(image.affine)[:3, 1])
        size = round(FIELD_MM / step)
        steps = Compose([
            SpatialPad((-1, size, size)), CenterSpatialCrop((-1, size, size)), Resize((-1, PIXELS, PIXELS), mode="trilinear"),
            ScaleIntensityRangePercentiles(0.5, 99.5, 0, 255, clip=True),
        ])  # fmt: skip
        pixels = np.asarray(steps(image))[0]
        stacks[normal] = (pixels - pixels.mean()) / pixels.std()
    grey = torch.from_numpy(np.stack([stacks[key][:SLICES] for key in (0, 1, 2)]).astype(np.float32))
    with torch.inference_mode():
        features = torch.stack([network.encode(slot, own)[0] for slot, own in zip(network.slots, grey, strict=True)])
        logits, _, maps = ReaderGraph(network)(features[None], torch.ones(1, 3, SLICES))
    assert maps.shape[1] == 9
    return [float(one) for one in logits[0].sigmoid()]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--work", type=Path, help="folder of study and package, kept and taken again")
    parser.add_argument("--json", action="store_true", help="one JSON line a contender")
    parser.add_argument("--one", nargs=2, metavar=("NAME", "FOLDER"), help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.one:
        name, folder = given.one[0], Path(given.one[1])
        begun = time.perf_counter()
        scores = monai_torch(folder) if name == PEER else condyle(folder)
        print(json.dumps({"scores": scores, "inside": time.perf_counter() - begun, "peak_mib": peak_mib()}))
        return
    print(machine("condyle", "monai", "torch", "itk", "onnxruntime", "openvino", "numpy"))
    with tempfile.TemporaryDirectory() as name:
        folder = given.work or Path(name)
        if not (folder / "study.txt").is_file():
            folder.mkdir(parents=True, exist_ok=True)
            prepare(folder)

        def cold(title: str) -> Any:
            return lambda: fresh([__file__, "--one", title, str(folder)], CONDYLE_ENGINE=ENGINES.get(title, ""))

        contenders = {title: cold(title) for title in (PEER, *ENGINES)}
        found = compare(contenders, reference=PEER, rounds=given.rounds, warm=int(given.rounds > 1))
    print("\n".join(one.as_json() for one in found.values()) if given.json else report(found))
    truth = found[PEER].last["scores"]
    for title, one in found.items():
        off = max(abs(a - b) for a, b in zip(one.last["scores"], truth, strict=True))
        print(f"{title}: peak {one.last['peak_mib']:.0f} MiB; scores differ from the peer's by at most {off:.3f}")
    print("seconds from the first line to the scores: " + ", ".join(f"{title} {one.last['inside']:.2f}" for title, one in found.items()))


if __name__ == "__main__":
    sys.exit(main())
