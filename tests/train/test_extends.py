"""What a recipe inherits, and what it can take back."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from condyle.errors import TableError
from condyle.train.recipe import load_recipe

TUTORIALS = Path(__file__).resolve().parents[2] / "docs" / "tutorials"


def recipe(folder: Path, text: str) -> Path:
    path = folder / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("size", ["smoke", "study", "full"])
def test_findings_named_anew_leave_the_other_heads_behind(tmp_path: Path, size: str) -> None:
    own = load_recipe(recipe(tmp_path, "extends: knee_nine\ndata: {findings: [acl_injury, cyst]}\n"), size=size)  # type: ignore[arg-type]
    assert own.data.findings == ("acl_injury", "cyst")
    assert set(own.heads) == {"acl_injury", "cyst"}


def test_a_finding_named_anew_needs_a_head(tmp_path: Path) -> None:
    with pytest.raises(TableError) as caught:
        load_recipe(recipe(tmp_path, "extends: knee_nine\ndata: {findings: [acl_injury, effusion]}\n"))
    assert any("heads" in line for line in caught.value.problems)
    text = "extends: knee_nine\ndata: {findings: [acl_injury, effusion]}\nheads: {effusion: binary}\n"
    assert set(load_recipe(recipe(tmp_path, text)).heads) == {"acl_injury", "effusion"}


def test_null_takes_back_what_was_inherited(tmp_path: Path) -> None:
    text = "extends: knee_nine\ndata: {slots: {coronal: null, axial: null}}\noptimiser: {warm_up: null, precision: null}\n"
    own = load_recipe(recipe(tmp_path, text))
    assert list(own.data.slots) == ["sagittal"]
    plain = load_recipe("knee_nine")
    assert own.optimiser.precision == type(plain.optimiser)().precision != plain.optimiser.precision  # type: ignore[attr-defined]


@pytest.mark.parametrize("page", sorted(TUTORIALS.glob("*.md")), ids=lambda path: path.stem)
@pytest.mark.parametrize("size", ["smoke", "study", "full"])
def test_recipes_of_the_tutorials_can_be_used(page: Path, size: str, tmp_path: Path) -> None:
    for block in re.findall(r"```yaml\n(extends: .*?)```", page.read_text(encoding="utf-8"), re.DOTALL):
        load_recipe(recipe(tmp_path, block), size=size)  # type: ignore[arg-type]
