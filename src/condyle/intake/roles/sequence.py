"""The kind of pulse sequence and its timing, from technical tags only."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from condyle.intake.roles.tokens import codes, is_blank, number, numbers

Kind = Literal["spin echo", "gradient echo", "echo planar", "not an image", ""]

# Siemens writes the name of its pulse program; a leading * or _ and trailing digits are decoration.
_GRADIENT_NAMES = re.compile(r"^(fl|tfl|fi|de|me|trufi|tru|psif|ci|swi|qfl|fgre|gre|ffe|t1ffe|t1tfe|tfe|spgr|efgre|merge|medic)(?![a-z])")
_SPIN_NAMES = re.compile(
    r"^(se|tse|tser|tsew|tserr|spc|spcr|spcir|h|hr|tir|tirr|tirb|haste|fse|frfse|fse-xl|cube|mseme|msme|rare|fase)(?![a-z])"
)
_PLANAR_NAMES = re.compile(r"^(ep|epfid|epse|ez|epi|seepi|resolve|re)(?=[0-9_\W]|$|b[0-9])")

# DESS, balanced and reversed steady state: contrast T2/T1 by design.
_MIXED_NAMES = re.compile(r"^(de|trufi|tru|psif|ci)(?![a-z])")

# Derived quantities and diffusion carry their nature in ImageType.
_MAPS = {"DIFFUSION", "ADC", "FA", "TRACEW", "EXP", "MAP", "VELOCITY", "PHASE", "P", "PERFUSION", "FMRI", "T2*MAP", "B0", "SUBTRACTION"}


@dataclass(frozen=True, slots=True)
class Sequence:
    """Timing and kind of a pulse sequence.

    Parameters
    ----------
    kind : '' when the tags do not say
    kind_is_stated : bool - False when the kind was concluded from timing alone
    te, tr, ti : ms or None; ``te`` is the first echo, ``last_te`` the last of a series with several
    flip : degrees or None
    field : tesla or None
    """

    kind: Kind
    kind_is_stated: bool
    te: float | None
    last_te: float | None
    tr: float | None
    ti: float | None
    flip: float | None
    field: float | None
    echo_train: float | None
    bandwidth: float | None
    inversion: bool
    prepared: bool
    magnetisation_transfer: bool
    steady_state: bool
    mixed: bool
    spoiled: bool
    three_d: bool
    files_planar_as_spin_echo: bool


def sequence(headers: Mapping[str, Any]) -> Sequence:
    """Read the technical tags; no free text is looked at."""
    scanning, variant, options = (codes(headers, key) for key in ("scanning_sequence", "sequence_variant", "scan_options"))
    te, tr, flip = numbers(headers, "echo_time"), number(headers, "repetition_time"), number(headers, "flip_angle")
    bandwidth = number(headers, "pixel_bandwidth")
    stated = _stated_kind(headers, scanning, bandwidth, tr)
    return Sequence(
        kind=stated or _concluded_kind(min(te, default=None), tr, flip),
        kind_is_stated=bool(stated),
        te=min(te, default=None),
        last_te=max(te, default=None),
        tr=tr,
        ti=number(headers, "inversion_time"),
        flip=flip,
        field=_tesla(number(headers, "field_strength")),
        echo_train=number(headers, "echo_train_length"),
        bandwidth=bandwidth,
        inversion="IR" in scanning or _pulse_name(headers).startswith(("tir", "spcir")),
        prepared="MP" in variant or _pulse_name(headers).startswith("tfl"),
        magnetisation_transfer="MTC" in variant or "MT" in options,
        steady_state=bool({"SS", "TRSS"} & variant),
        mixed=bool(_MIXED_NAMES.match(_pulse_name(headers))),
        spoiled="SP" in variant,
        three_d="3D" in codes(headers, "acquisition_type"),
        # Philips does; GE, Siemens and Canon write EP beside SE. An unknown vendor is not trusted.
        files_planar_as_spin_echo=is_blank(maker := headers.get("manufacturer")) or "philips" in str(maker).casefold() or not stated,
    )


def _pulse_name(headers: Mapping[str, Any]) -> str:
    return str(headers.get("sequence_name") or "").strip().lower().lstrip("*_ ")


def _stated_kind(headers: Mapping[str, Any], scanning: frozenset[str], bandwidth: float | None, tr: float | None) -> Kind:
    image_type, name = codes(headers, "image_type"), _pulse_name(headers)
    if number(headers, "b_value") is not None:
        return "echo planar"  # weighted by diffusion, whatever the read-out
    # IN_PHASE and OPP_PHASE are parts of a Dixon series; PHASE alone is a phase image.
    if image_type & (_MAPS - {"PHASE"} if {"IN", "OPP", "OUT"} & image_type else _MAPS):
        return "not an image"
    # Philips calls its echo planar diffusion SE and its functional runs GR; the bandwidth per pixel along
    # the readout, over 1000 Hz, betrays them: a clinical echo train stays below about 900.
    if "EP" in scanning or _PLANAR_NAMES.match(name) or (bandwidth is not None and bandwidth > 1000 and (tr is None or tr > 300)):
        return "echo planar"
    if "GR" in scanning or "FFE" in image_type or _GRADIENT_NAMES.match(name):
        return "gradient echo"
    # A spin echo needs 90 and 180 degrees to recover from; under 60 ms the tag is not about this image.
    if ({"SE", "IR"} & scanning or "SE" in image_type or _SPIN_NAMES.match(name)) and (tr is None or tr >= 60):
        return "spin echo"
    return ""


def _concluded_kind(te: float | None, tr: float | None, flip: float | None) -> Kind:
    """The only kind that could make these times, or ''. A refocusing pulse does not fit in a TE under 5 ms."""
    if (te is not None and te < 5) or (tr is not None and tr < 100) or (flip is not None and flip <= 60):
        return "gradient echo"
    if flip is not None and flip >= 80 and te is not None and te >= 7 and tr is not None and tr >= 300:
        return "spin echo"
    return ""


def _tesla(value: float | None) -> float | None:
    """Old scanners write gauss (15000) or millitesla (2000); 0.02 to 12 T is what exists."""
    if value is None:
        return None
    for scale in (1, 1e-3, 1e-4):
        if 0.02 <= value * scale <= 12:
            return value * scale
    return None


def ernst_degrees(tr: float, t1: float) -> float:
    """Flip angle of greatest signal of a spoiled gradient echo. Source: Ernst & Anderson, Rev Sci Instrum 1966;37:93."""
    return math.degrees(math.acos(math.exp(-tr / t1)))
