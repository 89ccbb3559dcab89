"""The house keeps its shape: layers, light imports, and habits that a machine can see."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import textwrap
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from condyle.registry import KINDS
from tests.command import python

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src" / "condyle"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
HEAVY_FOR_HELP = ("numpy", "scipy", "cv2", "pydicom", "pydantic", "onnxruntime", "torch", "matplotlib")
HEAVY_FOR_IMPORT = ("torch", "onnxruntime", "matplotlib", "pandas")


def modules() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


def test_layers_hold() -> None:
    done = subprocess.run([str(Path(sys.executable).parent / "lint-imports"), "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_contract_has_exceptions() -> None:
    contracts = PROJECT["tool"]["importlinter"]["contracts"]
    assert len(contracts) >= 5
    assert not [contract["name"] for contract in contracts if contract.get("ignore_imports")]


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys\nfrom condyle.cli.app import run\nassert run(['--help']) == 0\n"
        f"print('HEAVY', sorted(set({HEAVY_FOR_HELP!r}) & set(sys.modules)))"
    )
    ran = python(code)
    assert ran.code == 0, ran.err
    assert ran.out.rstrip().endswith("HEAVY []")


@pytest.mark.parametrize("words", [["list", "findings"], ["list", "exporters"], ["show", "pfirrmann"]])
def test_listing_loads_no_torch_and_no_network_graph(words: list[str]) -> None:
    code = (
        f"import sys\nfrom condyle.cli.app import run\nassert run({words!r}) == 0\n"
        f"print('HEAVY', sorted(set({HEAVY_FOR_IMPORT!r}) & set(sys.modules)))"
    )
    ran = python(code)
    assert ran.code == 0, ran.err
    assert ran.out.rstrip().endswith("HEAVY []")


def test_import_condyle_loads_nothing_heavy() -> None:
    ran = python(f"import sys, condyle\nprint(sorted(set({HEAVY_FOR_IMPORT!r}) & set(sys.modules)))")
    assert (ran.code, ran.out.strip()) == (0, "[]"), ran.err


def test_a_cold_reading_imports_nothing_that_it_can_do_without() -> None:
    """Each of these costs a twentieth of a second or more; ``numpy.ma`` comes with ``numpy.unique``."""
    code = f"""
        import sys
        import numpy as np
        from condyle.intake import open_study
        from condyle.quality import check, motion, noise
        from condyle.readers import load_package
        from condyle.readers.multiplane.graphs import slots_of
        from condyle.readers.multiplane.stack import StackSpec, as_input, cut_stack
        from condyle.study import Geometry, Study, Volume
        reader = load_package("knee_nine")
        pixels = np.random.default_rng(0).integers(0, 900, (6, 96, 96), np.int16)
        stack = cut_stack(Volume(pixels, Geometry(np.eye(4), pixels.shape)), "axial", StackSpec())
        as_input(stack.pixels, stack.shown)
        check(Study("s", "p", ()), {{}}, "knee")
        for own in (motion, noise):
            own._of_series("it", "it", Volume(pixels, Geometry(np.eye(4), pixels.shape)))
        print(sorted({set(HEAVY_FOR_IMPORT) | {"pydantic", "pydicom", "scipy", "numpy.ma"}!r} & set(sys.modules)))
    """
    ran = python(textwrap.dedent(code))
    assert (ran.code, ran.out.strip()) == (0, "[]"), ran.err


def test_every_public_name_of_the_package_resolves() -> None:
    ran = python("import condyle\nfor name in condyle.__all__: getattr(condyle, name)\nprint('all there')")
    assert ran.out.strip() == "all there", ran.err


def test_help_starts_in_under_half_a_second() -> None:
    code = "import time; start = time.perf_counter()\nfrom condyle.cli.app import run\nrun(['--help'])\nprint('TOOK', time.process_time())"
    seconds = min(float(python(code).out.rsplit("TOOK", 1)[1]) for _ in range(3))
    assert seconds < 0.5  # processor time of the whole process, so that a busy machine does not decide


def test_only_the_command_line_prints() -> None:
    guilty = []
    for path in modules():
        if path.is_relative_to(SOURCE / "cli"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print":
                guilty.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert not guilty


def test_no_bare_except_and_none_that_passes_in_silence() -> None:
    guilty = []
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ExceptHandler):
                broad = node.type is None or (isinstance(node.type, ast.Name) and node.type.id in ("Exception", "BaseException"))
                silent = len(node.body) == 1 and isinstance(node.body[0], ast.Pass)
                if node.type is None or (broad and silent):
                    guilty.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert not guilty


def test_nothing_reads_a_pickle_or_runs_text() -> None:
    modules_banned = {"pickle", "cPickle", "dill", "joblib", "shelve", "marshal"}
    calls_banned = {"eval", "exec", "yaml.load", "yaml.unsafe_load", "yaml.full_load"}
    guilty = []
    for path in modules():
        for node in ast.walk(ast.parse(path.read_text())):
            imported = [name.name for name in node.names] if isinstance(node, ast.Import) else []
            # The error by which torch refuses an unsafe file reads nothing.
            if isinstance(node, ast.ImportFrom) and {name.name for name in node.names} != {"UnpicklingError"}:
                imported.append(node.module or "")
            unsafe = any(name.partition(".")[0] in modules_banned for name in imported)
            if isinstance(node, ast.Call):
                unsafe |= ast.unparse(node.func) in calls_banned
                unsafe |= any(word.arg == "allow_pickle" and ast.unparse(word.value) != "False" for word in node.keywords)
            if unsafe:
                guilty.append(f"{path.relative_to(ROOT)}:{node.lineno}")
    assert not guilty


def test_no_path_of_a_machine() -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\n")
    # A path such as a user's home or a build machine's work folder; `/home` alone or a URL is none.
    place = re.compile(r"(?<![\w.:/<])/(?:home|work|Users|root|mnt|scratch|opt)/\w")
    guilty = []
    for name in filter(None, tracked):
        path = ROOT / name
        if path.suffix in {".py", ".md", ".yaml", ".yml", ".toml", ".txt", ".json", ".csv", ".cfg", ".sh", ""} and path.is_file():
            text = path.read_text(encoding="utf-8", errors="replace")
            guilty += [f"{name}:{number}" for number, line in enumerate(text.splitlines(), 1) if place.search(line)]
    assert not guilty


def test_installed_plugins_are_those_of_pyproject() -> None:
    for kind in KINDS:
        declared = PROJECT["project"]["entry-points"].get(f"condyle.{kind}", {})
        installed = {
            point.name: point.value for point in entry_points(group=f"condyle.{kind}") if point.dist and point.dist.name == "condyle"
        }
        assert installed == declared, f"{kind}: reinstall (`pip install --no-deps -e .`): a new entry point is invisible until then"


def test_every_dependency_has_a_reason() -> None:
    page = (ROOT / "docs" / "decisions" / "0002-dependencies.md").read_text()
    explained = set(re.findall(r"^\| `([\w.-]+)` \|", page, flags=re.MULTILINE))
    lists = [PROJECT["project"]["dependencies"], *PROJECT["project"]["optional-dependencies"].values()]
    declared = {re.match(r"[\w.-]+", entry)[0] for entries in lists for entry in entries}  # type: ignore[index]
    assert explained == declared, f"no reason: {sorted(declared - explained)}; no longer used: {sorted(explained - declared)}"
