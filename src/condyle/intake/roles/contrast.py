"""Contrast medium: none, intravenous, or inside the joint (arthrogram)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from condyle.intake.roles.sequence import sequence
from condyle.intake.roles.tokens import STUDY_TEXT_KEYS, TEXT_KEYS, has, is_blank, phrases, text_words
from condyle.intake.roles.witness import Witness, settle
from condyle.study.role import Trait

_ARTHRO = phrases("""
    arthro, arthrogram, arthrography, arthrographie, arthrogramm, arthrografie, artro, artrografia, artrograma, artroresonancia,
    artro rm, artrorm, artro rmn, arthro irm, arthroirm, arthro mr, arthro mri, arthro mrt, mr arthro, mrarthro, mrarthrography,
    mrarthrogram, arthromr, intraarticular, intra articular, intraartikular, intraarticulaire, intra articulaire,
    intraarticolare, intra articolare, intraarticulair, uniarthro, artrorisonanza, artro resonancia, artro risonanza, direct
    arthro
""")
_INDIRECT = phrases("indirect, indirekt, indirekte, indirecte, indirecta, indiretta, indireta")
_WITH = phrases("""
    plusc, plusgd, pluskm, plusgad, post, post contrast, postcontrast, postgad, postgd, post gd, postkm, gd, gad, gado,
    gadolinium, gadovist, dotarem, ce, km, mit km, nach km, kontrastmittel, mit kontrastmittel, contraste iv, con contraste, con
    civ, c contraste, com contraste, con mdc, dopo mdc, mdc, post mdc, postmdc, avec gado, avec inj, avec injection, apres inj,
    apres injection, apres gado, injecte, inj, iv, na contrast, met contrast, na gd, with contrast, w contrast, contrast
    enhanced, enhanced, wc, pos contraste, pos gd, mit gd, apres gd, gadolinio, postcontraste, tras contraste, post contraste
""")
_WITHOUT = phrases("""
    nativ, native, nativo, nativa, ohne km, ohne kontrastmittel, ohne gd, pre, precontrast, pre contrast, pregad, pregd, pre gd,
    prekm, pre km, without, without contrast, wo, wo contrast, non contrast, noncontrast, no contrast, unenhanced, non enhanced,
    sans inj, sans injection, sans gado, sans contraste, sin contraste, sin civ, s contraste, sem contraste, senza mdc, senza
    contrasto, zonder contrast, blanco, pre mdc, basale, vor km, avant inj, avant injection, avant gado
""")
_ANGIO = phrases("""
    angio, angiography, angiographie, angiografia, tof, cemra, ce mra, pca, carotid, carotids, aorta, runoff, twist, tricks,
    mrv, renal, willis, peripheral
""")
_ENHANCED_ANGIO = phrases("ce mra, cemra, ce angio, ceangio, twist, tricks, gd, gad")
_AFTER = phrases("post, nach, apres, dopo, na contrast, pos, plusc, plusgd, pluskm, postcontrast, postgd, postkm, injecte")
_STUDY_WITHOUT = phrases("""
    without contrast, wo contrast, w o contrast, wo iv contrast, wo, without, non contrast, ohne km, ohne kontrastmittel, nativ,
    sans injection, sans contraste, sin contraste, sem contraste, senza mdc, senza contrasto, zonder contrast
""")
_STUDY_WITH = phrases("with, w, wwo, w wo, mit, mit km, avec, con, com, con mdc, met")
_FAT_ONLY = phrases("without fs, without fat, without fatsat, without sat, wo fs, wo fat, wo fatsat")
_INJECTED_JOINTS = frozenset(phrases("shoulder, hip, wrist, elbow, knee, ankle"))


def contrast(headers: Mapping[str, Any], part: Trait) -> Trait:
    """'none', 'intravenous', 'arthrogram' or None.

    A filled agent tag says that something was given, not where: in a joint that is also injected it
    settles nothing without the route or a word; the witness ``given`` then stands beside the unknown
    value. An empty tag says nothing at all. ``MRA`` is an arthrogram only at a joint and on a spin
    echo; elsewhere the same letters mean angiography.
    """
    own, study = text_words(headers, TEXT_KEYS), text_words(headers, STUDY_TEXT_KEYS)
    agent = text_words(headers, ("contrast_agent", "contrast_route"))
    given = not is_blank(headers.get("contrast_agent")) and not has(agent, phrases("no, none, false, n, 0, nein, non"))
    by_tag = Witness("tag", _by_tag(agent, given, part), 0.85)
    found = settle(by_tag, Witness("text", _by_text(own, study, headers, part), 0.75))
    if not found.witnesses and (given or (has(own, _WITH) and not has(own, _WITHOUT) and not has(own + study, _ANGIO))):
        return replace(found, witnesses=(("tag" if given else "text", "given"),))
    return found


def _by_tag(agent: tuple[str, ...], given: bool, part: Trait) -> str | None:
    if has(agent, phrases("""
        intraarticular, intra articular, ia, i a, arthro, arthrography, intraartikular, articular, joint
    """)):
        return "arthrogram"
    if has(agent, phrases("iv, intravenous, i v, intravenos, intraveineuse, intravenoso, bolus")):
        return "intravenous"
    return "intravenous" if given and part.value is not None and part.value not in _INJECTED_JOINTS else None


def _by_text(own: tuple[str, ...], study: tuple[str, ...], headers: Mapping[str, Any], part: Trait) -> str | None:
    angiography = has(own + study, _ANGIO)
    if has(own + study, _ARTHRO) and not angiography:
        if has(own + study, _INDIRECT):
            return "intravenous"
        # "Pre" in an arthrogram study: the joint is still empty.
        return "none" if has(own, _WITHOUT) and not has(own, _ARTHRO) else "arthrogram"
    if has(own + study, phrases("mra")) and not angiography and part.value in _INJECTED_JOINTS and sequence(headers).kind == "spin echo":
        return "arthrogram"
    if has(own, _WITHOUT):
        # With a fat word "without" speaks of fat saturation.
        return None if has(own, _FAT_ONLY) else "none"
    if has(study, _STUDY_WITHOUT) and not has(study, _STUDY_WITH):
        return "none"
    if angiography:
        return "intravenous" if has(own, _ENHANCED_ANGIO) else None
    # In a joint that is also injected, and where the joint is unknown, a word such as "Gd" leaves the route open.
    if has(own, _WITH) and part.value not in _INJECTED_JOINTS:
        return "intravenous" if part.value is not None or has(own, _AFTER) else None
    return None
