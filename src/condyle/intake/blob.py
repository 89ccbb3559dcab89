"""Blob: the bytes of one file, on disk or inside a zip archive, read only as far as needed.

Archives are never unpacked to disk: nothing can be written outside a folder, no patient data are
left behind in a temporary place, and a full disk does not matter.
"""

from __future__ import annotations

import hashlib
import lzma
import os
import zipfile
import zlib
from dataclasses import dataclass
from functools import lru_cache

from condyle.errors import InputError

_PIECE = 1 << 20
_DAMAGED = "the archive is damaged, encrypted or of an unknown kind at this file"
# RuntimeError: encrypted member; NotImplementedError: unknown compression.
_FROM_ARCHIVES = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, NotImplementedError, RuntimeError, KeyError)
MAX_FILE_BYTES = 4 << 30  # one file; the largest enhanced MR object seen is below 1 GiB


@dataclass(frozen=True, slots=True)
class Blob:
    """One file.

    Parameters
    ----------
    path : str - the file on disk, or the archive that holds it
    where : str - how messages name it: relative to what was opened, free of patient data
    size : int - bytes (of an archive member: after decompression, as declared)
    member : str - name inside the archive; empty for a file on disk
    """

    path: str
    where: str
    size: int
    member: str = ""

    def head(self, count: int) -> bytes:
        """The first ``count`` bytes, fewer at the end of the file. Raises ``InputError``."""
        return self._read(count)

    def read(self) -> bytes:
        """All bytes. Raises ``InputError`` when unreadable, damaged or longer than declared."""
        self._refuse_too_large()
        data = self._read(self.size + 1)
        if len(data) != self.size:
            raise unreadable(self.where, "its length changed while it was read" if not self.member else "its declared length is wrong")
        return data

    def digest(self) -> bytes:
        """SHA-256 of all bytes, which are never in memory at once. Raises ``InputError`` as ``read``."""
        self._refuse_too_large()
        total = hashlib.sha256()
        with _Reading(self.where):
            if self.member:
                with _archive(self.path, os.stat(self.path).st_mtime_ns).open(self.member) as stream:
                    while part := stream.read(_PIECE):
                        total.update(part)
            else:
                with open(self.path, "rb", buffering=0) as file:
                    while part := file.read(_PIECE):
                        total.update(part)
        return total.digest()

    def read_into(self, target: memoryview, offset: int) -> int:
        """Fill ``target`` from ``offset`` on without a copy between; the number of bytes read."""
        if self.member:
            data = self.read()[offset : offset + len(target)]
            target[: len(data)] = data
            return len(data)
        with _Reading(self.where):
            descriptor = os.open(self.path, os.O_RDONLY)
            try:
                return os.preadv(descriptor, [target], offset)
            finally:
                os.close(descriptor)

    def beside(self, name: str) -> Blob | None:
        """The file of that name in the same folder; None when there is none. ``name`` holds no folder."""
        where = self.where.rpartition("/")[0]
        where = f"{where}/{name}" if where else name
        if self.member:
            member = f"{self.member.rpartition('/')[0]}/{name}".lstrip("/")
            sizes = {info.filename: info.file_size for info in _archive(self.path, os.stat(self.path).st_mtime_ns).infolist()}
            return Blob(self.path, where, sizes[member], member) if member in sizes else None
        path = os.path.join(os.path.dirname(self.path), name)
        return Blob(path, where, os.path.getsize(path)) if os.path.isfile(path) else None

    def tail(self, count: int) -> bytes:
        """The last ``count`` bytes of a file on disk."""
        end = bytearray(count)
        return bytes(end[: self.read_into(memoryview(end), max(self.size - count, 0))])

    def _refuse_too_large(self) -> None:
        if self.size > MAX_FILE_BYTES:
            raise InputError(
                "file-too-large",
                "A file is too large to be read.",
                where=self.where,
                why=f"It has {self.size} bytes.",
                what_to_do=f"Give files below {MAX_FILE_BYTES >> 30} GiB.",
            )

    def _read(self, count: int) -> bytes:
        with _Reading(self.where):
            if self.member:
                with _archive(self.path, os.stat(self.path).st_mtime_ns).open(self.member) as stream:
                    return stream.read(count)
            descriptor = os.open(self.path, os.O_RDONLY)
            try:
                found = os.pread(descriptor, count, 0)
                return found if len(found) in (0, count) else _read_on(descriptor, count, found)
            finally:
                os.close(descriptor)


class _Reading:
    """What the operating system or an archive raises becomes an ``InputError`` that names the file."""

    __slots__ = ("where",)

    def __init__(self, where: str) -> None:
        self.where = where

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, OSError):
            # Without a number it comes from a decompressor (bz2), not from the operating system.
            raise unreadable(self.where, error.strerror if error.errno else _DAMAGED) from None
        if isinstance(error, _FROM_ARCHIVES):
            raise unreadable(self.where, _DAMAGED) from None


def _read_on(descriptor: int, count: int, found: bytes) -> bytes:
    """``found`` and what comes behind it: one call need not give all that is there."""
    parts, total = [found], len(found)
    while total < count and (part := os.pread(descriptor, count - total, total)):
        parts.append(part)
        total += len(part)
    return b"".join(parts)


def unreadable(where: str, why: str | None) -> InputError:
    """The error for a file that the operating system or the archive will not give."""
    return InputError(
        "file-unreadable",
        "A file cannot be read.",
        where=where,
        why=f"{why or 'unknown reason'}.",
        what_to_do="Check permissions, or copy the file again from its source.",
    )


@lru_cache(maxsize=4)
def _archive(path: str, _modified: int) -> zipfile.ZipFile:
    return zipfile.ZipFile(path)
