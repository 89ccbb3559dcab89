"""Prepare: a volume through a list of steps, recorded so that it can be replayed on a mask or years later."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from os import cpu_count
from typing import Any, cast

from condyle.errors import UsageError
from condyle.prepare.step import Step
from condyle.registry import get
from condyle.study import Volume

Steps = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True, eq=False)
class Prepared:
    """A prepared volume and how it came about.

    Parameters
    ----------
    volume : the result
    record : the same steps with every measured or chosen value filled in; JSON values. ``prepare(raw, record)`` gives
        the same voxels again, ``follow(mask, record)`` takes a mask along
    """

    volume: Volume
    record: tuple[dict[str, Any], ...]


def prepare(volume: Volume, steps: Steps, *, labels: bool = False) -> Volume:
    """Take a volume through steps.

    Parameters
    ----------
    volume : as ``load_volume`` gives it; it is not changed
    steps : mappings such as ``{"step": "resample", "spacing_mm": 0.5}``, from a recipe, a package or a record
    labels : bool - the volume holds classes: steps that change values are left out, the others do not average

    Raises
    ------
    UsageError - an unknown step or setting
    InputError - a volume that a step cannot take

    Examples
    --------
    >>> import numpy as np
    >>> from condyle.study import Geometry, Volume
    >>> raw = Volume(np.arange(64).reshape(4, 4, 4), Geometry(np.eye(4), (4, 4, 4)))
    >>> prepare(raw, [{"step": "orient"}, {"step": "resample", "spacing_mm": 2}]).shape
    (4, 2, 2)
    """
    return record(volume, steps, labels=labels).volume


def record(volume: Volume, steps: Steps, *, labels: bool = False) -> Prepared:
    """As ``prepare``, with the record of what was done."""
    done: list[dict[str, Any]] = []
    for number, given in enumerate(steps, start=1):
        step, settings = _step(given, number)
        if labels and not step.spatial:
            continue
        parameters = step.settle(volume, **settings)
        volume = step.apply(volume, labels=labels, **parameters)
        done.append({"step": step.name, **parameters})
    return Prepared(volume, tuple(done))


def follow(mask: Volume, record: Steps) -> Volume:
    """Take a mask through what was recorded on its image: the same grid, classes kept, new voxels background."""
    return prepare(mask, record, labels=True)


def prepare_all(volumes: Sequence[Volume], steps: Steps, *, threads: int | None = None) -> tuple[Prepared, ...]:
    """Prepare several volumes, one volume a thread.

    Parameters
    ----------
    threads : at most this many at a time; None is the number of processors. OpenCV's own threads rest meanwhile: two
        pools on the same cores slow each other down

    Returns
    -------
    One Prepared a volume, in the same order and the same to the bit whatever the number of threads.
    """
    workers = min(len(volumes), threads if threads is not None else cpu_count() or 1)
    if workers <= 1:
        return tuple(record(volume, steps) for volume in volumes)
    with opencv_single_threaded(), ThreadPoolExecutor(workers) as pool:
        return tuple(pool.map(lambda volume: record(volume, steps), volumes))


def check_steps(steps: Steps) -> tuple[str, ...]:
    """What is wrong with a list of steps, without a volume; for recipes and packages. Empty when nothing is."""
    problems = []
    for number, given in enumerate(steps, start=1):
        try:
            _step(given, number)
        except UsageError as error:
            problems.append(f"{error.what} {error.what_to_do}".strip())
    return tuple(problems)


def _step(given: Mapping[str, Any], number: int) -> tuple[Step, dict[str, Any]]:
    """The plug-in and its settings, every setting known to it."""
    name = given.get("step")
    if not isinstance(name, str):
        raise UsageError("step-unnamed", f"Preparation step {number} has no name.", what_to_do="Give it a key 'step'.")
    step = cast(Step, get("steps", name))
    settings = {key: value for key, value in given.items() if key != "step"}
    known = [key for key in inspect.signature(step.settle).parameters if key != "volume"]
    unknown = sorted(set(settings) - set(known))
    if unknown:
        raise UsageError(
            "unknown-setting",
            f"Preparation step {number} ({name}) has no setting {', '.join(map(repr, unknown))}.",
            what_to_do=f"Its settings are: {', '.join(known)}.",
        )
    return step, settings


@contextmanager
def opencv_single_threaded() -> Iterator[None]:
    """OpenCV's own threads off: they wait for work by spinning, and take a core from whoever has some."""
    import cv2

    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)
