"""Training of several planes: slices in one batch, augmentation, disk to augmented batch, and the loop beside its own step.

slices    30 slices through the recipe's backbone in one masked batch, and one after the other; outputs compared
augment   a volume of 30 x 256 x 256: turn, scale, shift, elastic, gamma, bias field, noise, every one applied
data      an epoch from disk to augmented batches: NIfTI through MONAI's CacheDataset (everything deterministic cached in memory), and
          the memory-mapped store. The store is made before, once, as the cache is filled in the warm-up round
loop      an epoch of the engine (batches, step, clipping, checkpoints at its end) beside the same steps on one batch that lies in
          memory, and beside a plain loop over MONAI's CacheDataset in fp32

    python benchmarks/training.py [--rounds 5] [--only slices,augment,data,loop]

Needs monai, torchio and nibabel beside condyle[train].
"""

from __future__ import annotations

import argparse
import json
import tempfile
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rounds import compare, machine, report

SLICES, SIZE = 16, 256
warnings.filterwarnings("ignore")


def volume(slices: int, size: int, seed: int = 0) -> NDArray[np.uint8]:
    """A round object with inner structures, texture, shading and noise."""
    rng = np.random.default_rng(seed)
    z, y, x = np.meshgrid(np.linspace(-1, 1, slices), np.linspace(-1, 1, size), np.linspace(-1, 1, size), indexing="ij", sparse=True)
    tissue = np.where((y / 0.85) ** 2 + ((x + 0.05 * np.sin(3 * z)) / 0.7) ** 2 < 1, 180.0, 0.0)
    tissue = np.where((y / 0.75) ** 2 + (x / 0.6) ** 2 < 1, 90.0, tissue)
    tissue = np.where(((y + 0.35) / 0.3) ** 2 + (x / 0.35) ** 2 < 1, 150.0, tissue)
    noisy = tissue * (1 + 0.07 * np.sin(37 * x + 11 * z) * np.cos(29 * y)) + rng.normal(0, 4, tissue.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)


# --- slices in one batch


def slices(rounds: int) -> None:
    import torch

    from condyle.train.multiplane.features import swift
    from condyle.train.multiplane.learner import shape_of
    from condyle.train.multiplane.recipe import MultiplaneRecipe
    from condyle.train.networks.multiplane import MultiplaneNetwork
    from condyle.train.networks.weights import load_initial
    from condyle.train.recipe import load_recipe

    for size in ("smoke", "study"):
        recipe = load_recipe("knee_nine", size=size)
        assert isinstance(recipe, MultiplaneRecipe)
        network = MultiplaneNetwork(shape_of(recipe, 9)).eval()
        load_initial(network, recipe.network.init)
        if not recipe.optimiser.backbone_rate:  # a backbone that does not learn runs in the form in which its features are computed
            network = swift(network)
        pixels, half = recipe.prepare.pixels, recipe.optimiser.precision == "bf16"
        grey, mask = torch.randn(1, 3, 10, pixels, pixels), torch.ones(1, 3, 10)

        def one_batch(network: MultiplaneNetwork = network, grey: torch.Tensor = grey, mask: torch.Tensor = mask) -> torch.Tensor:
            return network.describe(grey, mask)[0]

        def one_by_one(network: MultiplaneNetwork = network, grey: torch.Tensor = grey, mask: torch.Tensor = mask) -> torch.Tensor:
            rows = []
            for slot in range(3):
                for place in range(10):
                    alone = torch.zeros_like(mask)
                    alone[0, slot, place] = 1
                    told = network.describe(grey, alone)[0][0, slot]
                    rows.append(told.unflatten(0, (10, -1))[place])  # a slice is told by one vector, or by those of its parts
            return torch.stack(rows).unflatten(0, (1, 3, 10)).flatten(2, 3)

        def timed(run: Callable[[], torch.Tensor], half: bool = half) -> Callable[[], torch.Tensor]:
            def inner() -> torch.Tensor:
                with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=half):
                    return run()

            return inner

        found = compare({"one slice after the other": timed(one_by_one), "one masked batch": timed(one_batch)},
                        reference="one slice after the other", rounds=rounds)  # fmt: skip
        print(f"\nsize {size}: 30 slices of {pixels} x {pixels}, {recipe.network.backbone}, {recipe.optimiser.precision}\n")
        print(report(found))
        with torch.inference_mode():
            one, other = one_batch(), one_by_one()
            print(f"largest difference in fp32: {float((one - other).abs().max() / one.abs().max()):.1e} of the largest value")


# --- augmentation


def condyle_augment(stack: NDArray[np.uint8], seeds: Any) -> NDArray[np.uint8]:
    from condyle.train.multiplane.augment import draw, vary
    from condyle.train.multiplane.recipe import Augment

    settings = Augment(turn_degrees=15, scale=0.1, shift_mm=12.5, elastic_mm=1.5, gamma=0.35, bias=0.2, noise=0.02, motion=0, blur=0)
    return vary(stack, np.ones(len(stack), bool), draw(settings, stack.shape[-1], 0.5, np.random.default_rng(next(seeds))))


def monai_augment() -> Callable[[NDArray[np.uint8]], Any]:
    """Slices as channels of a picture: MONAI's fastest form."""
    import torch
    from monai.transforms import Compose, Rand2DElastic, RandAdjustContrast, RandAffine, RandBiasField, RandGaussianNoise

    steps = Compose([
        RandAffine(prob=1, rotate_range=np.deg2rad(15), translate_range=(25, 25), scale_range=(0.1, 0.1), padding_mode="zeros"),
        Rand2DElastic(spacing=(32, 32), magnitude_range=(0, 3), prob=1, padding_mode="zeros"),
        RandAdjustContrast(prob=1, gamma=(0.7, 1.4)), RandBiasField(prob=1, degree=3, coeff_range=(0, 0.2)),
        RandGaussianNoise(prob=1, std=0.02),
    ])  # fmt: skip
    return lambda stack: steps(torch.from_numpy(stack).float() / 255)


def torchio_augment() -> Callable[[NDArray[np.uint8]], Any]:
    import torch
    import torchio as tio

    steps = tio.Compose([
        tio.RandomAffine(scales=(1, 1, 0.9, 1.1, 0.9, 1.1), degrees=(15, 0, 0), translation=(0, 0, -25, 25, -25, 25)),
        tio.RandomElasticDeformation(num_control_points=(5, 8, 8), max_displacement=(0, 6, 6)),
        tio.RandomGamma((-0.3, 0.3)), tio.RandomBiasField(0.2, 3), tio.RandomNoise(0, (0, 0.02)),
    ])  # fmt: skip
    return lambda stack: steps(tio.ScalarImage(tensor=torch.from_numpy(stack[None]).float() / 255)).data[0]


def augment(rounds: int) -> None:
    stack, seeds = volume(30, SIZE), iter(range(10**6))
    peer, other = monai_augment(), torchio_augment()
    found = compare(
        {"MONAI, slices as channels": lambda: peer(stack), "TorchIO": lambda: other(stack),
         "condyle": lambda: condyle_augment(stack, seeds)},
        reference="MONAI, slices as channels", rounds=rounds,
    )  # fmt: skip
    print(f"\n30 x {SIZE} x {SIZE}\n\n{report(found)}")
    own, torchio = found["condyle"], found["TorchIO"]
    ratios = sorted(slow / fast for slow, fast in zip(torchio.seconds, own.seconds, strict=True))
    print(f"condyle beside TorchIO: {np.median(ratios):.3g} ({ratios[0]:.3g} to {ratios[-1]:.3g})")
    for name, one in found.items():
        alike = np.corrcoef(np.asarray(one.last, np.float32).ravel(), stack.ravel())[0, 1]
        print(f"{name}: correlation with the volume it varied {alike:.3f}")


# --- data and loop


def store_of(folder: Path, studies: int) -> tuple[Any, list[dict[str, str]]]:
    """The same volumes as NIfTI and in the memory-mapped store."""
    import nibabel as nib

    from condyle.train.multiplane.store import Store

    files, items = [], []
    for number in range(studies):
        whole = volume(SLICES, 320, number)
        values = (whole.astype(np.int16) * 4).transpose(2, 1, 0)
        nib.nifti1.Nifti1Image(values, np.diag([0.5, 0.5, 3.5, 1])).to_filename(folder / f"{number}.nii")
        items.append({"image": str(folder / f"{number}.nii")})
        files.append(folder / f"{number}.npy")
        np.save(files[-1], np.ascontiguousarray(whole[None, :, 32:288, 32:288]))
    names = tuple(str(number) for number in range(studies))
    return Store(names, tuple(files), np.ones((studies, 1, SLICES), bool), 0.5, tuple({} for _ in names)), items


def recipe_of(batch: int, epochs: int, precision: str) -> Any:
    from condyle.train.multiplane.recipe import MultiplaneRecipe
    from condyle.train.recipe import load_recipe

    content = load_recipe("knee_nine", size="study").model_dump(mode="json")
    content["data"]["slots"] = {"sagittal": content["data"]["slots"]["sagittal"]}
    content["prepare"] |= {"pixels": SIZE, "slices": SLICES, "field_mm": 128}
    content["network"] |= {"width": 1.0, "backbone": "resnet18", "stride": 32, "parts": 1, "aggregate": "max"}
    content["network"] |= {"init": "random", "attention": {"use": False}}
    content["optimiser"] |= {"batch": batch, "epochs": epochs, "precision": precision, "backbone_rate": 1e-4, "draws": 0}
    content["augment"] |= {"motion": 0, "blur": 0, "drop_slot": 0}
    content["loss"] |= {"places": 0.0}
    content["locate"] = {"use": False}
    return MultiplaneRecipe.model_validate(content)


def monai_loader(items: list[dict[str, str]], batch: int) -> Callable[[], Any]:
    from monai.data import CacheDataset, DataLoader
    from monai.transforms import (
        Compose,
        EnsureChannelFirstd,
        LoadImaged,
        RandAdjustContrastd,
        RandAffined,
        RandGaussianNoised,
        Resized,
        ScaleIntensityRangePercentilesd,
    )

    turn = np.deg2rad(15)
    steps = Compose([
        LoadImaged("image"), EnsureChannelFirstd("image"), Resized("image", (SIZE, SIZE, SLICES)),
        ScaleIntensityRangePercentilesd("image", 1, 99, 0, 1, clip=True),
        RandAffined("image", prob=1, rotate_range=(0, 0, turn), translate_range=(25, 25, 0), scale_range=(0.1, 0.1, 0),
                    padding_mode="zeros"),
        RandAdjustContrastd("image", prob=1, gamma=(0.7, 1.4)), RandGaussianNoised("image", prob=1, std=0.02),
    ])  # fmt: skip
    loader = DataLoader(CacheDataset(items, steps, progress=False), batch_size=batch, shuffle=True, num_workers=0)
    return lambda: (one["image"].as_tensor()[:, 0].permute(0, 3, 1, 2) for one in loader)


def data(rounds: int, studies: int = 16, batch: int = 4) -> None:
    from condyle.train.multiplane.batches import StudyBatches

    with tempfile.TemporaryDirectory() as name:
        store, items = store_of(Path(name), studies)
        batches = StudyBatches(store, np.zeros((studies, 9), np.float32), np.ones((studies, 9), np.float32), np.arange(studies),
                               recipe_of(batch, 1, "32"), 0)  # fmt: skip
        peer, epochs = monai_loader(items, batch), iter(range(10**6))
        found = compare(
            {"MONAI CacheDataset": lambda: sum(len(one) for one in peer()),
             "condyle store": lambda: sum(len(one.grey) for one in batches.of_epoch(next(epochs), 0))},
            reference="MONAI CacheDataset", rounds=rounds,
        )  # fmt: skip
    print(f"\n{studies} volumes of {SLICES} x {SIZE} x {SIZE} to batches of {batch} "
          f"(condyle also deforms elastically and adds a bias field)\n\n{report(found)}")  # fmt: skip
    assert {one.last for one in found.values()} == {studies}


def loop(rounds: int, studies: int = 16, batch: int = 2) -> None:
    import torch

    from condyle.train.loop import fit
    from condyle.train.multiplane.batches import StudyBatches
    from condyle.train.multiplane.learner import MultiplaneLearner, shape_of
    from condyle.train.networks.multiplane import MultiplaneNetwork

    half = "amx_bf16" in Path("/proc/cpuinfo").read_text() or "avx512_bf16" in Path("/proc/cpuinfo").read_text()
    precision, steps = "bf16" if half else "32", studies // batch
    recipe, plain_recipe = recipe_of(batch, 2, precision), recipe_of(batch, 1, "32")
    targets, weights = np.tile((np.arange(studies) % 2)[:, None], 9).astype(np.float32), np.ones((studies, 9), np.float32)
    nobody = np.zeros(0, np.intp)

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store, items = store_of(folder, studies)
        runs = iter(range(10**6))
        epochs: list[float] = []

        def build() -> tuple[Any, Any]:
            batches = StudyBatches(store, targets, weights, np.arange(studies), recipe, 0)
            network = MultiplaneNetwork(shape_of(recipe, 9))
            return MultiplaneLearner(network, recipe, store, targets, np.arange(studies), nobody, 2 * steps), batches

        def engine() -> float:
            own = folder / f"run{next(runs)}"
            fit(build, own, seed=0, epochs=2, precision="bf16-mixed" if half else "32-true")
            epochs.append(json.loads((own / "history.json").read_text())[1]["seconds"])  # the first warms up
            return epochs[-1]

        batch_in_memory = next(iter(StudyBatches(store, targets, weights, np.arange(studies), recipe, 0).of_epoch(0, 0)))

        def bare(recipe: Any, mixed: bool, feed: Callable[[], Any]) -> Callable[[], int]:
            network = MultiplaneNetwork(shape_of(recipe, 9)).train()
            learner = MultiplaneLearner(network, recipe, store, targets, np.arange(studies), nobody, steps)
            optimiser = torch.optim.AdamW(network.parameters(), 1e-4)

            def epoch() -> int:
                done = 0
                for one in feed():
                    optimiser.zero_grad()
                    with torch.autocast("cpu", torch.bfloat16, enabled=mixed):
                        features, kept, _ = learner.network.describe(one.grey, one.mask)
                        loss = learner.loss_of(features, kept, one)
                    loss.backward()
                    torch.nn.utils.clip_grad_norm_(network.parameters(), 2.0)
                    optimiser.step()
                    done += 1
                return done

            return epoch

        peer = monai_loader(items, batch)

        def from_monai() -> Any:
            for grey in peer():
                yield batch_in_memory._replace(grey=grey[:, None].contiguous(), mask=torch.ones(len(grey), 1, SLICES))

        contenders: Mapping[str, Callable[[], Any]] = {
            "MONAI CacheDataset, plain loop, fp32": bare(plain_recipe, False, from_monai),
            "the engine's steps alone": bare(recipe, half, lambda: [batch_in_memory] * steps),
            "the engine, two epochs": engine,
        }
        found = compare(contenders, reference="MONAI CacheDataset, plain loop, fp32", rounds=rounds)
        own = epochs[1:]  # the first round is not timed
    print(f"\nan epoch of {steps} batches of {batch} x {SLICES} x {SIZE} x {SIZE}, ResNet-18, {precision}\n\n{report(found)}")
    step, monai = found["the engine's steps alone"].seconds, found["MONAI CacheDataset, plain loop, fp32"].seconds
    for title, other in (("its steps alone", step), ("MONAI CacheDataset in fp32", monai)):
        ratios = sorted(theirs / ours for theirs, ours in zip(other, own, strict=True))
        print(f"an epoch of the engine runs at {np.median(ratios):.3g} of the speed of {title} ({ratios[0]:.3g} to {ratios[-1]:.3g})")


PARTS: Mapping[str, Callable[[int], None]] = {"slices": slices, "augment": augment, "data": data, "loop": loop}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default=",".join(PARTS))
    arguments = parser.parse_args()
    print(machine("condyle", "torch", "monai", "torchio", "opencv-python-headless", "numpy"))
    for name in arguments.only.split(","):
        print(f"\n## {name}", flush=True)
        PARTS[name](arguments.rounds)


if __name__ == "__main__":
    main()
