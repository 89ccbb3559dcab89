"""Exceptions become four parts and a documented exit code."""

from __future__ import annotations

import errno
import json
import os
import signal
import time
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from condyle.cli import health
from condyle.cli.app import run
from condyle.cli.failure import BUG, INTERRUPTED, TERMINATED, guarded
from condyle.cli.screen import Screen
from condyle.errors import CondyleError, InputError, MissingExtraError, PackageError, ResourceError, TableError, UsageError

PLANTED = "DOE^JANE"


def raising(error: BaseException) -> Callable[[], int]:
    def work() -> int:
        raise error

    return work


def outcome(error: BaseException, *, json_wanted: bool = False, debug: bool = False) -> int:
    return guarded(raising(error), Screen(json=json_wanted, quiet=False), debug=debug)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UsageError("a", "What."), 2),
        (InputError("a", "What."), 3),
        (TableError("a", "What.", problems=("row 2", "row 5")), 3),
        (PackageError("a", "What."), 4),
        (MissingExtraError("train", "Training", "torch"), 4),
        (ResourceError("a", "What."), 5),
        (MemoryError(), 5),
        (OSError(errno.ENOSPC, "No space left on device", "out.csv"), 5),
        (OSError(errno.EDQUOT, "Disk quota exceeded", "out.csv"), 5),
        (PermissionError(errno.EACCES, "Permission denied", "in.dcm"), 3),
        (FileNotFoundError(errno.ENOENT, "No such file or directory", "in.dcm"), 3),
        (KeyboardInterrupt(), 130),
        (ValueError("x"), BUG),
        (OSError(errno.EIO, "Input/output error"), BUG),
    ],
)
def test_exit_codes(error: BaseException, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome(error) == code
    assert capsys.readouterr().err.startswith("Error [")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, INTERRUPTED), (signal.SIGTERM, TERMINATED)])
def test_a_signal_ends_the_work_at_once_and_says_how_to_go_on(
    number: signal.Signals, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as a shell starts what it runs in the background
        signal.signal(signal.SIGINT, signal.default_int_handler)

    def work() -> int:
        os.kill(os.getpid(), number)
        time.sleep(60)
        return 0

    begun, before = time.monotonic(), signal.getsignal(signal.SIGTERM)
    assert guarded(work, Screen(json=False, quiet=False), debug=False) == code
    assert time.monotonic() - begun < 30
    assert "go on where they stopped" in capsys.readouterr().err
    assert signal.getsignal(signal.SIGTERM) is before


def test_golden_error(golden: Callable[[str, str], None], capsys: pytest.CaptureFixture[str]) -> None:
    outcome(
        TableError(
            "manifest-invalid",
            "The manifest has 2 problems.",
            where="manifest.csv",
            why="Nothing is read from a table that is partly wrong.",
            what_to_do="Mend these rows.",
            problems=("row 2: side 'lft' is not known; did you mean 'left'?", "row 5: path is empty"),
        )
    )
    golden("error.txt", capsys.readouterr().err)


def test_the_message_of_an_unexpected_exception_stays_hidden(capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome(ValueError(f"cannot parse {PLANTED}")) == BUG
    said = capsys.readouterr()
    assert PLANTED not in said.out + said.err
    assert "bug" in said.err
    assert "--debug" in said.err


def test_debug_adds_the_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    outcome(InputError("a", "What."), debug=True)
    assert "Traceback" in capsys.readouterr().err


def test_json_carries_the_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome(CondyleError("some-code", "What.", where="Where.", why="Why.", what_to_do="Do."), json_wanted=True) == 3
    document = json.loads(capsys.readouterr().out)
    assert document["exit_code"] == 3
    assert document["error"] == {"code": "some-code", "what": "What.", "where": "Where.", "why": "Why.", "what_to_do": "Do.", "details": []}


LONG = "a" * 300  # no file system takes it as one name


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["read", ".", "-o", LONG], 2),
        (["read", ".", "-o", f"{LONG}/x"], 2),
        (["read", LONG, "-o", "out"], 3),
        (["read", f"{LONG}.json", "-o", "out"], 3),
        (["read", ".", "-o", "out", "--package", LONG], 4),
        (["read", ".", "-o", "out", "--corrections", LONG], 3),
        (["view", ".", "-o", f"{LONG}.png"], 2),
        (["data", "scan", ".", "-o", f"{LONG}.csv"], 2),
        (["simulate", "lumbar", LONG], 2),
        (["simulate", "lumbar", "out", "--seed", "-1"], 2),
        (["check", "package", LONG], 4),
        (["check", "manifest", LONG], 3),
        (["check", "recipe", LONG], 3),
    ],
    ids=lambda value: " ".join(value).replace(LONG, "LONG") if isinstance(value, list) else str(value),
)
def test_a_name_that_is_too_long_and_a_seed_below_zero_are_no_bugs_of_ours(
    words: list[str], code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(words) == code
    said = capsys.readouterr().err
    assert "Error [" in said
    assert "Error [bug]" not in said
    assert not list(tmp_path.iterdir())


def test_words_of_a_validator_stay_out_of_messages(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["list", "backbones"]) == 2
    said = capsys.readouterr().err
    assert "'backbones' is not one of 'joints'" in said
    assert "Value error" not in said


def test_a_misspelt_plugin_is_told_in_the_singular_with_the_nearest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["data", "import", "mrnett", str(tmp_path), "-o", str(tmp_path / "out")]) == 2
    said = capsys.readouterr().err
    assert "There is no adapter of a data set 'mrnett'." in said
    assert "Did you mean 'mrnet'?" in said


def test_doctor_names_every_extra_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_installed", lambda name: name in ("torch", "optuna"))
    said = health._extras()
    assert said.startswith("train, search; not installed: evaluate")
    told = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    assert set(health.EXTRAS) == set(told) - {"docs", "dev"}
