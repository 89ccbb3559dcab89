"""The commands that --help of ``condyle evaluate`` and its how-to page show, run on small tables under the names they use.

In this process, one after another: each is a line of the same program, and thirty fresh ones would cost a minute.
"""

from __future__ import annotations

import json
import re
import shlex
import shutil
from importlib.resources import files
from pathlib import Path

import jsonschema
import pytest

from condyle.cli.app import program, run
from condyle.cohorts.plan import read_plan
from tests.conftest import ROOT
from tests.evaluate.redoable import unexplained
from tests.evaluation_tables import write_tables

PAGE = ROOT / "docs" / "how-to" / "evaluate.md"


def shown() -> list[str]:
    """Lines of --help and of the page, once each; a line that ends in a backslash goes on."""
    found = [line for command in program().commands["evaluate"].commands.values() for line in command.examples]
    for text in re.findall(r"^```sh\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL):
        found += [line for line in text.replace("\\\n", " ").splitlines() if line.strip()]
    return sorted({" ".join(line.split()) for line in found})


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tables(tmp_path_factory.mktemp("tables"))


@pytest.mark.parametrize("line", shown())
def test_example(
    line: str, tables: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert line.startswith("condyle evaluate ")
    shutil.copytree(tables, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    words = shlex.split(line)[1:]
    fewer = ["--resamples", "100"] if words[1] in QUICKER and "--plan" not in words and "--resamples" not in words else []
    # Figures and PDF are drawn once a command; they are most of the time.
    plain = ["--no-figures"] if "-o" in words and line not in WHOLE else []
    code = run([*words, *fewer, *plain])
    told = capsys.readouterr()
    assert code == 0, told.err
    if "-o" in words:
        out = tmp_path / words[words.index("-o") + 1]
        assert str(out.name) in told.out
        assert (out / "evaluation.html").is_file()
        document = json.loads((out / "results.json").read_text("utf-8"))
        jsonschema.validate(document, SCHEMA)
        assert unexplained(document) == []  # each number can be redone
        if not plain:
            assert (out / "evaluation.pdf").read_bytes().startswith(b"%PDF")
            drawn = {path.stem for path in (out / "figures").iterdir()}
            assert drawn == set(document["figures"]) != set()


QUICKER = ("standalone", "compare")
WHOLE = {command.examples[0] for command in program().commands["evaluate"].commands.values()}
SCHEMA = json.loads((files("condyle.report") / "results.schema.json").read_text("utf-8"))


def test_plan_and_thresholds_of_the_page_are_valid(tmp_path: Path) -> None:
    plan, thresholds = re.findall(r"^```yaml\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    (tmp_path / "plan.yaml").write_text(plan, "utf-8")
    (tmp_path / "thresholds.yaml").write_text(thresholds, "utf-8")
    assert read_plan(tmp_path / "plan.yaml").thresholds == {"modic": 0.42}


def test_every_command_is_on_the_page() -> None:
    page = PAGE.read_text("utf-8")
    assert not [name for name in program().commands["evaluate"].commands if f"condyle evaluate {name}" not in page]
