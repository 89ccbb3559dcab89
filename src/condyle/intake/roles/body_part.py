"""The body part: the tag, and the words of the protocol, the series and the study."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from condyle.intake.roles.tokens import STUDY_TEXT_KEYS, TEXT_KEYS, has, phrases, text_words
from condyle.intake.roles.witness import Witness, settle
from condyle.study.role import Trait

# English, German, French, Spanish, Italian, Portuguese, Dutch, without accents; tag values in the same list.
_NAMES: dict[str, frozenset[str]] = {
    "lumbar": phrases("""
        lumbar, lspine, l spine, lsspine, ls spine, lumbosacral, lumbal, lumbale, lumbaire, lombaire, lombare, lombosacrale,
        lombosacra, lombosacro, lombar, lombale, lws, lwk, lwz, lwk decentr, lendenwirbelsaule, lendenwervelkolom, rachis
        lombaire, columna lumbar, colonna lombare, lombosacrale, lombosacra, lombosacro, rachide lombare, lombosacrale,
        lombosacra, lombosacro, coluna lombar, lumbo, lumb, lumbarspine, lumbosacra, lumbosacrale, lumbossacra, lendenwirbel,
        lumbo sacre, lombo sacre, lumbalwirbelsaule, rachis lombo sacre
    """),
    "cervical": phrases("""
        cervical, cspine, c spine, cervicale, cervicaal, hws, cwk, halswirbelsaule, halswervelkolom, rachis cervical, columna
        cervical, rachide cervicale, colonna cervicale, coluna cervical, cervicalspine
    """),
    "thoracic": phrases("""
        thoracic spine, tspine, t spine, dorsal spine, dspine, bws, brustwirbelsaule, thoracale, thoracaal, twk, rachis dorsal,
        rachis thoracique, columna dorsal, rachide dorsale, coluna dorsal, coluna toracica, colonna dorsale, columna toracica,
        thoracicspine, dorsal
    """),
    "spine": phrases("""
        spine, spinal, wirbelsaule, wervelkolom, rachis, columna, colonna, coluna, rachide, gws, whole spine, total spine,
        wholespine, ctspine, ruckenmark, rueckenmark, cord, moelle, tlspine, t l spine, ctlspine, rug, rugpoli
    """),
    "sacroiliac": phrases("""
        sacroiliac, si joint, si joints, isg, iliosakral, iliosacral, iliosakralgelenk, sacroiliaque, sacro iliaque,
        sacroiliaques, sacroiliaca, sacroiliacas, sacroiliache, sij, sig, sacroiliacaal, sacrum, sacro, sijoint, sijoints
    """),
    "knee": phrases("""
        knee, knees, knie, kniegelenk, genou, genoux, rodilla, ginocchio, joelho, patella, patellofemoral, aaknee
    """),
    "shoulder": phrases("""
        shoulder, shoulders, schulter, schultergelenk, epaule, hombro, spalla, ombro, schouder, glenohumeral, rotator cuff, aber,
        aashoulder, labrum shoulder
    """),
    "hip": phrases("""
        hip, hips, hufte, huefte, huftgelenk, hanche, hanches, cadera, caderas, anca, anche, quadril, heup, coxofemoral
    """),
    "pelvis": phrases("pelvis, becken, bassin, pelvi, pelvica, bacino, bacia, bekken, pelvic, prostate, prostata"),
    "ankle": phrases("""
        ankle, osg, usg, sprunggelenk, cheville, tobillo, caviglia, tornozelo, enkel, hindfoot, achilles
    """),
    "foot": phrases("foot, feet, fuss, pied, pie, piede, pe, voet, forefoot, vorfuss, toe, mittelfuss, voorvoet"),
    "wrist": phrases("wrist, handgelenk, poignet, muneca, polso, punho, pols, carpal"),
    "hand": phrases("hand, hands, main, mano, mao, finger, thumb, daumen, doigt"),
    "elbow": phrases("elbow, ellenbogen, ellbogen, coude, codo, gomito, cotovelo, elleboog"),
    "head": phrases("""
        head, brain, kopf, schadel, schaedel, hirn, neurocranium, neurocranio, crane, cerveau, cerebral, encephale, cabeza,
        cerebro, craneo, testa, cervello, encefalo, cranio, cabeca, hoofd, hersenen, skull, orbit, orbita, pituitary, sella,
        hypophyse, iac, temporal bone, aahead, brainstem, tmj, kiefergelenk
    """),
    "neck": phrases("neck, nck, hals, cou, cuello, collo, pescoco, headneck, head neck, carotid, carotids"),
    "chest": phrases("chest, thorax, torax, sternum, lung, heart, cardiac, herz"),
    "breast": phrases("breast, mamma, sein, mama, mammella"),
    "abdomen": phrases("""
        abdomen, liver, leber, foie, higado, fegato, figado, oberbauch, mrcp, kidney, niere, pancreas, addome
    """),
    "thigh": phrases("thigh, femur, oberschenkel, cuisse, muslo, coscia, coxa, dijbeen, bovenbeen"),
    "lower leg": phrases("lower leg, tibia, calf, unterschenkel, jambe, pierna, gamba, perna, onderbeen"),
    "upper arm": phrases("upper arm, humerus, oberarm, bovenarm, humero"),
    "forearm": phrases("forearm, unterarm, avant bras, antebrazo, avambraccio, antebraco, onderarm"),
}

# 'spine' says less than its regions; 'dorsal', 'neck', 'pelvis' and single bones yield to a named joint.
_GENERAL = {
    "spine": frozenset({"lumbar", "cervical", "thoracic", "sacroiliac"}),
    "neck": frozenset({"cervical", "head"}),
    "pelvis": frozenset({"hip", "sacroiliac", "lumbar"}),
}
PAIRED = frozenset(phrases("""
        knee, shoulder, hip, ankle, foot, wrist, hand, elbow, thigh, lower leg, upper arm, forearm, breast
    """))
UNPAIRED = frozenset(phrases("lumbar, cervical, thoracic, spine, sacroiliac, pelvis, head, neck, chest, abdomen"))


def body_part(headers: Mapping[str, Any]) -> Trait:
    """A joint of the anatomy catalogue, or another word such as 'head'.

    The tag is often the scanner's default (one public set of cervical cords says BRAIN in 12 %), so
    text that names another part leaves the matter open, with both witnesses listed.
    """
    by_tag = named_part(text_words(headers, ("body_part_examined",)))
    by_series, by_study = named_part(text_words(headers, TEXT_KEYS)), named_part(text_words(headers, STUDY_TEXT_KEYS))
    by_words = by_series or by_study
    if by_tag and by_words and by_tag in _GENERAL and by_words in _GENERAL[by_tag]:
        return settle(Witness("text", by_words, 0.85))
    if by_tag and by_words and by_words in _GENERAL and by_tag in _GENERAL[by_words]:
        return settle(Witness("tag", by_tag, 0.85))
    return settle(Witness("tag", by_tag, 0.75), Witness("text", by_words, 0.75))


@lru_cache(maxsize=1024)
def named_part(found: tuple[str, ...]) -> str | None:
    """The one body part that the words name; None for none or several that do not contain each other."""
    named = {part for part, phrases in _NAMES.items() if has(found, phrases)}
    for general, special in _GENERAL.items():
        if named & special:
            named.discard(general)
    return named.pop() if len(named) == 1 else None
