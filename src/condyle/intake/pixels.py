"""Stored values of DICOM frames: uncompressed ones straight from the file into the volume, compressed ones in threads."""

from __future__ import annotations

import io
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.errors import InputError
from condyle.intake.decoders import decode_frame
from condyle.intake.dicom_file import BIG_ENDIAN, DEFLATED, NATIVE, DicomFile
from condyle.intake.encapsulated import encoded_frames
from condyle.intake.frame import Frame
from condyle.intake.quiet import quiet

MAX_VOLUME_BYTES = 8 << 30
MAX_RATIO = 1000  # of compression; an empty slice of JPEG 2000 reaches 200, its header included
Targets = list[tuple[NDArray[Any], Frame]]


def stored_type(file: DicomFile) -> np.dtype[Any]:
    """The NumPy type of the stored values. Raises ``InputError`` for depths that MR does not use."""
    layout = file.layout
    if layout.bits_allocated not in (8, 16, 32) or not 1 <= layout.bits_stored <= layout.bits_allocated:
        raise damaged(file.where, f"BitsAllocated {layout.bits_allocated} with BitsStored {layout.bits_stored} is no depth that is read")
    return np.dtype(f"{'i' if layout.signed else 'u'}{layout.bits_allocated // 8}")


def read_frames(frames: Sequence[Frame]) -> NDArray[Any]:
    """Stored values of frames of one shape, in the order given.

    Returns
    -------
    (len(frames), rows, columns) integers; unused high bits are cleared (sign extended when signed)

    Raises
    ------
    InputError - names the file whose pixels are cut off or cannot be decoded
    """
    first = frames[0]
    kind = stored_type(first.file)
    shape = (len(frames), first.rows, first.columns)
    needed = len(frames) * first.rows * first.columns * kind.itemsize
    if needed > MAX_VOLUME_BYTES:
        raise damaged(first.where, f"the series would need more than {MAX_VOLUME_BYTES >> 30} GiB of memory")
    there = sum({id(frame.file): frame.file.blob.size for frame in frames}.values())
    if needed > MAX_RATIO * there:
        raise damaged(first.where, f"{there} bytes of files cannot hold {needed} bytes of pixels")
    out = np.empty(shape, kind)
    if all(frame.file.layout.syntax in NATIVE and frame.tile is None for frame in frames):
        _read_uncompressed(out, frames)
    else:
        _read_in_threads(out, frames)
    return out


def _read_uncompressed(out: NDArray[Any], frames: Sequence[Frame]) -> None:
    """File by file: a member of an archive is decompressed once, however many frames it holds."""
    slots: dict[int, list[tuple[NDArray[Any], Frame]]] = defaultdict(list)
    for slot, frame in zip(out, frames, strict=True):
        slots[id(frame.file)].append((slot, frame))
    for own in slots.values():
        file = own[0][1].file
        data = file.blob.read() if file.blob.member else None
        for slot, frame in own:
            _read_native(file, frame.number, slot, data)


def _read_in_threads(out: NDArray[Any], frames: Sequence[Frame]) -> None:
    """Decode file by file; the frames of one file, and those of several, decode side by side."""
    files: dict[int, DicomFile] = {}
    targets: dict[int, dict[int, Targets]] = defaultdict(lambda: defaultdict(list))
    for slot, frame in zip(out, frames, strict=True):
        files[id(frame.file)] = frame.file
        targets[id(frame.file)][frame.number].append((slot, frame))
    with quiet(), ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        jobs: list[Future[None]] = []
        try:
            for key, file in files.items():
                encoded = None if file.layout.syntax in NATIVE else _separate(file, targets[key])
                jobs += [
                    pool.submit(_fill, file, index, None if encoded is None else encoded[index], slots)
                    for index, slots in targets[key].items()
                ]
            for job in jobs:
                job.result()
        finally:
            for job in jobs:
                job.cancel()


def _separate(file: DicomFile, wanted: Iterable[int]) -> Mapping[int, bytes]:
    """The bytes of the frames of a file as they are stored, by their number; of a deflated object those that are wanted."""
    if file.layout.syntax != DEFLATED:
        return dict(enumerate(encoded_frames(file)))
    data, size = _inflated(file), file.layout.frame_bytes
    return {index: data[index * size : (index + 1) * size] for index in wanted}


def _fill(file: DicomFile, index: int, encoded: bytes | None, targets: Targets) -> None:
    """One frame of a file into its slot, or into one slot a tile."""
    if file.layout.syntax == DEFLATED:
        whole = _inflated_frame(file, index, encoded or b"")
    elif encoded is not None:
        whole = decode_frame(encoded, file)
    else:
        whole = np.empty((file.layout.rows, file.layout.columns), stored_type(file))
        _read_native(file, index, whole)
    for slot, frame in targets:
        row, column = frame.tile or (0, 0)
        part = whole[row : row + frame.rows, column : column + frame.columns]
        slot[...] = part.view(slot.dtype) if part.dtype.itemsize == slot.dtype.itemsize else part
        _clear_unused_bits(slot, file.layout.bits_stored)


def _read_native(file: DicomFile, index: int, slot: NDArray[Any], data: bytes | None = None) -> None:
    """One frame into ``slot``, from the file or from ``data``, all of its bytes."""
    target: memoryview = memoryview(slot).cast("B")  # type: ignore[arg-type]  # arrays are buffers
    start = file.pixel_offset + index * len(target)
    if data is None:
        got = file.blob.read_into(target, start)
    else:
        part = memoryview(data)[start : start + len(target)]
        got = len(part)
        target[:got] = part
    if got != len(target) or file.pixel_length < (index + 1) * len(target):
        there = min(got, max(file.pixel_length - index * len(target), 0))
        raise damaged(file.where, f"its pixels end after {there} of {len(target)} bytes of frame {index + 1}")
    if file.layout.syntax == BIG_ENDIAN and slot.dtype.itemsize > 1:
        slot.byteswap(inplace=True)
    _clear_unused_bits(slot, file.layout.bits_stored)


def _inflated(file: DicomFile) -> bytes:
    """The pixels of a deflated object; pydicom inflates the data set."""
    import pydicom

    try:
        data: bytes = pydicom.dcmread(io.BytesIO(file.blob.read()), force=True).PixelData
    except Exception as error:  # pydicom raises many kinds on hostile bytes; each means: this file cannot be used
        raise damaged(file.where, f"it cannot be inflated ({type(error).__name__})") from None
    return data


def _inflated_frame(file: DicomFile, index: int, frame: bytes) -> NDArray[Any]:
    if len(frame) != file.layout.frame_bytes:
        raise damaged(file.where, f"its pixels end after {len(frame)} of {file.layout.frame_bytes} bytes of frame {index + 1}")
    return np.frombuffer(frame, stored_type(file)).reshape(file.layout.rows, file.layout.columns)


def _clear_unused_bits(slot: NDArray[Any], bits_stored: int) -> None:
    """Bits above BitsStored may hold anything (old overlays): shift them out, as pydicom does."""
    spare = slot.dtype.itemsize * 8 - bits_stored
    if not spare:
        return
    high = int(slot.max())
    if slot.dtype.kind == "i":
        clean = high < 1 << (bits_stored - 1) and int(slot.min()) >= -(1 << (bits_stored - 1))
    else:
        clean = high < 1 << bits_stored
    if not clean:
        np.left_shift(slot, spare, out=slot)
        np.right_shift(slot, spare, out=slot)


def damaged(where: str, why: str) -> InputError:
    """The error for pixels that cannot be had."""
    return InputError(
        "pixels-damaged",
        "The pixels of a file cannot be read.",
        where=where,
        why=f"{why[0].upper()}{why[1:]}.",
        what_to_do="Send the series again from its source.",
    )
