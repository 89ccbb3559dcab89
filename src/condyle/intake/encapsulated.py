"""Compressed pixel data: fragments in the file -> one byte string a frame.

Source: DICOM PS3.5, A.4 (encapsulation, basic offset table).
"""

from __future__ import annotations

import struct
from itertools import pairwise

from condyle.errors import InputError
from condyle.intake.dicom_file import DicomFile

_ITEM, _END = b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0"
_TAIL = _END + bytes(4)


def is_whole(file: DicomFile) -> bool:
    """Whether the fragments end as they should. A file cut off on the way has no end marker."""
    if not file.blob.member and file.blob.tail(len(_TAIL)) == _TAIL:
        return True
    try:
        _fragments(file.blob.read(), file)
    except InputError:
        return False
    return True


def encoded_frames(file: DicomFile) -> list[bytes]:
    """The compressed bytes of each frame. Raises ``InputError`` when they are cut off or do not add up."""
    data = file.blob.read()
    table, fragments = _fragments(data, file)
    if file.layout.frames == 1:
        return [b"".join(data[start:stop] for start, stop in fragments)]
    if len(fragments) == file.layout.frames:
        return [data[start:stop] for start, stop in fragments]
    if len(table) == file.layout.frames and fragments:
        first = fragments[0][0] - 8
        borders = [first + offset for offset in table] + [len(data)]
        frames = [b"".join(data[start:stop] for start, stop in fragments if low <= start - 8 < high) for low, high in pairwise(borders)]
        if all(frames):
            return frames
    return _by_markers(data, fragments, file)


def _by_markers(data: bytes, fragments: list[tuple[int, int]], file: DicomFile) -> list[bytes]:
    """Without a usable offset table a new frame begins where a fragment begins with a JPEG family start marker."""
    frames: list[list[bytes]] = []
    for start, stop in fragments:
        if data[start : start + 2] in (b"\xff\xd8", b"\xff\x4f") or not frames:
            frames.append([])
        frames[-1].append(data[start:stop])
    if len(frames) != file.layout.frames:
        raise _broken(file, f"its {len(fragments)} fragments cannot be told apart into {file.layout.frames} frames")
    return [b"".join(parts) for parts in frames]


def _fragments(data: bytes, file: DicomFile) -> tuple[list[int], list[tuple[int, int]]]:
    """(basic offset table, (start, stop) of every fragment)."""
    position, found = file.pixel_offset, []
    while True:
        tag = data[position : position + 4]
        if tag == _END:
            break
        if tag != _ITEM or len(data) < position + 8:
            raise _broken(file, "its compressed pixels are cut off")
        length = struct.unpack_from("<I", data, position + 4)[0]
        start, position = position + 8, position + 8 + length
        if position > len(data):
            raise _broken(file, "its compressed pixels are cut off")
        found.append((start, position))
    if len(found) < 2:
        raise _broken(file, "it holds no compressed frame")
    low, high = found[0]
    return list(struct.unpack_from(f"<{(high - low) // 4}I", data, low)), found[1:]


def _broken(file: DicomFile, why: str) -> InputError:
    return InputError(
        "pixels-damaged",
        "The pixels of a file cannot be read.",
        where=file.where,
        why=f"{why[0].upper()}{why[1:]}.",
        what_to_do="Send the series again from its source.",
    )
