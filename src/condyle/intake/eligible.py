"""Which DICOM objects are MR images whose pixels are all there; for the others, why not."""

from __future__ import annotations

from condyle.intake.decoders import COMPRESSED
from condyle.intake.dicom_file import DEFLATED, NATIVE, DicomFile
from condyle.intake.dicomdir import SOP_CLASS as DICOMDIR
from condyle.intake.encapsulated import is_whole

MR_CLASSES = frozenset(
    {
        "1.2.840.10008.5.1.4.1.1.4",  # MR Image Storage
        "1.2.840.10008.5.1.4.1.1.4.1",  # Enhanced MR Image Storage
        "1.2.840.10008.5.1.4.1.1.4.4",  # Legacy Converted Enhanced MR Image Storage
    }
)


def sop_class_of(file: DicomFile) -> str:
    """SOPClassUID; a DICOMDIR has it in the file meta information alone."""
    return file.header.text("SOPClassUID") or file.header.text("MediaStorageSOPClassUID")


def not_an_mr_image(file: DicomFile) -> str:
    """Why an object holds no MR image; empty when it does. This is no fault of the file."""
    header = file.header
    modality, sop_class = header.text("Modality"), sop_class_of(file)
    if sop_class == DICOMDIR:
        return "a DICOMDIR index, no image of its own"
    kind = f"modality {modality}" if modality.isalnum() and len(modality) <= 16 else "modality not given"
    if (sop_class and sop_class not in MR_CLASSES) or (not sop_class and modality != "MR"):
        return f"no pixel data ({kind})" if file.pixel_length == 0 and not file.rows else f"an image, but no MR image ({kind})"
    if (header.whole("SamplesPerPixel") or 1) != 1 or header.text("PhotometricInterpretation") not in ("MONOCHROME1", "MONOCHROME2", ""):
        return "a colour picture, not MR signal"
    return ""


def damage(file: DicomFile) -> str:
    """Why the pixels of an MR object cannot be read, as far as the header and sizes tell; empty when they can."""
    if not file.syntax:
        return "damaged: it has no TransferSyntaxUID, so its bytes have no certain meaning"
    if file.pixel_length == 0:
        return "no pixel data (modality MR)"
    if min(file.rows, file.columns, file.frames) < 1:
        return "damaged: Rows, Columns or NumberOfFrames is missing or not a number"
    if file.bits_allocated not in (8, 16, 32) or not 1 <= file.bits_stored <= file.bits_allocated:
        return f"BitsAllocated {file.bits_allocated} with BitsStored {file.bits_stored} is no depth that is read"
    if file.syntax in NATIVE or file.syntax == DEFLATED:
        needed = file.frame_bytes * file.frames
        there = file.pixel_length if file.syntax == DEFLATED else min(file.pixel_length, file.blob.size - file.pixel_offset)
        return f"damaged: truncated pixel data, {max(there, 0)} of {needed} bytes" if there < needed else ""
    if file.syntax not in COMPRESSED:
        return "its transfer syntax is not one that is read"
    if file.pixel_length != -1:
        return "damaged: compressed pixels without encapsulation"
    return "" if is_whole(file) else "damaged: its compressed pixels are cut off"
