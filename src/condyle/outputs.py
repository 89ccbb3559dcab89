"""Outputs that are either whole or absent: written aside, renamed when complete. Nothing of a person's is written over.

A folder of documents carries ``SHA256SUMS`` (``sha256sum -c SHA256SUMS`` verifies it). The first line of
that file says that Condyle wrote the folder: only such a folder, holding nothing else and unchanged
since, is ever replaced. A cohort carries none and is never replaced, and neither is a file that somebody named
as the output (:func:`refuse_existing_file`). Folders on the way to an output are made.
"""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from condyle.errors import CondyleError, ResourceError, UsageError

SUMS = "SHA256SUMS"
MARK = "# Written by Condyle"

# What an administrator mends (disk, quota, memory), as against what the caller mends (another path).
_RESOURCE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ENOMEM}


@contextmanager
def written_aside(out: str | Path, *, sums: bool = True, keep: Callable[[Path], bool] | None = None) -> Iterator[Path]:
    """A new empty folder beside ``out`` that becomes ``out`` when the block ends without an error.

    Parameters
    ----------
    sums : write ``SHA256SUMS``, with which a later run may replace the folder while nobody has changed it
    keep : of long work: the folder is ``OUT.partial``, stays there when the block fails and this says that it is worth it, and is what
        the next run begins with

    Raises
    ------
    UsageError - ``out`` is a file, cannot be written, or is a folder that is not an untouched earlier output
    ResourceError - the disk is full; nothing is left behind and an earlier output stays as it was
    """
    refuse_to_overwrite(out)
    target = Path(out).resolve()
    make_parent(target)
    try:
        if keep is None:
            aside = Path(tempfile.mkdtemp(prefix=f".{target.name}.partial-", dir=target.parent))
        else:
            aside = target.with_name(f"{target.name}.partial")
            aside.mkdir(exist_ok=True)
    except OSError as error:
        raise cannot_write(out, error) from error
    try:
        yield aside
        if sums:
            _write_sums(aside)
        refuse_to_overwrite(target)  # another program may have taken the name meanwhile
        aside.chmod(0o777 & ~_umask())  # mkdtemp makes private folders; an output has ordinary rights
        _put_in_place(aside, target)
    except OSError as error:
        if not _of_writing(error, aside):
            raise
        raise cannot_write(out, error) from error
    finally:
        if keep is None or not (aside.exists() and keep(aside)):
            shutil.rmtree(aside, ignore_errors=True)


@contextmanager
def file_aside(out: Path) -> Iterator[Path]:
    """A file name to write to that replaces ``out`` when the block ends well, and vanishes when it does not.

    Raises
    ------
    UsageError, ResourceError - as :func:`written_aside`
    """
    make_parent(out)
    try:
        handle, name = tempfile.mkstemp(prefix=f".{out.name}.partial-", dir=out.parent)
    except OSError as error:
        raise cannot_write(out, error) from error
    os.close(handle)
    aside = Path(name).resolve()
    try:
        yield aside
        aside.chmod(0o666 & ~_umask())
        aside.replace(out)
    except OSError as error:
        if not _of_writing(error, aside):
            raise
        raise cannot_write(out, error) from error
    finally:
        aside.unlink(missing_ok=True)


def make_parent(out: str | Path) -> None:
    """Make the folders on the way to an output. Raises UsageError, ResourceError as :func:`written_aside`."""
    try:
        Path(out).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise cannot_write(out, error) from error


def refuse_existing_file(out: str | Path) -> None:
    """Raise UsageError when there is something at ``out``, which is to become a file. Worth asking before long work."""
    if _there(Path(out)):
        raise UsageError(
            "output-exists",
            f"The output file {str(out)!r} exists and is not replaced.",
            why="It may hold somebody's work.",
            what_to_do="Name another file, or remove this one first.",
        )


def refuse_to_overwrite(out: str | Path) -> None:
    """Raise UsageError when the folder ``out`` holds something that must not be replaced. Worth asking before long work."""
    if problem := _not_replaceable(Path(out).resolve()):
        raise UsageError(
            "output-exists",
            f"The output folder {str(out)!r} exists and is not replaced.",
            where=problem,
            why="Only an empty folder or an unchanged earlier output of Condyle is replaced.",
            what_to_do="Name another folder, or remove this one first.",
        )


def _there(path: Path) -> bool:
    """Whether there is anything at ``path``. Raises as ``cannot_write`` for a path at which nothing can ever be, such as one too long."""
    try:
        return path.exists()
    except OSError as error:
        raise cannot_write(path.name, error) from error


def write_whole(out: str | Path, content: bytes) -> Path:
    """Write a file that replaces ``out`` in one step. Raises as :func:`file_aside`."""
    with file_aside(Path(out)) as aside:
        write_through(aside, content)
    return Path(out)


def write_through(path: Path, content: bytes) -> None:
    """Write a file of an output that is still aside, down to the disk: a full one is noticed here and not later."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def cannot_write(out: str | Path, error: OSError) -> CondyleError:
    """The four-part error for a failed write."""
    error = _numbered(error)
    what = f"The output {str(out)!r} could not be written."
    why = f"{(error.strerror or type(error).__name__).rstrip('.')}."
    if error.errno in _RESOURCE:
        return ResourceError(
            "disk-full", what, why=why, what_to_do="Free some space or choose another disk, then run the same command again."
        )
    return UsageError("output-not-writable", what, why=why, what_to_do="Choose a folder that you may write to.")


def _numbered(error: OSError) -> OSError:
    """The error of the system behind it: pydicom raises its own, without the number."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, OSError) and seen.errno is not None:
            return seen
        seen = seen.__cause__ or seen.__context__
    return error


def _of_writing(error: OSError, aside: Path) -> bool:
    """Whether the failed file is the output, and not one that the work was reading."""
    return error.filename is None or Path(os.fsdecode(error.filename)).resolve().is_relative_to(aside)


def _not_replaceable(target: Path) -> str:
    """Why an existing path must not be replaced; empty when it may be."""
    if not _there(target):
        return ""
    if not target.is_dir():
        return f"{target.name} is a file"
    if not any(target.iterdir()):
        return ""
    sums = target / SUMS
    if not sums.is_file() or not sums.read_text("utf-8", errors="replace").startswith(MARK):
        return f"{target.name} holds files that Condyle did not write as an output"
    listed = {name: digest for digest, _, name in (line.partition("  ") for line in sums.read_text("utf-8").splitlines()[1:])}
    for path in sorted(target.rglob("*")):
        name = path.relative_to(target).as_posix()
        if name == SUMS or path.is_dir():
            continue
        if path.is_symlink() or name not in listed:
            return f"{target.name}/{name} was added after it was written"
        if hashlib.sha256(path.read_bytes()).hexdigest() != listed[name]:
            return f"{target.name}/{name} was changed after it was written"
    return ""


def _write_sums(folder: Path) -> None:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    lines = [f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder).as_posix()}" for path in files]
    write_through(folder / SUMS, ("\n".join([f"{MARK}; verify with: sha256sum -c {SUMS}", *lines]) + "\n").encode())


def _put_in_place(aside: Path, target: Path) -> None:
    """Rename; an earlier output steps aside for that moment and comes back if the rename fails."""
    if not target.exists() or not any(target.iterdir()):
        aside.rename(target)
        return
    earlier = Path(tempfile.mkdtemp(prefix=f".{target.name}.earlier-", dir=target.parent))
    target.rename(earlier)
    try:
        aside.rename(target)
    except OSError:
        earlier.rename(target)
        raise
    shutil.rmtree(earlier)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
