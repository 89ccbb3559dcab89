"""A small seeded sample of ``fuzzing``; ``python -m tests.intake.fuzzing`` runs as many as you like."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.intake.fuzzing import bounded, check, mutated

FILES = [
    f"{name}.dcm"
    for name in ("MR_small", "MR_small_RLE", "MR_small_bigendian", "MR_small_implicit", "MR_small_jp2klossless", "emri_small_RLE")
]


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("name", FILES)
def test_mutated_files_give_pixels_or_a_sentence(samples: Path, tmp_path: Path, name: str) -> None:
    """Never another exception, never a hang, never a large allocation; where both parsers give pixels, the same."""
    data = (samples / name).read_bytes()
    with bounded():
        outcomes = [check(mutated(data, f"{name} {number}"), tmp_path / "x")[0] for number in range(60)]
    assert len(set(outcomes)) > 1, "the mutations are too weak or too strong to test anything"


def test_every_mutation_can_be_made_again(samples: Path) -> None:
    data = (samples / "MR_small.dcm").read_bytes()
    assert mutated(data, "7") == mutated(data, "7") != mutated(data, "8")
