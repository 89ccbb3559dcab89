"""``train``: the one entry. Cross-validates, fits the pipeline on everybody, writes the package."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from condyle.cohorts.cohort import Cohort, development, load_cohort
from condyle.errors import InputError, MissingExtraError, UsageError
from condyle.outputs import write_whole
from condyle.readers.package import Package
from condyle.train.recipe import load_recipe
from condyle.train.sections import Recipe
from condyle.train.stages import Listener, heard_by

if TYPE_CHECKING:
    from condyle.train.planning import Part, Reckoned

logger = logging.getLogger(__name__)


def train(
    recipe: Recipe | str | Path, cohort: Cohort | str | Path, out: Path | str, *, work: Path | str | None = None,
    progress: Listener | None = None, tensorboard: bool = False, devices: int | str = 1,
) -> Package:  # fmt: skip
    """Train a package.

    Parameters
    ----------
    recipe : of ``load_recipe``, or its name or path (in the size ``full``)
    cohort : of ``load_cohort``, or its folder
    out : package folder to write; must not exist
    work : folder of finished pieces, beside ``out`` when not given. Interrupted, the same call goes on from there; it is
        left in place, because it holds each outer fold's models. It belongs to one recipe and one cohort
    progress : called with (piece of work, its steps done, all its steps)
    tensorboard : write logs for TensorBoard into ``work``/tensorboard as well; ``run.html`` in ``work`` is written always
    devices : that share every batch of a network of several planes, or 'auto'; see ``train.devices``. A property of the machine and
        of this call, not of the recipe: a run may go on with another number

    Returns
    -------
    The package, verified. In the size ``smoke`` nothing is cross-validated and the card says so.

    Raises
    ------
    UsageError - ``out`` exists, ``work`` belongs to another recipe or cohort, or so many devices are not there or cannot be used
    InputError - the cohort lacks known labels or masks, or has no study of the contrast that the recipe asks for
    MissingExtraError - torch and its companions, or what writes TensorBoard's logs, are not installed
    """
    _need_torch()
    from condyle.train.devices import using

    recipe = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    count = devices_of(recipe, devices)
    cohort = cohort if isinstance(cohort, Cohort) else load_cohort(cohort)
    target = Path(out)
    refuse_existing_package(target)
    cohort = admitted(recipe, cohort)
    recipe, _ = learnable(recipe, cohort)
    pieces = Path(work) if work is not None else target.with_name(target.name + ".work")
    _claim(pieces, recipe, cohort)
    from condyle.train.reporting import reported

    with _quiet_lightning(), using(count), heard_by(progress), reported(recipe, cohort, pieces, tensorboard=tensorboard):
        return _family(recipe)(recipe, cohort, target, pieces)


def dry_run(recipe: Recipe, cohort: Cohort) -> tuple[tuple[Part, ...], Reckoned]:
    """Who is in which part of a run, and its time, disk and memory as a few studies and one batch let expect. Leaves nothing behind.

    Raises
    ------
    As ``train`` would, for what the tables and these studies show; MissingExtraError without torch
    """
    _need_torch()
    from condyle.train import lumbar_trial
    from condyle.train.lumbar_recipe import LumbarRecipe
    from condyle.train.multiplane import trial
    from condyle.train.multiplane.recipe import MultiplaneRecipe

    cohort = admitted(recipe, cohort)
    recipe, _ = learnable(recipe, cohort)
    with TemporaryDirectory(prefix="condyle-dry-run-") as folder, _quiet_lightning():
        if isinstance(recipe, LumbarRecipe):
            return lumbar_trial.parts_of(recipe, cohort), lumbar_trial.reckon(
                recipe, cohort, lumbar_trial.measure(recipe, cohort, Path(folder))
            )
        assert isinstance(recipe, MultiplaneRecipe)
        parts = trial.parts_of(recipe, cohort)
        return parts, trial.reckon(recipe, parts, trial.measure(recipe, cohort, Path(folder)))


def refuse_existing_package(out: Path) -> None:
    """Raise UsageError when there is something where the package is to be. Worth asking before long work."""
    if (out / "package.yaml").is_file():
        raise UsageError(
            "package-finished", f"The package {out.name!r} is finished already.", where=str(out),
            why="A package is never replaced by another training.",
            what_to_do="Train under another name (-o), or remove this package first; its curves stand in NAME.work/run.html.",
        )  # fmt: skip
    if out.exists():
        raise UsageError("output-exists", "There is something already.", where=out.name, what_to_do="Remove it or choose another name.")


def admitted(recipe: Recipe, cohort: Cohort) -> Cohort:
    """The studies that a recipe learns from. Raises InputError where there is none."""
    return cohort.of_contrast(recipe.data.contrast) if recipe.data.contrast else cohort


def learnable(recipe: Recipe, cohort: Cohort) -> tuple[Recipe, tuple[str, ...]]:
    """The recipe without findings of which no study that trains has a known label, and their names: a head that was told nothing would
    still give a score, and read as absent. Of recipes whose findings are fixed, the recipe as it is.

    Raises
    ------
    InputError - nothing is known of any finding, or every patient is set apart
    """
    from condyle.train.multiplane.recipe import MultiplaneRecipe
    from condyle.train.multiplane.targets import never_told

    cohort = development(cohort)
    told = {label.finding for label in cohort.labels if label.known}
    if isinstance(recipe, MultiplaneRecipe):
        unknown = never_told(recipe, cohort)
    else:
        unknown = tuple(name for name in recipe.data.findings if name not in told)
    if len(unknown) == len(recipe.data.findings):
        raise InputError(
            "cohort-without-labels", "Nothing is known of any finding of this recipe in the patients who train.",
            why="An empty value says that nothing is known, and patients marked test or external do not train.",
            what_to_do="Add labels.csv to the cohort, or fill in its values.",
        )  # fmt: skip
    if not unknown or not isinstance(recipe, MultiplaneRecipe):
        return recipe, ()
    content = recipe.model_dump(mode="json")
    content["data"]["findings"] = [name for name in recipe.data.findings if name not in unknown]
    content["heads"] = {name: kind for name, kind in content["heads"].items() if name not in unknown}
    content["loss"]["weights"] = {name: weight for name, weight in content["loss"]["weights"].items() if name not in unknown}
    content["card"]["limits"].append(f"No study had a label of {', '.join(unknown)}, so they are not read.")
    return type(recipe).model_validate(content), unknown


def devices_of(recipe: Recipe, asked: int | str) -> int:
    """How many devices a recipe is trained on: the number asked for, or with 'auto' those that there are and that it can use.

    Raises
    ------
    UsageError - fewer are there, or the recipe cannot use them
    MissingExtraError - torch is not installed
    """
    if str(asked) == "1":
        return 1
    _need_torch()
    from condyle.train.devices import demand_share, number_of
    from condyle.train.multiplane.recipe import MultiplaneRecipe

    count = number_of(asked)
    if not isinstance(recipe, MultiplaneRecipe):
        if count > 1 and asked != "auto":
            raise UsageError(
                "devices-unused", f"A recipe of the family {recipe.family} is trained on one device, not {count}.",
                why="Its backbone is frozen, and what learns is small.", what_to_do="Leave out --devices.",
            )  # fmt: skip
        return 1
    if asked == "auto":
        return min(count, recipe.optimiser.batch)
    demand_share(recipe.optimiser.batch, count)
    return count


def _family(recipe: Recipe) -> Callable[[Any, Cohort, Path, Path], Package]:
    """(recipe, cohort, package to write, folder of pieces) -> package, by the family of the recipe."""
    if recipe.family == "lumbar":
        from condyle.train.crossval import train_lumbar

        return train_lumbar
    from condyle.train.multiplane.pipeline import train_multiplane

    return train_multiplane


def _need_torch() -> None:
    for module in ("torch", "lightning", "onnx"):
        if find_spec(module) is None:
            raise MissingExtraError("train", "Training", module)


@contextmanager
def _quiet_lightning() -> Iterator[None]:
    """Lightning tells every fit which devices it found and what else one could install; there are dozens of fits."""
    import lightning.pytorch  # noqa: F401 - sets the levels of its loggers when it is first imported

    names = ("lightning", "lightning.pytorch", "lightning.pytorch.utilities.rank_zero", "lightning.fabric")
    loggers = [logging.getLogger(name) for name in names]
    levels = [one.level for one in loggers]
    try:
        for one in loggers:
            one.setLevel(logging.ERROR)
        yield
    finally:
        for one, level in zip(loggers, levels, strict=True):
            one.setLevel(level)


def _claim(work: Path, recipe: Recipe, cohort: Cohort) -> None:
    """One work folder, one run: pieces of another recipe or cohort must never be taken for ours."""
    series, labels = [(row.study_id, str(row.path)) for row in cohort.rows], [repr(label) for label in cohort.labels]
    facts = [recipe.model_dump(mode="json"), series, labels]
    mark = hashlib.sha256(json.dumps(facts, default=str).encode()).hexdigest()
    path = work / "run.sha256"
    if not path.is_file():
        write_whole(path, f"{mark}\n".encode())
    elif path.read_text().strip() != mark:
        raise UsageError(
            "work-of-another-run", "The work folder holds pieces of another run.", where=work.name,
            why="Recipe or cohort have changed since it was begun.", what_to_do="Remove the folder, or give another one.",
        )  # fmt: skip
