"""Which DICOM objects are MR images whose pixels are all there; for the others, why not."""

from __future__ import annotations

from condyle.intake.decoders import COMPRESSED
from condyle.intake.dicom_file import DEFLATED, NATIVE, DicomFile
from condyle.intake.dicomdir import SOP_CLASS as DICOMDIR
from condyle.intake.encapsulated import is_whole
from condyle.intake.header import Header, of_elements

MR_CLASSES = frozenset(
    {
        "1.2.840.10008.5.1.4.1.1.4",  # MR Image Storage
        "1.2.840.10008.5.1.4.1.1.4.1",  # Enhanced MR Image Storage
        "1.2.840.10008.5.1.4.1.1.4.4",  # Legacy Converted Enhanced MR Image Storage
    }
)


def not_an_mr_image(file: DicomFile) -> str:
    """Why an object holds no MR image; empty when it does. This is no fault of the file."""
    foreign, empty = _foreign(file.header)
    return empty if file.pixel_length == 0 and not file.layout.rows else foreign


@of_elements("SOPClassUID", "MediaStorageSOPClassUID", "Modality", "SamplesPerPixel", "PhotometricInterpretation")
def _foreign(header: Header) -> tuple[str, str]:
    """Why such an object is no MR image, with pixels and without; empty when it is one."""
    modality, sop_class = header.text("Modality"), header.text("SOPClassUID") or header.text("MediaStorageSOPClassUID")
    if sop_class == DICOMDIR:
        return ("a DICOMDIR index, no image of its own",) * 2
    kind = f"modality {modality}" if modality.isalnum() and len(modality) <= 16 else "modality not given"
    if (sop_class and sop_class not in MR_CLASSES) or (not sop_class and modality != "MR"):
        return f"an image, but no MR image ({kind})", f"no pixel data ({kind})"
    if (header.whole("SamplesPerPixel") or 1) != 1 or header.text("PhotometricInterpretation") not in ("MONOCHROME1", "MONOCHROME2", ""):
        return ("a colour picture, not MR signal",) * 2
    return "", ""


def damage(file: DicomFile) -> str:
    """Why the pixels of an MR object cannot be read, as far as the header and sizes tell; empty when they can."""
    layout = file.layout
    if not layout.syntax:
        return "damaged: it has no TransferSyntaxUID, so its bytes have no certain meaning"
    if file.pixel_length == 0:
        return "no pixel data (modality MR)"
    if min(layout.rows, layout.columns, layout.frames) < 1:
        return "damaged: Rows, Columns or NumberOfFrames is missing or not a number"
    if layout.frames > file.blob.size:
        return "damaged: it names more frames than it has bytes"
    if layout.bits_allocated not in (8, 16, 32) or not 1 <= layout.bits_stored <= layout.bits_allocated:
        return f"BitsAllocated {layout.bits_allocated} with BitsStored {layout.bits_stored} is no depth that is read"
    if layout.syntax in NATIVE or layout.syntax == DEFLATED:
        needed = layout.frame_bytes * layout.frames
        there = file.pixel_length if layout.syntax == DEFLATED else min(file.pixel_length, file.blob.size - file.pixel_offset)
        return f"damaged: truncated pixel data, {max(there, 0)} of {needed} bytes" if there < needed else ""
    if layout.syntax not in COMPRESSED:
        return "its transfer syntax is not one that is read"
    if file.pixel_length != -1:
        return "damaged: compressed pixels without encapsulation"
    return "" if is_whole(file) else "damaged: its compressed pixels are cut off"
