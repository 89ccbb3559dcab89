"""Stored values of DICOM frames: uncompressed ones straight from the file, compressed ones in threads."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

from condyle.errors import InputError
from condyle.intake.decoders import decode_frame
from condyle.intake.dicom_file import BIG_ENDIAN, NATIVE, DicomFile

MAX_VOLUME_BYTES = 8 << 30


def stored_type(file: DicomFile) -> np.dtype[Any]:
    """The NumPy type of the stored values. Raises ``InputError`` for depths that MR does not use."""
    if file.bits_allocated not in (8, 16, 32) or not 1 <= file.bits_stored <= file.bits_allocated:
        raise damaged(file.where, f"BitsAllocated {file.bits_allocated} with BitsStored {file.bits_stored} is not a depth this program reads")
    return np.dtype(f"{'i' if file.signed else 'u'}{file.bits_allocated // 8}")


def read_frames(frames: Sequence[tuple[DicomFile, int]]) -> NDArray[Any]:
    """Stored values of equally shaped frames.

    Parameters
    ----------
    frames : (file, frame number from 0) in the order wanted

    Returns
    -------
    (len(frames), rows, columns) integers; unused high bits are cleared (sign extended when signed)

    Raises
    ------
    InputError - names the file whose pixels are cut off or cannot be decoded
    """
    first = frames[0][0]
    kind = stored_type(first)
    if len(frames) * first.rows * first.columns * kind.itemsize > MAX_VOLUME_BYTES:
        raise damaged(first.where, "the series would need more than 8 GiB of memory")
    out = np.empty((len(frames), first.rows, first.columns), kind)
    if all(file.syntax in NATIVE for file, _ in frames):
        for slot, (file, index) in zip(out, frames, strict=True):
            _read_native(file, index, slot)
        return out
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        workers = min(len(frames), len(os.sched_getaffinity(0)))
        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(_read_one, frames, out))
    return out


def _read_one(frame: tuple[DicomFile, int], slot: NDArray[Any]) -> None:
    file, index = frame
    if file.syntax in NATIVE:
        _read_native(file, index, slot)
        return
    decoded = decode_frame(file, index)
    if decoded.shape != slot.shape:
        raise damaged(file.where, f"its pixels decode to {decoded.shape}, the header says {slot.shape}")
    slot[...] = decoded.view(slot.dtype) if decoded.dtype.itemsize == slot.dtype.itemsize else decoded
    _clear_unused_bits(slot, file.bits_stored)


def _read_native(file: DicomFile, index: int, slot: NDArray[Any]) -> None:
    target = memoryview(slot).cast("B")
    got = file.blob.read_into(target, file.pixel_offset + index * len(target))
    if got != len(target) or file.pixel_length < (index + 1) * len(target):
        raise cut_off(file, index, min(got, max(file.pixel_length - index * len(target), 0)))
    if file.syntax == BIG_ENDIAN and slot.dtype.itemsize > 1:
        slot.byteswap(inplace=True)
    _clear_unused_bits(slot, file.bits_stored)


def _clear_unused_bits(slot: NDArray[Any], bits_stored: int) -> None:
    """Bits above BitsStored may hold anything (old overlays): shift them out, as pydicom does."""
    spare = slot.dtype.itemsize * 8 - bits_stored
    if not spare:
        return
    high = int(slot.max())
    if np.issubdtype(slot.dtype, np.signedinteger):
        clean = high < 1 << (bits_stored - 1) and int(slot.min()) >= -(1 << (bits_stored - 1))
    else:
        clean = high < 1 << bits_stored
    if not clean:
        np.left_shift(slot, spare, out=slot)
        np.right_shift(slot, spare, out=slot)


def cut_off(file: DicomFile, index: int, got: int) -> InputError:
    """The error for pixels that end before the frame does."""
    return damaged(file.where, f"its pixels end after {got} of {file.frame_bytes} bytes of frame {index + 1}")


def damaged(where: str, why: str) -> InputError:
    """The error for pixels that cannot be had."""
    return InputError(
        "pixels-damaged", "The pixels of a file cannot be read.", where=where, why=f"{why[0].upper()}{why[1:]}.",
        what_to_do="Send the series again from its source.",
    )  # fmt: skip
