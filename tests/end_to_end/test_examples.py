"""Every example in every --help works, in a folder that holds what it names."""

from __future__ import annotations

import os
import shutil
from dataclasses import asdict
from pathlib import Path

import pytest

from condyle.cli.app import EXAMPLES, program
from condyle.readers import open_package, write_package
from tests.cli.test_app import commands
from tests.command import condyle

# Minutes of training, the folder of a public data set: tried where these are (tests/train, tests/cohorts, make test-full).
# Tables of predictions and reads: test_evaluate_examples.py.
NOT_HERE = ("condyle train", "condyle data import", "condyle evaluate")
ALL = sorted({line for _, command in commands() for line in command.examples} | set(EXAMPLES))
GROUPS = sorted({line for command in program().commands.values() if hasattr(command, "commands") for line in command.examples})


@pytest.fixture(scope="module")
def folder(simulated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a cohort, a zipped study and a package file, named as in the examples."""
    import condyle as library

    place = tmp_path_factory.mktemp("examples")
    shutil.copytree(simulated, place / "cohort")
    studies = list((place / "cohort").rglob("*.dcm"))
    shutil.make_archive(str(place / "study"), "zip", Path(os.path.commonpath(studies)))
    shipped = Path(library.__file__).parent / "packages" / "lumbar"
    ours = open_package(shipped)
    content = asdict(ours.spec)
    write_package(place / "my-package.condyle", {**content, "name": "my_package"}, ours.files)
    patient = (place / "cohort" / "manifest.csv").read_text().splitlines()[1].split(",")[1]
    study = Path((place / "cohort" / "manifest.csv").read_text().splitlines()[1].split(",")[2])
    (place / "table.csv").write_text(f"folder,bulge\n{next(part for part in study.parts if part not in ('studies', '..'))},yes\n")
    (place / "map.yaml").write_text("study: folder\nfindings: {bulging/L4-L5: bulge}\nwords: {yes: 1}\n")
    (place / "splits.csv").write_text(f"patient_id,split\n{patient},train\n")
    return place


def test_examples_of_groups_are_those_of_their_commands() -> None:
    assert set(GROUPS) <= set(ALL)


@pytest.mark.parametrize("line", [line for line in ALL if not line.startswith(NOT_HERE)])
def test_example(line: str, folder: Path, tmp_path: Path) -> None:
    for path in folder.iterdir():
        (tmp_path / path.name).symlink_to(path)
    words = line.split()[1:]
    if words[0] == "simulate" and words[2] == "cohort":
        (tmp_path / "cohort").unlink()
    ran = condyle(*words, cwd=tmp_path, env={"XDG_DATA_HOME": str(tmp_path / "data"), "HOME": str(tmp_path)})
    assert ran.code == 0, ran.err
    if "--json" in words:
        assert ran.document["exit_code"] == 0
