"""A package may be whole and still unable to read; all that keeps it from reading is said at once."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from condyle.errors import PackageError
from condyle.readers import check_package, open_package, write_package
from tests.readers.spine import toy_package

GRAPHS = {
    "segmenter": {"file": "graphs/segmenter.onnx", "inputs": ["picture"], "outputs": ["logits"]},
    "features": {"file": "graphs/features.onnx", "inputs": ["grey", "regions"], "outputs": ["features"]},
    "grader": {"file": "graphs/grader.onnx", "inputs": ["features", "present", "measured", "level"], "outputs": ["logits"]},
}


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("packages") / "toy"
    toy_package(out)
    return out


def rewritten(toy: Path, out: Path, files: dict[str, bytes] | None = None, **changes: Any) -> Path:
    """The toy with other contents or files, its hashes right."""
    package = open_package(toy)
    content = asdict(package.spec)
    kept = {name: data for name, data in {**package.files, **(files or {})}.items() if data != b"-"}
    write_package(out, {**content, **changes}, kept)
    return out


def test_a_package_that_reads_is_fit(toy: Path) -> None:
    assert check_package(toy).spec.name == "toy"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"joint": "nose"}, "no joint 'nose'"),
        ({"joint": "knee"}, "not one of the lumbar family"),
        ({"findings": ["foo", "bar"]}, "no finding bar, foo"),
        ({"findings": []}, "gives no finding"),
        ({"slots": {}}, "no slot"),
        ({"prepare": [{"step": "frobnicate"}]}, "frobnicate"),
        ({"thresholds": {"herniation": {"value": 0.5, "rule": ""}}}, "threshold of what it does not give: herniation"),
        ({"thresholds": {"modic": {"value": 0.5, "rule": ""}}}, "no threshold from which it calls present: disc_narrowing"),
        ({"thresholds": {}}, "no threshold for disc_narrowing, modic"),
        ({"graphs": {**GRAPHS, "segmenter": {**GRAPHS["segmenter"], "inputs": ["image"]}}}, "takes picture, and not image"),
        ({"graphs": {**GRAPHS, "segmenter": {**GRAPHS["segmenter"], "outputs": ["maps"]}}}, "no output maps"),
        ({"graphs": {name: GRAPHS[name] for name in ("segmenter", "features")}}, "'grader' is not there"),
        ({"graphs": {name: GRAPHS[name] for name in ("features", "grader")}}, "no graph 'segmenter'"),
        ({"settings": {}}, "does not describe its grader"),
        ({"family": "nose"}, "'nose', which is not installed"),
        ({"files": {"graphs/segmenter.onnx": b"garbage"}}, "'segmenter' cannot be loaded"),
        ({"files": {"card.md": b"-"}}, "no card.md"),
        ({"files": {"metrics.json": b" "}}, "no metrics.json"),
        ({"files": {"metrics.json": b"{nan"}}, "no JSON object"),
    ],
)
def test_what_keeps_it_from_reading_is_said(changes: dict[str, Any], told: str, toy: Path, tmp_path: Path) -> None:
    with pytest.raises(PackageError) as refused:
        check_package(rewritten(toy, tmp_path / "toy", **changes))
    assert refused.value.code == "package-unfit"
    assert told in refused.value.why


def test_all_faults_are_said_at_once(toy: Path, tmp_path: Path) -> None:
    with pytest.raises(PackageError) as refused:
        check_package(rewritten(toy, tmp_path / "toy", joint="nose", prepare=[{"step": "frobnicate"}], files={"card.md": b""}))
    for word in ("nose", "frobnicate", "card.md"):
        assert word in refused.value.why
