"""A path -> the files in it: folders of any depth, zip archives, single files. Nothing is left out in silence."""

from __future__ import annotations

import os
import stat
import zipfile
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from condyle.errors import InputError
from condyle.intake.blob import MAX_FILE_BYTES, Blob
from condyle.study import Problem

MAX_FILES = 200_000
MAX_ARCHIVE_BYTES = 64 << 30
MAX_RATIO = 200  # of the size after to the size before decompression; a blank MR slice packs about 1:100
RATIO_FROM_BYTES = 16 << 20


@dataclass(slots=True)
class Found:
    """Files to look at, and (where, reason) of those that were refused before looking."""

    blobs: list[Blob] = field(default_factory=list)
    refused: list[tuple[str, str]] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def refuse(self, code: str, where: str, what: str, why: str, what_to_do: str) -> None:
        """List a file as refused, with a problem that says why."""
        self.refused.append((where, f"{why[0].lower()}{why[1:].rstrip('.')}"))
        self.problems.append(Problem(code, "error", what, where, why, what_to_do))


def displayable(name: str) -> str:
    """A file name as text that can be printed and written: bytes that are no UTF-8 as ``\\xff``, so different names stay different."""
    return name if name.isascii() else os.fsencode(name).decode("utf-8", "backslashreplace")


def find_files(root: Path) -> Found:
    """Every file under ``root``. Raises ``InputError`` when ``root`` itself is not there."""
    try:
        mode = root.stat().st_mode
    except OSError as error:
        raise InputError(
            "path-missing", "The path given cannot be opened.", where=displayable(root.name), why=f"{error.strerror}.",
            what_to_do="Check the spelling.",
        ) from None  # fmt: skip
    found = Found()
    if stat.S_ISDIR(mode):
        _folder(root, found)
    elif not _dicomdir(root, found):
        _file(str(root), displayable(root.name), found)
    return found


def _dicomdir(root: Path, found: Found) -> bool:
    """A DICOMDIR stands for the folder that it indexes."""
    if root.name.upper() == "DICOMDIR" and root.is_file():
        _folder(root.parent, found)
        return True
    return False


def _folder(root: Path, found: Found) -> None:
    def unlistable(error: OSError) -> None:
        where = displayable(os.path.relpath(error.filename, root)) if error.filename else ""
        found.refuse("folder-unreadable", where, "A folder cannot be listed.", f"{error.strerror}.", "Check its permissions.")

    for folder, folders, names in os.walk(root, onerror=unlistable):
        folders.sort()
        inner = os.path.relpath(folder, root)
        prefix = "" if inner == "." else f"{displayable(inner)}/"
        for name in folders:
            if os.path.islink(os.path.join(folder, name)):
                found.refused.append((prefix + displayable(name), "a link to a folder, not followed"))
        for name in sorted(names):
            _file(f"{folder}{os.sep}{name}", prefix + displayable(name), found)
        if len(found.blobs) > MAX_FILES:
            raise InputError(
                "too-many-files",
                "The folder holds too many files.",
                why=f"There are more than {MAX_FILES}.",
                what_to_do="Open one study at a time.",
            )


def _file(path: str, where: str, found: Found) -> None:
    try:
        status = os.stat(path)
    except OSError as error:
        found.refuse("file-unreadable", where, "A file cannot be read.", f"{error.strerror}.", "Copy the file again from its source.")
        return
    if not stat.S_ISREG(status.st_mode):
        found.refused.append((where, "not a regular file"))
        return
    found.blobs.append(Blob(path, where, status.st_size))


def find_in_archive(blob: Blob) -> Found:
    """The members of a zip as blobs. They are read from the archive when needed, never unpacked."""
    found = Found()
    if blob.member:
        found.refuse(
            "zip-nested", blob.where, "A zip archive was not looked into.", "It lies inside another archive.",
            "Unpack it and open the folder.",
        )  # fmt: skip
        return found
    try:
        with zipfile.ZipFile(blob.path) as archive:
            members = [info for info in archive.infolist() if not info.is_dir()]
    except OSError as error:
        found.refuse("file-unreadable", blob.where, "A file cannot be read.", f"{error.strerror}.", "Check its permissions.")
        return found
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        found.refuse("zip-damaged", blob.where, "A zip archive cannot be read.", "It is damaged or not a zip.", "Send the archive again.")
        return found
    bomb = _bomb(members)
    if bomb:
        found.refuse("zip-bomb", blob.where, "A zip archive was refused.", bomb, "Send the study without compression, or in parts.")
        return found
    for info in members:
        where = f"{blob.where}/{info.filename}"
        if _leads_outside(info.filename):
            found.refuse(
                "zip-traversal", where, "A file in a zip was refused.", "Its name leads outside the archive.", "Pack the study again."
            )
        elif stat.S_ISLNK(info.external_attr >> 16):
            found.refused.append((where, "a link in an archive, not followed"))
        elif info.flag_bits & 1:
            found.refuse(
                "zip-encrypted", where, "A file in a zip cannot be read.", "It is encrypted.", "Unpack it with its password first."
            )
        else:
            found.blobs.append(Blob(blob.path, where, info.file_size, info.filename))
    return found


def _bomb(members: list[zipfile.ZipInfo]) -> str:
    """Why an archive looks like a bomb; empty when it does not."""
    total = sum(info.file_size for info in members)
    if len(members) > MAX_FILES:
        return f"It names {len(members)} files, more than {MAX_FILES}."
    if total > MAX_ARCHIVE_BYTES or any(info.file_size > MAX_FILE_BYTES for info in members):
        return f"It would unpack to {total >> 20} MiB."
    packed = sum(info.compress_size for info in members)
    if total > RATIO_FROM_BYTES and total > MAX_RATIO * max(packed, 1):
        return f"It would unpack to {total // max(packed, 1)} times its size."
    return ""


def _leads_outside(name: str) -> bool:
    parts = PurePosixPath(name.replace("\\", "/")).parts
    return name.startswith(("/", "\\")) or ".." in parts or (len(name) > 1 and name[1] == ":")
