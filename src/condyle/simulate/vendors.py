"""How each vendor writes its headers: names, codes, number formats. No private tags, no demographics.

Styles were taken from real files (Siemens Aera and Prisma, GE Signa, Philips Achieva and Ingenia).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from condyle.errors import UsageError
from condyle.simulate.study import Protocol

Headers = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Vendor:
    """One vendor's style.

    Parameters
    ----------
    headers : (protocol, tesla) -> DICOM keywords of a series
    file_name : (series number, instance number, SOP instance UID) -> name below the series folder
    bits, signed : BitsStored, PixelRepresentation
    full_scale : stored value of the brightest voxel, about
    slope : RescaleSlope when the vendor writes one, else None
    """

    name: str
    headers: Callable[[Protocol, float], Headers]
    file_name: Callable[[int, int, str], str]
    bits: int
    signed: bool
    full_scale: int
    slope: float | None = None


def _common(protocol: Protocol, tesla: float) -> Headers:
    sequence = protocol.sequence
    return {
        "RepetitionTime": sequence.tr, "EchoTime": sequence.te, "FlipAngle": sequence.flip, "EchoTrainLength": sequence.echo_train,
        "MRAcquisitionType": "3D" if protocol.three_d else "2D", "SliceThickness": protocol.thickness,
        "SpacingBetweenSlices": protocol.spacing, "MagneticFieldStrength": tesla, "NumberOfAverages": 2,
        "ImagingFrequency": round(42.577 * tesla, 4), "EchoNumbers": 1, "PercentSampling": 80, "PercentPhaseFieldOfView": 100,
        "InPlanePhaseEncodingDirection": "COL", "AcquisitionMatrix": [0, protocol.matrix, int(0.8 * protocol.matrix), 0],
        **({"InversionTime": sequence.ti} if sequence.kind == "ir" else {}),
    }  # fmt: skip


def _fat(protocol: Protocol) -> bool:
    return protocol.sequence.fat_suppression != "none"


def _siemens(protocol: Protocol, tesla: float) -> Headers:
    sequence, kind = protocol.sequence, protocol.sequence.kind
    plane = protocol.name.rsplit("_", 1)[-1]
    name, code = {
        "ir": (f"t2_tirm_{plane}", f"*tir2d1_{sequence.echo_train}"),
        "tse": (f"{protocol.weighting}_tse_{plane}_{protocol.matrix}", f"*tse2d1_{sequence.echo_train}"),
        "gre": (f"{protocol.weighting}_fl3d_{plane}", "*fl3d1"),
        "se": (f"{protocol.weighting}_se_{plane}", "*se2d1"),
    }[kind]
    if protocol.three_d and kind == "tse":
        name, code = f"{protocol.weighting}_space_{plane}_iso", f"*spcR_{sequence.echo_train}"
    return _common(protocol, tesla) | {
        "Manufacturer": "SIEMENS", "ManufacturerModelName": "Skyra" if tesla > 2 else "Aera", "SoftwareVersions": "syngo MR E11",
        "ImageType": ["ORIGINAL", "PRIMARY", "M", "ND", "NORM"], "SeriesDescription": name + ("_fs" if _fat(protocol) else ""),
        "ProtocolName": name, "SequenceName": code, "ScanningSequence": {"ir": ["SE", "IR"], "gre": "GR"}.get(kind, "SE"),
        "SequenceVariant": {"gre": ["SP", "OSP"]}.get(kind, ["SK", "SP", "OSP"]), "ScanOptions": "FS" if _fat(protocol) else "SAT1",
        "ImagedNucleus": "1H", "PixelBandwidth": 235 if protocol.weighting == "t1" else 195, "TransmitCoilName": "Body",
        "AngioFlag": "N", "VariableFlipAngleFlag": "N", "NumberOfPhaseEncodingSteps": int(0.8 * protocol.matrix),
    }  # fmt: skip


def _ge(protocol: Protocol, tesla: float) -> Headers:
    kind = protocol.sequence.kind
    plane = protocol.name.rsplit("_", 1)[-1].upper()
    body = {"ir": "STIR", "gre": f"{protocol.weighting.upper()} FSPGR", "se": f"{protocol.weighting.upper()} SE"}.get(
        kind, "T2 FRFSE" if protocol.weighting == "t2" else f"{protocol.weighting.upper()} FSE"
    )
    if protocol.three_d and kind == "tse":
        body = "T2 CUBE"
    options = "TRF_GEMS" if protocol.weighting == "t2" else "SEQ_GEMS"
    return _common(protocol, tesla) | {
        "Manufacturer": "GE MEDICAL SYSTEMS", "ManufacturerModelName": "DISCOVERY MR750w" if tesla > 2 else "Optima MR450w",
        "SoftwareVersions": ["27", "LX", "MR Software release:DV26.0_R03_1831.b"], "ImageType": ["ORIGINAL", "PRIMARY", "OTHER"],
        "SeriesDescription": f"{plane} {body}" + (" FS" if _fat(protocol) else ""), "ProtocolName": protocol.region,
        "ScanningSequence": {"ir": ["SE", "IR"], "gre": "GR"}.get(kind, "SE"),
        "SequenceVariant": {"gre": ["SS", "SP", "SK"]}.get(kind, "SK"),
        "ScanOptions": ["FAST_GEMS", "NPW", options, "FILTERED_GEMS", *(["FS"] if _fat(protocol) else [])],
        "ImagedNucleus": "1H", "PixelBandwidth": 195.312, "ReceiveCoilName": "HD CTL 456", "AngioFlag": "N",
        "VariableFlipAngleFlag": "N", "ReconstructionDiameter": protocol.field_of_view, "InStackPositionNumber": None, "StackID": "1",
    }  # fmt: skip


def _philips(protocol: Protocol, tesla: float) -> Headers:
    kind = protocol.sequence.kind
    plane = protocol.name.rsplit("_", 1)[-1].upper()
    body = {"ir": "STIR_longTE", "gre": f"{protocol.weighting.upper()}W_FFE"}.get(kind, f"{protocol.weighting.upper()}W_TSE")
    if protocol.three_d and kind == "tse":
        body = "3D_T2W_VISTA"
    tag = "IR" if kind == "ir" else "FFE" if kind == "gre" else "SE"
    return _common(protocol, tesla) | {
        "Manufacturer": "Philips Healthcare" if tesla > 2 else "Philips Medical Systems", "ManufacturerModelName": "Ingenia",
        "SoftwareVersions": ["5.6.1", "5.6.1.2"], "ImageType": ["ORIGINAL", "PRIMARY", f"M_{tag}", "M", tag],
        "SeriesDescription": f"{body} {plane}", "ProtocolName": f"{body} {plane} SENSE",
        "ScanningSequence": {"ir": "IR", "gre": "GR"}.get(kind, "SE"), "SequenceVariant": "SK",
        "ScanOptions": "FS" if _fat(protocol) else "OTHER",
        "ImagedNucleus": "1H", "PixelBandwidth": 365, "ReceiveCoilName": "MULTI COIL", "TransmitCoilName": "B",
        "NumberOfPhaseEncodingSteps": int(0.8 * protocol.matrix), "ReconstructionDiameter": protocol.field_of_view,
        "NumberOfTemporalPositions": 1, "TemporalPositionIdentifier": 1,
    }  # fmt: skip


VENDORS: dict[str, Vendor] = {
    "siemens": Vendor("siemens", _siemens, lambda series, image, uid: f"MR.{uid}.dcm", 12, False, 1200),
    "ge": Vendor("ge", _ge, lambda series, image, uid: f"i{series * 1000 + image}.MRDC.{image}.dcm", 16, True, 6000),
    "philips": Vendor("philips", _philips, lambda series, image, uid: f"IM_{series:02d}{image:04d}.dcm", 12, False, 3800, 0.41),
}


def vendor_of(name: str) -> Vendor:
    """The vendor of that name. Raises UsageError for an unknown one."""
    if name.lower() not in VENDORS:
        raise UsageError("unknown-vendor", f"There is no simulated vendor {name!r}.", what_to_do=f"Use one of: {', '.join(VENDORS)}.")
    return VENDORS[name.lower()]


def overrides(headers: Headers, given: Mapping[str, Any]) -> Headers:
    """The headers with some replaced; a value of None removes the tag."""
    return {name: value for name, value in (headers | dict(given)).items() if value is not None}
