"""From an exception to four parts on standard error and an exit code. Never a word about a patient."""

from __future__ import annotations

import errno
import logging
import os
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from condyle.cli.screen import Screen
from condyle.errors import CondyleError, ResourceError, UsageError

BUG = 70
BUG_REMARK = "Condyle stopped on something that it did not expect; this is a bug"
INTERRUPTED, TERMINATED = 130, 143
_NO_SPACE = {
    errno.ENOSPC: "The disk is full.",
    errno.EDQUOT: "The disk quota is used up.",
    errno.EFBIG: "The file would exceed the allowed size.",
}

# What is wrong with the path that was given, or with its rights.
_OF_THE_PATH = {errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG, errno.ELOOP}


class Terminated(KeyboardInterrupt):
    """SIGTERM (``timeout``, a batch system, a shutdown): stops the work at once and in the same way as Ctrl-C."""


@contextmanager
def _terminable() -> Iterator[None]:
    """Within the block SIGTERM raises ``Terminated``; by itself it would end the process in the middle of a file, without a word."""
    if threading.current_thread() is not threading.main_thread() or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
        yield
        return

    def stop(number: int, frame: object) -> None:
        raise Terminated

    signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def guarded(work: Callable[[], int | None], screen: Screen, *, debug: bool) -> int:
    """Run a command's work; whatever it raises becomes text for a person and an exit code."""
    _hush_libraries()
    try:
        with _terminable():
            code = work() or 0
        screen.finish(code)
        return code
    except KeyboardInterrupt as error:
        stopped = CondyleError(
            "interrupted", "Interrupted. Nothing half-written was left under the name you asked for.",
            what_to_do="Run the same command again; simulate, predict and train go on where they stopped.",
        )  # fmt: skip
        code = TERMINATED if isinstance(error, Terminated) else INTERRUPTED
        screen.error(stopped, code)
        return code
    except BrokenPipeError:
        leave_quietly()
        return 0
    except Exception as error:
        return report_failure(error, screen, debug=debug)


def leave_quietly() -> None:
    """The reader of a pipe left (``| head``). What is still buffered for it goes nowhere, or Python complains at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def report_failure(error: Exception, screen: Screen, *, debug: bool) -> int:
    """Show an exception and return the exit code that belongs to it."""
    told = as_condyle_error(error)
    code = told.exit_code if told else BUG
    screen.error(told or _bug(error), code)
    if debug:
        traceback.print_exception(error, file=sys.stderr)
    return code


def as_condyle_error(error: Exception) -> CondyleError | None:
    """The four-part form of an exception that a user can act on; None for a bug of ours."""
    if isinstance(error, CondyleError):
        return error
    if hasattr(error, "format_message") and hasattr(error, "exit_code"):  # the command-line parser's own errors
        return _from_parser(error)
    if isinstance(error, MemoryError):
        return ResourceError(
            "out-of-memory", "There is not enough memory to go on.", what_to_do="Close other programs, or read fewer studies at once."
        )
    if (full := _disk_full(error)) is not None:
        return ResourceError(
            "out-of-disk", "The output could not be written.", where=str(full.filename or ""), why=_NO_SPACE[full.errno or 0],
            what_to_do="Free some space or write elsewhere, then run the same command again.",
        )  # fmt: skip
    if isinstance(error, OSError) and error.errno in _OF_THE_PATH and error.filename:
        return CondyleError(
            "file-access", "A file or folder cannot be used.", where=str(error.filename), why=f"{error.strerror}.",
            what_to_do="Check that it exists and that you may read and write there.",
        )  # fmt: skip
    return None


def _disk_full(error: BaseException) -> OSError | None:
    """The full disk behind an exception: pydicom and others raise their own, without its number."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.errno in _NO_SPACE:
            return seen
        seen = seen.__cause__ or seen.__context__
    return None


def _from_parser(error: Any) -> UsageError:
    context = getattr(error, "ctx", None)
    words = context.command_path if context is not None else "condyle"
    told = str(error.format_message()).replace("Value error, ", "")  # of pydantic, by which typer reads some options
    return UsageError("wrong-usage", told, what_to_do=f"Type '{words} --help' for examples and options.")


def _bug(error: Exception) -> CondyleError:
    # The message of a foreign exception may quote the file it choked on: it is shown with --debug only.
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "condyle" in Path(frame.filename).parts]
    place = f"{Path(frames[-1].filename).name}, line {frames[-1].lineno}" if frames else ""
    return CondyleError(
        "bug", "Condyle stopped on something that it did not expect.", where=place,
        why=f"This is a bug in Condyle ({type(error).__name__}), not in your input.",
        what_to_do="Run the same command with --debug and report the traceback; look it through for patient data first.",
    )  # fmt: skip


def _hush_libraries() -> None:
    """Warnings and logs of other libraries may quote tag values, so patient names: they stay silent here."""
    warnings.simplefilter("ignore")
    for name in ("pydicom", "nibabel", "nibabel.global"):
        logger = logging.getLogger(name)
        logger.setLevel(logging.CRITICAL + 1)
        logger.propagate = False
