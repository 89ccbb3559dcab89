"""The simulated knee: anatomy that fits together, findings that are really there, severity down to invisible."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from condyle.errors import UsageError
from condyle.intake.roles import infer_role
from condyle.simulate import KneeVariation, Planted, SimulatedStudy, simulate_knee
from condyle.simulate.knee.findings import FINDINGS, PLACES, difficulties, plant, random_findings
from condyle.simulate.knee.joint import CODES, Knee, build
from condyle.simulate.knee.lesions import _on_cartilage
from condyle.simulate.knee.person import person
from condyle.simulate.knee.protocols import SITES

SEED = 7
STILL = KneeVariation(side="left", age=35.0, tibial_width=75.0, body_fat=8.0, flexion=2.0, rotation=5.0)


@cache
def small(*words: str, series: tuple[str, ...] = ("pd_fs_sag",), matrix: int = 112, slices: int = 8) -> SimulatedStudy:
    return simulate_knee(SEED, findings=list(words) or ["normal"], variation=STILL, series=series, matrix=matrix, slices=slices, tesla=3.0)


@cache
def knee() -> Knee:
    return build(SEED, person(SEED, STILL))


def difference(first: SimulatedStudy, second: SimulatedStudy) -> float:
    return max(float(np.abs(first.volumes[name].pixels - second.volumes[name].pixels).max()) for name in first.series)


def test_the_same_seed_gives_the_same_knee_and_another_seed_another() -> None:
    options = {"series": ("pd_fs_tra",), "matrix": 64, "slices": 2}
    first, again, other = (simulate_knee(seed, **options) for seed in (3, 3, 4))  # type: ignore[arg-type]
    assert difference(first, again) == 0
    assert first.truth.notes == again.truth.notes
    assert difference(first, other) > 0


# One word of each finding whose place is a point, with the mm beyond its own radius within which it must show.
PLAIN = {
    "meniscal_tear@medial": 6, "cartilage_defect@lateral": 6, "acl_injury": 16, "pcl_injury": 16, "mcl_injury": 24, "lcl_injury": 20,
    "fat_pad_injury": 10, "plica": 12, "cyst@popliteal": 14, "bone_contusion@lateral_tibia": 14,
}  # fmt: skip


def planted(severity: float) -> tuple[str, ...]:
    return tuple(f"{name}={severity}{at}{place}" for name, at, place in (word.partition("@") for word in PLAIN))


def test_findings_of_severity_0_change_no_pixel() -> None:
    plain = small(matrix=48, slices=4)
    zero = tuple(f"{name}=0" for name in FINDINGS)
    assert difference(plain, small(*zero, matrix=48, slices=4)) == 0


def test_plain_findings_change_pixels_at_their_places_and_nowhere_else() -> None:
    plain, ill = small().volumes["pd_fs_sag"], small(*planted(1.0))
    change = np.abs(plain.pixels - ill.volumes["pd_fs_sag"].pixels)
    world = plain.geometry.to_world(np.indices(plain.shape).reshape(3, -1).T)
    near_any = np.zeros(len(world), bool)
    for lesion, (word, reach) in zip(ill.truth.notes["lesions"], PLAIN.items(), strict=True):
        name = word.partition("@")[0]
        assert lesion["finding"] == name
        assert ill.truth.levels[""][name] == 1
        # Slices here are 13 mm thick, so a place across them is known to half of that.
        near = np.linalg.norm(world - lesion["centre"], axis=1) < lesion["radius_mm"] + reach + 6.5
        assert change.reshape(-1)[near].max() > 0.05, name
        near_any |= near
    assert change.reshape(-1)[~near_any].max() < 0.02


def test_severity_orders_what_is_seen() -> None:
    """The more severe, the more the pixels about each finding differ from the same knee without it."""
    plain = small().volumes["pd_fs_sag"]
    world = plain.geometry.to_world(np.indices(plain.shape).reshape(3, -1).T)
    mild, plainer = small(*planted(0.3)), small(*planted(1.0))
    for lesion in plainer.truth.notes["lesions"]:
        near = np.linalg.norm(world - lesion["centre"], axis=1) < lesion["radius_mm"] + 8
        changes = [np.abs(one.volumes["pd_fs_sag"].pixels - plain.pixels).reshape(-1)[near].sum() for one in (mild, plainer)]
        assert changes[0] < changes[1], lesion["finding"]


def test_cartilages_bear_on_each_other_and_do_not_overlap() -> None:
    """In both compartments the least distance of femoral and tibial cartilage is a film of fluid."""
    bones = knee().bones
    tibia, femur = bones["tibia"], bones["femur"]
    points = tibia.surface.points()
    assert tibia.thickness is not None
    on = (np.abs(tibia.coat().values) < 0.7) & (tibia.thickness.values > 1.0)
    for side in (-1, 1):
        places = points[:, on & (side * points[0] > 8)]
        gap = femur.coat().at(places) + tibia.coat().at(places)
        assert -0.6 < np.quantile(gap, 0.01) < 0.8


def test_ligaments_reach_from_bone_to_bone() -> None:
    for name, first, last in (
        ("acl", "tibia", "femur"),
        ("pcl", "tibia", "femur"),
        ("mcl", "tibia", "femur"),
        ("patellar_tendon", "tibia", "patella"),
    ):
        path = np.array(knee().ligaments[name].course.path, np.float32)
        for place, bone in ((path[0], first), (path[-1], last)):
            assert knee().bones[bone].surface.at(place[:, None])[0] < 5.0, (name, bone)


def test_structures_lie_on_their_side() -> None:
    """Medial is towards the midline of the body on both sides; the fibula is lateral."""
    for side, sign in (("left", 1.0), ("right", -1.0)):
        study = simulate_knee(5, findings=["normal"], variation=KneeVariation(side=side), series=("pd_fs_cor",), matrix=64, slices=8)
        labels = study.labels
        centre = {name: labels.geometry.to_world(np.argwhere(labels.pixels == CODES[name])).mean(0)[0] for name in ("fibula", "tibia")}
        assert sign * (centre["fibula"] - centre["tibia"]) > 15
        assert sign * labels.geometry.centre[0] > 0
        assert sign * (study.truth.positions["lateral_plateau"][0] - study.truth.positions["medial_plateau"][0]) > 30


def test_fat_is_dark_with_suppression_and_bright_without() -> None:
    study = simulate_knee(SEED, findings=["normal"], variation=STILL, series=("pd_fs_cor", "t1_cor"), matrix=96, slices=6)
    fat = study.labels.pixels == CODES["fat"]
    muscle = study.labels.pixels == CODES["muscle"]
    fs, t1 = (study.volumes[name].pixels for name in ("pd_fs_cor", "t1_cor"))
    assert np.median(fs[fat]) < np.median(fs[muscle])
    assert np.median(t1[fat]) > 2 * np.median(t1[muscle])


def test_planes_and_roles_are_those_that_headers_tell() -> None:
    from condyle.simulate.vendors import vendor_of

    study = small("normal", series=("pd_fs_sag", "pd_fs_cor", "pd_fs_tra"), matrix=32, slices=3)
    for one, plane in zip(study.series.values(), ("sagittal", "coronal", "axial"), strict=True):
        assert one.volume.geometry.plane == plane
        for vendor in ("siemens", "ge", "philips"):
            written = vendor_of(vendor).headers(one.protocol, 3.0)
            headers = {
                "manufacturer": written["Manufacturer"], "series_description": written["SeriesDescription"], "body_part_examined": "KNEE",
                "echo_time": written["EchoTime"], "repetition_time": written["RepetitionTime"], "scan_options": written["ScanOptions"],
                "scanning_sequence": written["ScanningSequence"], "sequence_variant": written["SequenceVariant"],
                "echo_train_length": written["EchoTrainLength"],
            }  # fmt: skip
            role = infer_role(headers, one.volume.geometry)
            assert (role.plane.value, role.weighting.value, role.body_part.value) == (plane, "pd", "knee"), vendor
            assert role.fat_suppressed.value is True, vendor
            assert role.side.value == "left", vendor


def test_every_difficulty_names_every_finding_and_easy_is_plain() -> None:
    for name, table in difficulties().items():
        assert set(table) == set(FINDINGS), name
    drawn = [one for seed in range(60) for one in random_findings(np.random.default_rng(seed), difficulties()["easy"])]
    assert all(one.present and one.severity >= 0.8 for one in drawn)


def test_shares_of_findings_and_look_alikes_are_those_of_the_table() -> None:
    table = difficulties()["study"]
    drawn = [random_findings(np.random.default_rng(seed), table) for seed in range(400)]
    for name in FINDINGS:
        share = np.mean([any(one.finding == name and one.present for one in knee) for knee in drawn])
        assert share == pytest.approx(table[name]["share"], abs=0.08), name


def test_words_plant_findings_and_all_wrong_ones_are_named_at_once() -> None:
    rng = np.random.default_rng(0)
    (one,) = plant(["meniscal_tear=0.4@lateral"], rng)
    assert (one.finding, one.severity, one.place) == ("meniscal_tear", 0.4, "lateral")
    assert all(plant([name], rng)[0].place in ("", *PLACES.get(name, ())) for name in FINDINGS)
    with pytest.raises(UsageError) as error:
        plant(["acl_injry", "cyst=3", "plica@lateral"], rng)
    assert all(part in error.value.why for part in ("did you mean 'acl_injury'", "outside 0 to 1", "names no place"))
    with pytest.raises(UsageError):
        Planted("meniscal_tear", 10, 1.2)


@pytest.mark.parametrize(
    "wrong",
    [
        {"vendor": "acme"},
        {"series": ("t9",)},
        {"difficulty": "nightmare"},
        {"variation": {"side": "upper"}},
        {"variation": {"tibial_width": 30}},
    ],
)
def test_unknown_options_are_refused(wrong: dict[str, object]) -> None:
    options = dict(wrong)
    with pytest.raises(UsageError):
        simulate_knee(1, matrix=32, slices=1, **_built(options))  # type: ignore[arg-type]


def _built(options: dict[str, object]) -> dict[str, object]:
    """The options with a variation made of its values (which may refuse them)."""
    return {name: KneeVariation(**value) if name == "variation" else value for name, value in options.items()}  # type: ignore[arg-type]


def test_sites_differ_as_reported() -> None:
    """Spacing from about 0.14 to 0.70 mm, both field strengths, three vendors, half the series without a usable side tag or more."""
    pixels = [site.field_of_view / site.matrix for site in SITES]
    assert min(pixels) < 0.15
    assert max(pixels) > 0.65
    assert {site.vendor for site in SITES} == {"siemens", "philips", "ge"}
    assert {site.tesla for site in SITES} == {1.5, 3.0}
    assert 0.4 < np.mean([site.tagged for site in SITES]) < 0.6


def test_a_defect_finds_a_place_on_cartilage_that_is_worn_everywhere() -> None:
    """Seed 5109 has no half millimetre left on its patella."""
    bone = knee().bones["patella"]
    assert bone.thickness is not None
    worn = replace(bone, thickness=bone.thickness.like(np.minimum(bone.thickness.values, 0.4)))
    place = _on_cartilage(worn, np.full(3, -500.0), np.full(3, 500.0), np.zeros(4))
    assert abs(float(worn.coat().at(place.astype(np.float32)[:, None])[0])) < 1.5
