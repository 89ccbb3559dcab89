"""Features of a frozen backbone, computed once and kept: every study under a fixed number of draws, whole and enlarged.

What does not learn need not be computed at every step. Each study keeps its features as it is (draw 0, by which it is also judged)
and under ``draws`` augmentations, and where its marked lesions lie among them; heads, pooling and fusion then train in seconds an
epoch, and runs that differ in these alone share the features. A file's name is the hash of the stack, the backbone's weights and
every setting that its features depend on.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from condyle.cohorts.lesions import Lesion
from condyle.readers.multiplane.network import Attention, Features, Floats, cut_objects, enlarge, find_objects
from condyle.readers.multiplane.stack import as_input
from condyle.train import devices
from condyle.train.keep import keep_array
from condyle.train.loop import Batches, demand_finite
from condyle.train.multiplane.augment import draw, move, vary
from condyle.train.multiplane.batches import hidden, plain
from condyle.train.multiplane.learner import MultiplaneLearner, TorchMember, attention_of, badness
from condyle.train.multiplane.places import in_parts, marked
from condyle.train.multiplane.recipe import MultiplaneRecipe
from condyle.train.multiplane.store import Store, code_hash
from condyle.train.networks.multiplane import MultiplaneNetwork, parted
from condyle.train.onnx_file import fused
from condyle.train.stages import tell

Halves = NDArray[np.float16]
_CODE = (  # that decides what a feature is, beside the weights (fault G36)
    *(f"condyle.readers.multiplane.{name}" for name in ("aolm", "network", "stack")),
    *(f"condyle.train.multiplane.{name}" for name in ("augment", "features", "places")),
    *(f"condyle.train.networks.{name}" for name in ("encoder", "multiplane")),
)


@dataclass(frozen=True, slots=True, eq=False)
class FeatureStore:
    """Kept features of the studies of a store, in its order.

    Parameters
    ----------
    files : one array a study, [draw, pass, slot, place, channel]; pass 0 is the whole, 1 what drew attention
    shown : [study, slot, slice]
    marks : one file a study, or None: where its lesions lie, [draw, pass, finding, slot, place] and packed to bits; empty when nobody asks
    """

    files: tuple[Path, ...]
    shown: NDArray[np.bool_]
    marks: tuple[Path | None, ...] = ()

    def of(self, number: int, which: int) -> Halves:
        """[pass, slot, place, channel] of one study under one draw, mapped from disk."""
        return np.asarray(np.load(self.files[number], mmap_mode="r", allow_pickle=False)[which])

    def inside(self, number: int, which: int) -> NDArray[np.bool_] | None:
        """[pass, finding, slot, place] within a lesion of each finding; None where no lesion of this study is marked."""
        path = self.marks[number] if self.marks else None
        if path is None:
            return None
        bits = np.load(path, allow_pickle=False)[which]
        places = np.load(self.files[number], mmap_mode="r", allow_pickle=False).shape[3]
        return np.unpackbits(bits, axis=-1, count=places).astype(bool)


def open_features(
    store: Store, network: MultiplaneNetwork, recipe: MultiplaneRecipe, folder: Path, draws: int | None = None,
    lesions: Mapping[str, Sequence[Lesion]] | None = None,
) -> FeatureStore:  # fmt: skip
    """The features of these studies; what is not in ``folder`` yet is computed now.

    Parameters
    ----------
    draws : augmentations beside each study as it is; None is the recipe's, 0 for studies that are only judged
    lesions : study_id -> its marked lesions, for a recipe that teaches places

    Raises
    ------
    ResourceError - the disk is full
    """
    draws = recipe.optimiser.draws if draws is None else draws
    network = network.eval()
    digest = hashlib.sha256()
    for value in network.encoders.state_dict().values():
        digest.update(value.contiguous().numpy().tobytes())
    code = code_hash((*_CODE, type(network.encoder(network.slots[0])).__module__))
    settings = [asdict(attention_of(recipe)), recipe.network.backbone, recipe.network.stride, network.shape.parts, code,
                recipe.augment.model_dump(mode="json", exclude={"drop_slot"}), draws,
                recipe.optimiser.precision, recipe.seed_of_draws, digest.hexdigest()]  # fmt: skip
    knobs = json.dumps(settings, sort_keys=True)
    files, marks = list[Path](), list[Path | None]()
    quick = swift(network)
    folder.mkdir(parents=True, exist_ok=True)
    for number, (study, stack) in enumerate(zip(store.studies, store.files, strict=True)):
        tell("features of studies", number, len(store))
        name = hashlib.sha256(f"{stack.stem} {knobs}".encode()).hexdigest()[:32]
        path, own = folder / f"{name}.features.npy", tuple(lesions.get(study, ())) if lesions else ()
        told = hashlib.sha256(json.dumps([recipe.columns, [asdict(one) for one in own]]).encode()).hexdigest()[:12]
        beside = folder / f"{name}-{told}.marks.npy" if own else None
        if not path.is_file() or (beside is not None and not beside.is_file()):
            features, inside = _of_study(quick, store, number, recipe, draws, own)
            if beside is not None:
                keep_array(beside, np.packbits(inside, axis=-1))
            keep_array(path, features)
        files.append(path)
        marks.append(beside)
    return FeatureStore(tuple(files), store.shown, tuple(marks))


def swift(network: MultiplaneNetwork) -> MultiplaneNetwork:
    """A network in reading mode, as fast as torch runs it: normalisation folded into the weights, channels last; the same numbers."""
    quick = fused(network).to(memory_format=torch.channels_last)
    assert isinstance(quick, MultiplaneNetwork)
    return quick


def _of_study(
    network: MultiplaneNetwork, store: Store, number: int, recipe: MultiplaneRecipe, draws: int, lesions: Sequence[Lesion]
) -> tuple[Halves, NDArray[np.bool_]]:
    """([draw, pass, slot, place, channel], [draw, pass, finding, slot, place] within a lesion); draw 0 is the study as it is."""
    grey, shown = plain(store, number)
    marks = marked(store.facts[number], network.slots, recipe.columns, lesions, store.pixels(number).shape[1:])
    found = [_passes(network, grey, shown, marks, recipe)]
    pixels = store.pixels(number)
    for which in range(draws):
        # Of the study's own stack, not of its place in the cohort: another cohort with this study keeps its features.
        rng = np.random.default_rng([recipe.seed_of_draws, which, int(store.files[number].stem[:12], 16)])
        varied, moved = np.zeros_like(grey), np.zeros_like(marks)
        for slot in range(len(pixels)):
            own = draw(recipe.augment, pixels.shape[-1], store.spacing_mm, rng)
            if shown[slot].any():
                varied[slot] = as_input(vary(pixels[slot], shown[slot], own), shown[slot])
                moved[:, slot] = move(marks[:, slot], own)
        found.append(_passes(network, varied, shown, moved, recipe))
    return np.stack([features for features, _ in found]), np.stack([inside for _, inside in found])


def _passes(
    network: MultiplaneNetwork, grey: Floats, shown: NDArray[np.bool_], marks: NDArray[np.uint8], recipe: MultiplaneRecipe
) -> tuple[Halves, NDArray[np.bool_]]:
    """([pass, slot, place, channel] mean features of one study as reading would compute them, [pass, finding, slot, place] within a
    lesion); one pass without attention."""
    attention, half, parts = attention_of(recipe), recipe.optimiser.precision == "bf16", network.shape.parts
    member = TorchMember(network, tuple(range(network.shape.findings)))
    with torch.autocast("cpu", torch.bfloat16, enabled=half):
        mean, features = _encoded(member, network.slots, grey, shown)
        passes, inside = [mean], [in_parts(marks, parts)]
        if attention.use:
            boxes = find_objects(network.slots, features, shown, attention)
            crops, kept, spans = cut_objects(network.slots, grey, shown, boxes, attention, features.stride(grey.shape[-1]))
            passes.append(_encoded(member, network.slots, crops, kept)[0])
            closer = np.zeros_like(marks)
            for finding, slot, place in np.argwhere(marks.any((-1, -2))).tolist():
                if (slot, place) in spans:
                    closer[finding, slot, place] = enlarge(marks[finding, slot, place].astype(np.float32), *spans[slot, place])
            inside.append(in_parts(closer, parts))
    return np.stack(passes).astype(np.float16), np.stack(inside).reshape(len(passes), *marks.shape[:2], -1)


def _encoded(member: TorchMember, slots: Sequence[str], grey: Floats, shown: NDArray[np.bool_]) -> tuple[Floats, Features]:
    late, before = {}, {}
    channels, parts = member.network.encoder(slots[0]).channels, member.network.shape.parts
    mean = np.zeros((*shown.shape, parts**2, channels), np.float32)
    for at, slot in enumerate(slots):
        if shown[at].any():
            found, earlier = member.encode(slot, np.ascontiguousarray(grey[at, shown[at]]))
            mean[at, shown[at]] = parted(torch.from_numpy(found), parts).numpy()
            late[slot], before[slot] = np.abs(found).sum(axis=1), earlier
    return mean.reshape(len(mean), -1, channels), Features(late, before)


def logits_from(network: MultiplaneNetwork, kept: FeatureStore, rows: NDArray[np.intp], attention: Attention) -> tuple[Floats, Floats]:
    """([row, finding] fused, [row, slot, finding] single inputs, NaN where missing), as ``learner.logits_of`` computes them from stacks."""
    training = network.training
    network.eval()
    fused, single = [], []
    share = 0.0 if not attention.use else 1.0 if attention.answer == "object" else 0.5
    device = network.fuse.bias.device
    with torch.inference_mode():
        for number in rows.tolist():
            mask = network.places(torch.from_numpy(kept.shown[number].astype(np.float32))[None].to(device))
            passes = torch.from_numpy(kept.of(number, 0).astype(np.float32)).to(device)
            told = [network.read(one[None], mask)[:2] for one in passes]
            both = [(1 - share) * told[0][part][0] + share * told[-1][part][0] for part in (0, 1)]
            fused.append(both[0].cpu().numpy())
            single.append(np.where(kept.shown[number].any(1)[:, None], both[1].cpu().numpy(), np.nan))
    network.train(training)
    return np.array(fused, np.float32), np.array(single, np.float32)


class FeatureBatch(NamedTuple):
    """[n, pass, slot, place, channel] features, [n, slot, slice] mask, [n, finding] targets (NaN unknown) and weights, and
    [n, pass, finding, slot, place] within a lesion (nothing where no place is marked or taught)."""

    features: Tensor
    mask: Tensor
    targets: Tensor
    weights: Tensor
    inside: Tensor


class FeatureBatches(Batches):
    """Studies shuffled each epoch, each under one of its draws; what a batch holds depends on seed, epoch and number alone."""

    def __init__(
        self, kept: FeatureStore, targets: NDArray[np.float32], weights: NDArray[np.float32], rows: NDArray[np.intp],
        recipe: MultiplaneRecipe, seed: int,
    ) -> None:  # fmt: skip
        self.kept, self.targets, self.weights, self.rows, self.recipe, self.seed = kept, targets, weights, rows, recipe, seed

    def __len__(self) -> int:
        return max(1, len(self.rows) // self.recipe.optimiser.batch)

    def of_epoch(self, epoch: int, first: int) -> Iterator[FeatureBatch]:
        order = np.random.default_rng([self.seed, epoch]).permutation(self.rows)
        size = min(self.recipe.optimiser.batch, len(order))
        for at in range(first, len(self)):
            chosen = devices.own(order[at * size :][:size])
            shown, features = self.kept.shown[chosen].copy(), []
            inside = list[NDArray[np.bool_] | None]()
            for row, number in enumerate(chosen.tolist()):
                rng = np.random.default_rng([self.seed, epoch, number])
                shown[row] &= ~hidden(shown[row].any(1), self.recipe.augment.drop_slot, rng)[:, None]
                which = int(rng.integers(self.recipe.optimiser.draws + 1))
                features.append(self.kept.of(number, which))
                inside.append(self.kept.inside(number, which) if self.recipe.loss.places else None)
            nowhere = np.zeros((features[0].shape[0], len(self.recipe.columns), *features[0].shape[1:3]), bool)
            yield FeatureBatch(
                torch.from_numpy(np.stack(features).astype(np.float32)), torch.from_numpy(shown.astype(np.float32)),
                torch.from_numpy(self.targets[chosen]), torch.from_numpy(self.weights[chosen]),
                torch.from_numpy(np.stack([nowhere if one is None else one for one in inside])),
            )  # fmt: skip


class FeatureLearner(MultiplaneLearner):
    """Pooling, fusion and heads in training on kept features."""

    kept: FeatureStore

    def training_step(self, batch: FeatureBatch, index: int) -> Tensor:  # type: ignore[override]
        own = self.recipe.network.attention
        mask = self.network.places(batch.mask)
        loss = self.loss_of(batch.features[:, 0], mask, batch, batch.inside[:, 0])
        if own.use and self.current_epoch + 1 >= own.from_epoch:
            loss = loss + self.recipe.loss.object * self.loss_of(batch.features[:, 1], mask, batch, batch.inside[:, 1])
        self.note(loss, len(batch.targets))
        return demand_finite(loss, self.current_epoch, index)

    def judge(self) -> float | None:
        if not len(self.held_out):
            return None
        logits = devices.shared_out(lambda rows: logits_from(self.network, self.kept, rows, attention_of(self.recipe))[0], self.held_out)
        return badness(self.truth, logits, self.recipe.select.metric)
