"""The weighting of a series: the signal equation speaks, text is the second witness.

An image is called T1-weighted when its signal depends on T1 more than on T2, and so on. How much it
depends is not a matter of memorised ranges but of the signal equation: the relative change of the
signal for a relative change of T1 or T2 of a reference tissue. The thresholds below are put where
clinical convention changes its word, and a band about each is left open.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from condyle.intake.roles.fat_suppression import dixon_part
from condyle.intake.roles.scout import is_scout
from condyle.intake.roles.sequence import Sequence, ernst_degrees, sequence
from condyle.intake.roles.tokens import TEXT_KEYS, has, phrases, text_words
from condyle.study.role import WEIGHTINGS, Trait

# Reference tissue (muscle, cord, disc): T1 1000 ms at 1.5 T, growing with the field to the power 0.3
# (Bottomley et al., Med Phys 1984;11:425, give 0.2 to 0.4 over tissues); T2 and T2* hardly change.
_T1_AT_1_5, _T1_EXPONENT = 1000.0, 0.3
_T2, _T2STAR = 70.0, 30.0
# Fat: T1 250 ms at 1.5 T; the exponent 0.37 meets the published 1.5 T and 3 T values
# (de Bazelaire et al., Radiology 2004;230:652) and the STIR times used from 0.2 T to 3 T.
_FAT_T1_AT_1_5, _FAT_T1_EXPONENT = 250.0, 0.37

_ALL = frozenset(WEIGHTINGS)


@dataclass(frozen=True, slots=True)
class Timing:
    """What timing says: a value, or what remains possible. Text may choose among ``possible`` only."""

    value: str | None
    confidence: float = 0.0
    possible: frozenset[str] = _ALL


def weighting(headers: Mapping[str, Any]) -> Trait:
    """One of WEIGHTINGS, or None when it cannot be told.

    Timing first. Text confirms it; chooses among what timing leaves possible (an inversion time that
    was not written, an echo time between PD and T2); or contradicts it, and then nothing is stated.
    """
    seq = sequence(headers)
    timing, text = by_timing(seq), by_text(headers, seq)
    heard = tuple((source, value) for source, value in (("timing", timing.value), ("text", text)) if value is not None)
    if text == "t2" and timing.value == "t2star":
        text = "t2star"  # the everyday name of a T2*-weighted gradient echo
    if text == "other":
        return Trait("other", "text", 0.9, heard)
    if timing.value is None and text is None:
        return Trait()
    if text is None:
        return Trait(timing.value, "timing", timing.confidence, heard)
    if timing.value == text:
        return Trait(text, "timing", round(1 - (1 - timing.confidence) * 0.3, 3), heard)
    if text in timing.possible:
        return Trait(text, "text", 0.65 if timing.possible == _ALL else 0.75, heard)
    return Trait(None, "none", 0.3, heard or (("text", text),), conflict=True)


def by_timing(seq: Sequence) -> Timing:
    """Weighting from the kind of sequence and its times alone. Gradient echo first: its short TR breaks the TR/TE rule."""
    if seq.kind in ("echo planar", "not an image") or seq.mixed:
        return Timing("other", 0.9, frozenset({"other"}))
    if seq.te is None or seq.tr is None or not seq.kind:
        return Timing(None)
    said = _gradient_echo(seq, seq.te, seq.tr) if seq.kind == "gradient echo" else _spin_echo(seq, seq.te, seq.tr)
    if said.value is not None and not seq.kind_is_stated:
        return Timing(said.value, said.confidence - 0.15, said.possible | {"other"})
    return said


def _spin_echo(seq: Sequence, te: float, tr: float) -> Timing:
    if seq.last_te is not None and seq.last_te - te > 25:
        return Timing(None, possible=frozenset({"pd", "t2", "t1"}))  # echoes of different weighting in one series
    if (seq.inversion or not seq.kind_is_stated) and seq.ti is not None:
        return _inversion_recovery(seq, te, tr, seq.ti)
    if seq.ti is not None and _nulls_fat(seq.ti, seq.field):
        # An inversion time on a sequence not called IR: adiabatic fat saturation (SPAIR) or STIR.
        return Timing(None, possible=frozenset({"stir", "pd", "t2"}))
    t1 = _reference_t1(seq.field)
    x = tr / t1
    on_t1 = x / math.expm1(x)  # d ln(1 - exp(-TR/T1)) / d ln(1/T1)
    on_t2 = te / _T2  # d ln(exp(-TE/T2)) / d ln(T2)
    # An inversion whose time is not written: STIR cannot be excluded, nor can it be told.
    stir = frozenset({"stir"}) if seq.ti is None else frozenset()
    if seq.inversion and seq.ti is None:
        return Timing(None, possible=frozenset({"stir", "t1", "other"}))
    if on_t1 >= 0.55 and te <= 35 and on_t1 >= 1.5 * on_t2:
        return Timing("t1", 0.9, frozenset({"t1"}))
    if te >= 60 and on_t2 >= 1.4 * on_t1 and tr >= 900:
        if _may_be_planar(seq, te):
            return Timing(None, possible=frozenset({"t2", "other"}) | stir)
        return Timing("t2", 0.9, frozenset({"t2"}) | stir)
    if on_t1 <= 0.47 and te <= 42:
        return Timing("pd", 0.85, frozenset({"pd"}) | stir)
    if te < 60 and on_t1 < 0.65:
        # Between T1 and PD, or between PD and T2: convention differs from site to site.
        near = {"pd", "t2"} if te > 42 else {"pd", "t1"}
        return Timing(None, possible=frozenset(near) | stir)
    return Timing(None, possible=frozenset({"t2", "pd", "other"}) | stir)


def _inversion_recovery(seq: Sequence, te: float, tr: float, ti: float) -> Timing:
    if _nulls_fat(ti, seq.field):
        return Timing("stir", 0.9, frozenset({"stir"})) if tr >= 1000 else Timing(None, possible=frozenset({"stir", "other"}))
    if ti >= 1500:  # fluid is nulled
        return Timing("other", 0.85, frozenset({"other"}))
    if ti >= 1.8 * _fat_null(seq.field or 3.0) and te <= 40:
        return Timing("t1", 0.75, frozenset({"t1", "other"}))
    return Timing(None, possible=frozenset({"stir", "t1", "other"}))


def _gradient_echo(seq: Sequence, first_te: float, tr: float) -> Timing:
    if seq.flip is None:
        return Timing(None, possible=frozenset({"t1", "t2star", "pd", "other"}))
    inversion = seq.inversion or seq.prepared or seq.ti is not None
    # MPRAGE and its kin: contrast comes from the inversion; TR is either the whole cycle or the echo spacing.
    if inversion and first_te < 10 and (seq.ti is None or 200 <= seq.ti <= 1600) and seq.flip <= 25 and not 25 < tr < 500:
        return Timing("t1", 0.9, frozenset({"t1"}))
    if not inversion and tr >= 1100 and seq.flip <= 20 and first_te < 8:
        return Timing("t1", 0.7, frozenset({"t1", "other"}))  # nobody waits a second between pulses of 10 degrees
    t1 = _reference_t1(seq.field)
    ratio = seq.flip / ernst_degrees(tr, t1)
    on_t1, te = _spoiled_t1_sensitivity(tr, seq.flip, t1), (seq.last_te or first_te)
    if seq.magnetisation_transfer and te < 8:
        return Timing("other", 0.8, frozenset({"other"}))
    if te >= 15 and on_t1 < 0.65:
        return Timing("t2star", 0.85, frozenset({"t2star"}))
    if on_t1 < 0.45 and (te >= 8 or tr >= 250):
        # A long TR at a low flip buys no contrast in T1: it is spent on echoes, of which only the first
        # may be written (multi-echo sums).
        return Timing("t2star", 0.85 if te >= 8 else 0.7, frozenset({"t2star"}))
    if tr <= 12:
        # Segmented read-outs after a preparation, or interpolated 3D with a flip above the Ernst angle.
        # Far above it only balanced sequences and angiography live.
        if 1.15 <= ratio <= 4 and te < 8:
            return Timing("t1", 0.8, frozenset({"t1", "other"}))
        return Timing(None, possible=frozenset({"t1", "t2", "other"}))
    if tr >= 60 and on_t1 >= 0.6 and te <= 8:
        return Timing("t1", 0.8, frozenset({"t1", "other"}))
    if on_t1 < 0.45:
        return Timing("other", 0.7, frozenset({"other", "pd"}))  # short TE, low flip: proton density by gradient echo
    # TR 12 to 60 ms: spoiled T1, DESS and time of flight share these times. A flip little above the Ernst
    # angle is no T1 contrast that a reader of T1 knows, whatever the name says.
    mixed = {"t2star", "other"} | ({"t2"} if seq.steady_state and not seq.spoiled else {"t1"} if ratio >= 1.9 else {"pd"})
    return Timing(None, possible=frozenset(mixed))


def _may_be_planar(seq: Sequence, te: float) -> bool:
    """True where a diffusion-weighted echo planar series filed as spin echo would look the same.

    Such a series has an excitation of 90 degrees, a TE under about 105 ms, many echoes in a 2D read-out
    and fat saturation; the bandwidth per pixel, where it is written, has already told the two apart.
    """
    if not seq.files_planar_as_spin_echo or seq.bandwidth is not None or te > 105 or seq.three_d:
        return False
    if seq.flip is not None and abs(seq.flip - 90) > 5:
        return False
    return seq.echo_train is None or seq.echo_train >= 40


def _spoiled_t1_sensitivity(tr: float, flip: float, t1: float) -> float:
    """-d ln S / d ln T1 of S = sin(a) (1 - E) / (1 - E cos(a)), E = exp(-TR/T1); derived here."""
    x, cosine = tr / t1, math.cos(math.radians(flip))
    e = math.exp(-x)
    return x * e * (1 / (1 - e) - cosine / (1 - e * cosine))


def _reference_t1(field: float | None) -> float:
    return float(_T1_AT_1_5 * ((field or 1.5) / 1.5) ** _T1_EXPONENT)


def _fat_null(field: float) -> float:
    """Inversion time in ms that nulls fat, T1 ln 2 for a long TR."""
    return float(_FAT_T1_AT_1_5 * (field / 1.5) ** _FAT_T1_EXPONENT * math.log(2))


def _nulls_fat(ti: float, field: float | None) -> bool:
    """True for a TI about the null of fat; without a field strength the window spans 0.3 to 3 T."""
    return 0.6 * _fat_null(field or 0.3) <= ti <= 1.45 * _fat_null(field or 3.0)


_OTHER = phrases("""
    dwi, dti, diff, diffusion, difusion, difusao, diffusie, diffusione, adc, dadc, trace, tracew, ivim, epi, bold, fmri, asl,
    perf, perfusion, dsc, dce, twist, tricks, flow, pc, pca, venc, tof, angio, angiography, mrv, cemra, mip, calib, calibration,
    asset, cal, b1, b0map, fieldmap, field map, field mapping, shim, t1map, t2map, t1rho, t1 map, t2 map, t2star map, t2
    mapping, t1 mapping, mapping, cartigram, cartimap, mapit, flair, dark fluid, spectro, svs, csi, mrs, phase map, pha images,
    fid, swi, swan, sub, subtraction, subtraktion, soustraction, screen save, dose report, report, posdisp, fat fraction, ff
    map, r2star, opp fat, b1000, b800, b500, b50, b0, elastography
""")
_TEXT = {
    "t1": phrases("""
        t1, t1w, t1wi, t1weighted, t1 weighted, t1gewichtet, t1sag, mprage, mp2rage, bravo, fspgr, spgr, efgre3d, vibe, lava, thrive, t1fse,
        t1tse, t1ffe, t1tfe, t1fs, quick3d, tigre, isofse t1
    """),
    "t2": phrases("""
        t2, t2w, t2wi, t2weighted, t2 weighted, t2gewichtet, t2fse, t2tse, frfse, haste, ssfse, myelo, myelogram, myelographie,
        myelography, mielografia, t2fs
    """),
    "pd": phrases("""
        pd, pdw, pdwi, dp, dpw, pdfs, proton, proton density, protondensity, densite protons, densite de protons, densidad
        protonica, densita protonica, densidade protonica, protonendichte, protonengewichtet, protonendicht, protondichtheid,
        intermediate, iw
    """),
    "stir": phrases("stir, tirm, turbo stir, irfse, fir, turbostir, tir"),
    "t2star": phrases("""
        t2star, t2starw, t2 star, t2s, medic, me2d, merge, mffe, t2mffe, t2ffe, t2 ffe, ffe t2, t2 gre, gre t2, hemo, adage, gre me,
        t2 ge, t2 fl2d, t2stern, me gre, memp gre
    """),
}
# Names of sequences whose contrast is their own mixture of T1 and T2.
_MIXED = phrases("dess, de3d, fiesta, trufi, truefisp, true fisp, bffe, b ffe, ciss, psif, qdess, balanced, fisp")


def by_text(headers: Mapping[str, Any], seq: Sequence) -> str | None:
    """Weighting that the names say, in whole words; None when they say nothing or two things.

    ``other`` for localisers, diffusion, angiography, maps and every other series that must not fill a
    slot of a reader. FLAIR counts as T1 only when it says so (T1 FLAIR of the spine).
    """
    found = text_words(headers, TEXT_KEYS)
    named = {name for name, phrases in _TEXT.items() if has(found, phrases)}
    if is_scout(headers) or has(found, _MIXED) or (seq.kind == "gradient echo" and "mra" in found):
        return "other"
    if has(found, _OTHER):
        return "t1" if named == {"t1"} and has(found, phrases("t1 flair, t1w flair, t1flair, flair t1, t1 dark fluid")) else "other"
    if dixon_part(headers, found) == "fat":
        return "other"  # fat alone is no anatomy that a reader was trained on
    if "t2star" in named:
        named -= {"t2"}  # "T2 FFE", "T2 GRE" name both
    if "stir" in named:
        named -= {"t2", "pd"}  # "T2 STIR", "PD STIR": the echo time beside the preparation
    if named == {"pd", "t2"} and has(found, phrases("t2 pd, pd t2")):
        return None  # a double echo
    return named.pop() if len(named) == 1 else None

