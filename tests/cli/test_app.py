"""The program as a whole: help, version, wrong usage."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from condyle import __version__
from condyle.cli.app import ORDER, program, run


def commands(group: Any = None, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command with the words that call it."""
    group = group or program()
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, (*words, name))
        else:
            yield (*words, name), command


NAMES = [" ".join(words) for words, _ in commands()]
GROUPS = ["", "data", "check", "packages"]


def help_of(name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("COLUMNS", "100")
    assert run([*name.split(), "--help"]) == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("name", [*GROUPS, *NAMES])
def test_golden_help(
    name: str, golden: Callable[[str, str], None], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    golden(f"help/{'-'.join(['condyle', *name.split()])}.txt", help_of(name, capsys, monkeypatch))


@pytest.mark.parametrize("name", NAMES)
def test_help_begins_with_two_examples(name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    lines = help_of(name, capsys, monkeypatch).splitlines()
    assert lines[0] == "Examples:"
    assert [line.split()[: 1 + len(name.split())] for line in lines[1:3]] == [["condyle", *name.split()]] * 2


@pytest.mark.parametrize("name", NAMES)
def test_every_command_has_the_common_options(name: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    text = help_of(name, capsys, monkeypatch)
    assert all(option in text for option in ("--json", "--quiet", "--debug"))


def test_every_group_has_its_place_in_the_list() -> None:
    assert set(program().commands) == set(ORDER)


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"condyle {__version__}\n"


def test_no_words_show_the_help(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 0
    assert "Examples:" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        ["nonsense"],
        ["read"],
        ["read", "x"],
        ["check"],
        ["list", "nonsense"],
        ["simulate", "lumbar", "o", "--studies", "0"],
        ["read", "--nope"],
    ],
)
def test_wrong_usage_is_exit_code_2_with_what_to_do(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(words) == 2
    text = capsys.readouterr().err
    assert text.startswith("Error [wrong-usage]: ")
    assert "What to do:" in text
    assert "--help" in text


@pytest.mark.parametrize("words", [["list", "errors"], ["list", "joints"]], ids=["more than a buffer", "less than a buffer"])
def test_a_reader_that_leaves_a_pipe_early_hears_no_complaint(words: list[str]) -> None:
    """``condyle list errors | head -1``: the pipe is closed before the program has said all."""
    program = subprocess.Popen(
        [sys.executable, "-c", "from condyle.cli import main; main()", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert program.stdout is not None
    assert program.stderr is not None
    program.stdout.close()
    complaint = program.stderr.read()
    program.stderr.close()
    assert program.wait(60) == 0
    assert complaint == ""
