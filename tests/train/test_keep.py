"""Files of a run are whole or absent, also where the disk is really full: here no file may become longer than a few kilobytes."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from condyle.errors import ResourceError
from condyle.train.heads import fit_head
from condyle.train.keep import keep_array, keep_arrays, keep_json, keep_weights
from condyle.train.loop import Resume
from condyle.train.lumbar_recipe import LumbarRecipe as Recipe

from .conftest import Toy

LONG = np.zeros(1 << 15)
KEEP: dict[str, Callable[[Path], Any]] = {
    "array": lambda path: keep_array(path, LONG),
    "arrays": lambda path: keep_arrays(path, first=LONG, second=LONG),
    "compressed": lambda path: keep_arrays(path, compressed=True, only=np.random.default_rng(0).random(1 << 13)),
    "json": lambda path: keep_json(path, LONG.tolist()),
    "weights": lambda path: keep_weights(path, {"weight": torch.from_numpy(LONG)}),
}


@contextmanager
def full_disk(room: int = 4096) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("keep", KEEP.values(), ids=KEEP)
def test_a_full_disk_leaves_what_was_there(keep: Callable[[Path], Any], tmp_path: Path) -> None:
    path = tmp_path / "kept"
    path.write_bytes(b"whole")
    with full_disk(), pytest.raises(ResourceError) as caught:
        keep(path)
    assert caught.value.code == "disk-full"
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [("kept", b"whole")]
    keep(path)
    assert path.stat().st_size > 4096


def test_what_is_kept_is_what_was_given(tmp_path: Path) -> None:
    keep_array(tmp_path / "a.npy", LONG[:3])
    keep_arrays(tmp_path / "b.npz", text="x", numbers=LONG[:2])
    keep_weights(tmp_path / "c.pt", {"weight": torch.ones(2)})
    assert np.array_equal(np.load(tmp_path / "a.npy"), LONG[:3])
    with np.load(tmp_path / "b.npz") as stored:
        assert (str(stored["text"]), stored["numbers"].shape) == ("x", (2,))
    assert torch.equal(torch.load(tmp_path / "c.pt", weights_only=True)["weight"], torch.ones(2))


def test_training_on_a_full_disk_is_told_as_that_and_goes_on_later(recipe: Recipe, toy: Toy, tmp_path: Path) -> None:
    """The checkpoint, which Lightning writes, does not fit; its history does."""
    rows = np.arange(32)

    def run() -> None:
        fit_head(recipe, toy.inputs, toy.targets, rows, rows[:0], tmp_path, seed=1, checkpoint_every=1)

    with full_disk(), pytest.raises(ResourceError) as caught:
        run()
    assert caught.value.code == "disk-full"
    assert [path.name for path in tmp_path.iterdir()] == ["history.json"]
    run()
    assert (tmp_path / "head.pt").is_file()


def test_another_failure_of_torch_is_no_full_disk(tmp_path: Path) -> None:
    class Trainer:
        is_global_zero = True

        def save_checkpoint(self, part: Path, weights_only: bool) -> None:
            part.write_bytes(b"half")
            raise RuntimeError("CUDA error: an illegal memory access was encountered")

    (tmp_path / "last.ckpt").write_bytes(b"whole")
    with pytest.raises(RuntimeError, match="illegal memory access"):
        Resume(tmp_path / "last.ckpt", 1, 10)._save(Trainer())
    assert [(one.name, one.read_bytes()) for one in tmp_path.iterdir()] == [("last.ckpt", b"whole")]
