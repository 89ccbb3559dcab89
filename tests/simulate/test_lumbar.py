"""The simulated lumbar spine: geometry, and planted findings that are really there in pixels and millimetres."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from condyle.errors import UsageError
from condyle.simulate import LevelFindings, SimulatedStudy, Variation, simulate_lumbar
from condyle.simulate.lumbar.findings import plant, random_findings
from condyle.simulate.lumbar.layout import lay_out
from condyle.simulate.lumbar.person import person

Make = Callable[..., SimulatedStudy]


def same(first: SimulatedStudy, second: SimulatedStudy) -> bool:
    return all(np.array_equal(first.volumes[name].pixels, second.volumes[name].pixels) for name in first.series)


def in_disc(study: SimulatedStudy, level: str, series: str = "t2_sag") -> np.ndarray:
    """Values of one series inside one disc."""
    one = study.series[series]
    return one.volume.pixels[one.labels.pixels == study.truth.codes[f"disc {level}"]]


def brightness(study: SimulatedStudy, level: str) -> float:
    """Mean T2 of a disc, relative to the CSF."""
    one = study.series["t2_sag"]
    return float(in_disc(study, level).mean() / np.median(one.volume.pixels[one.labels.pixels == 100]))


def test_the_same_seed_gives_the_same_study_and_another_seed_another(small: Make) -> None:
    first = simulate_lumbar(11, matrix=96, slices=2)
    assert same(first, simulate_lumbar(11, matrix=96, slices=2))
    assert not same(first, simulate_lumbar(12, matrix=96, slices=2))


def test_a_planted_finding_leaves_the_person_alone(small: Make) -> None:
    """Another Pfirrmann grade at L3-L4 changes no finding elsewhere and moves L5-S1 by less than half a millimetre (posture)."""
    plain, worn = small("pfirrmann=2@L3-L4"), small("pfirrmann=4@L3-L4")
    for level in set(plain.truth.levels) - {"L3-L4"}:
        assert plain.truth.notes["planted"][level] == worn.truth.notes["planted"][level]
    np.testing.assert_allclose(plain.truth.positions["disc L5-S1"], worn.truth.positions["disc L5-S1"], atol=0.5)


def test_structures_lie_where_truth_says(small: Make) -> None:
    """Every position lands in its own structure of the label map, through world coordinates."""
    for study in (small("normal"), simulate_lumbar(21, matrix=256, slices=9, variation=Variation(scoliosis=14))):
        labels = study.labels
        checked = 0
        for name, place in study.truth.positions.items():
            code = study.truth.codes.get(name)
            k, j, i = np.rint(labels.geometry.to_index(place)).astype(int)
            if code is None or name.startswith("spinous"):
                continue
            assert labels.pixels[k, j, i] == code, name
            checked += 1
        assert checked >= 9


def test_the_picture_is_sagittal_head_up_front_left(small: Make) -> None:
    study = small("normal")
    geometry = study.labels.geometry
    assert geometry.plane == "sagittal"
    k, j, i = geometry.directions.T
    assert k[0] > 0.95  # slices from the right to the left
    assert j[2] < -0.95  # rows to the feet
    assert i[1] > 0.95  # columns to the back
    rows = [geometry.to_index(study.truth.positions[f"disc {level}"])[1] for level in ("L5-S1", "L4-L5", "L3-L4", "L2-L3", "L1-L2")]
    assert (np.diff(rows) < 0).all()


def test_pfirrmann_5_is_lower_and_darker_than_1(small: Make) -> None:
    studies = {grade: small("normal", f"pfirrmann={grade}@L4-L5") for grade in (1, 3, 4, 5)}
    bright = {grade: brightness(study, "L4-L5") for grade, study in studies.items()}
    height = {grade: study.truth.levels["L4-L5"]["disc_height"] for grade, study in studies.items()}
    assert bright[1] > 1.5 * bright[3] > 2.0 * bright[4]
    assert height[5] < 0.6 * height[1]
    drawn = {grade: len(in_disc(study, "L4-L5")) for grade, study in studies.items()}
    assert drawn[5] < 0.65 * drawn[1]


def test_the_true_disc_height_is_that_of_the_mask(small: Make) -> None:
    study = small("normal", matrix=384)
    labels, k = study.labels, study.labels.shape[0] // 2
    pixel = labels.geometry.spacing[1]
    for level in ("L4-L5", "L3-L4", "L2-L3"):
        rows, columns = np.nonzero(labels.pixels[k] == study.truth.codes[f"disc {level}"])
        middle = (columns > np.quantile(columns, 0.2)) & (columns < np.quantile(columns, 0.8))
        slope = np.polyfit(columns, rows, 1)[0]
        counts = np.bincount(columns[middle])
        measured = counts[counts > 0].mean() * pixel * np.cos(np.arctan(slope))
        assert measured == pytest.approx(study.truth.levels[level]["disc_height"], rel=0.12), level


@pytest.mark.parametrize(("word", "millimetres"), [("spondylolisthesis=9@L4-L5", 9.0), ("retrolisthesis=-5@L3-L4", -5.0)])
def test_the_slip_is_there_in_millimetres(word: str, millimetres: float, small: Make) -> None:
    """Measured on the label map: how far the back wall of the upper body lies in front of that of the lower one."""
    level = word.rpartition("@")[2]
    upper, lower = level.split("-")
    study = small("normal", word)
    labels, k = study.labels, study.labels.shape[0] // 2
    assert study.truth.levels[level]["slip"] == pytest.approx(millimetres, abs=0.3)
    disc = study.truth.positions[f"disc {level}"]
    normal = study.truth.positions[f"vertebra {upper}"] - study.truth.positions[f"vertebra {lower}"]
    normal -= millimetres * np.array([0, -1, 0])
    head = normal / np.linalg.norm(normal)
    back = np.array([0, head[2], -head[1]])

    def edge(name: str) -> float:
        """Back wall, mm behind the disc's middle, of the part of the body within 4 to 10 mm of the disc."""
        places = np.argwhere(labels.pixels[k] == study.truth.codes[f"vertebra {name}"])
        world = labels.geometry.to_world(np.column_stack([np.full(len(places), k), places])) - disc
        near = (np.abs(world @ head) < 12) & (np.abs(world @ head) > 6) & (world @ back < 26)
        return float(np.quantile((world @ back)[near], 0.98))

    assert edge(lower) - edge(upper) == pytest.approx(millimetres, abs=2.5)


def test_a_herniation_takes_room_from_the_canal(small: Make) -> None:
    plain, herniated = small("normal", "pfirrmann=4@L4-L5"), small("normal", "pfirrmann=4@L4-L5", "extrusion=9@L4-L5")
    code = plain.truth.codes["disc L4-L5"]
    assert (herniated.labels.pixels == code).sum() > 1.03 * (plain.labels.pixels == code).sum()
    assert ((plain.labels.pixels == 100) & (herniated.labels.pixels == code)).sum() > 10
    assert herniated.truth.levels["L4-L5"]["herniation"] == 1


def marrow(study: SimulatedStudy, series: str, level: str = "L3-L4") -> float:
    """Mean signal 2 to 6 mm below the disc in the middle slice, relative to the middle of that body."""
    one, k = study.series[series], study.labels.shape[0] // 2
    geometry = one.volume.geometry
    lower = study.truth.positions[f"vertebra {level.split('-')[1]}"]
    disc = study.truth.positions[f"disc {level}"]
    down = (lower - disc) / np.linalg.norm(lower - disc)
    half = study.truth.levels[level]["disc_height"] / 2

    def mean(centre: np.ndarray) -> float:
        index = np.rint(geometry.to_index(centre)).astype(int)
        return float(one.volume.pixels[k, index[1] - 2 : index[1] + 3, index[2] - 7 : index[2] + 8].mean())

    return mean(disc + (half + 4.0) * down) / mean(lower)


def test_modic_types_differ_on_t1_and_t2(small: Make) -> None:
    """Type 1: dark on T1, bright on T2. Type 2: bright on T1. Type 3: dark on both."""
    plain, one, two, three = (small("normal", f"modic={kind}@L3-L4", "pfirrmann=4@L3-L4") for kind in (0, 1, 2, 3))
    t1 = [marrow(study, "t1_sag") for study in (plain, one, two, three)]
    t2 = [marrow(study, "t2_sag") for study in (plain, one, two, three)]
    assert t1[1] < 0.9 * t1[0] < t1[0] < t1[2]
    assert t2[1] > 1.15 * t2[0]
    assert t1[3] < 0.8 * t1[0]
    assert t2[3] < 0.9 * t2[0]


def test_an_end_plate_defect_is_a_dent_filled_with_disc(small: Make) -> None:
    plain, dented = small("normal", slices=7), small("normal", "upper_endplate=7@L2-L3", slices=7)
    gained = (dented.labels.pixels == dented.truth.codes["disc L2-L3"]) & (plain.labels.pixels == plain.truth.codes["vertebra L2"])
    assert gained.sum() > 15
    assert dented.truth.levels["L2-L3"]["upper_endplate"] == 1


@pytest.mark.parametrize("count", [4, 5, 6])
def test_levels_count_from_the_sacrum_whatever_the_number_of_lumbar_vertebrae(count: int) -> None:
    study = simulate_lumbar(8, variation=Variation(lumbar_count=count), matrix=64, slices=1)
    assert next(iter(study.truth.levels)) == "L5-S1"
    assert study.truth.notes["anatomical_levels"]["L5-S1"] == f"L{count}-S1"


def test_a_stack_may_cut_the_sacrum_or_start_high() -> None:
    variations = (Variation(), Variation(sacrum_cut=True), Variation(high_stack=True))
    whole, cut, high = (simulate_lumbar(8, variation=one, matrix=64, slices=9) for one in variations)
    assert "s1" in whole.truth.positions
    assert "s1" not in cut.truth.positions
    assert "L5-S1" not in high.truth.levels
    assert "T10-T11" in high.truth.levels


def test_the_lordosis_is_what_was_asked_for() -> None:
    who = person(4, Variation(lordosis=52.0, scoliosis=0.0))
    spine = lay_out(4, who, {})
    lowest, highest = spine.sacrum[0].upper.axes[2], spine.bodies[4].upper.axes[2]
    assert np.degrees(np.arccos(lowest @ highest)) == pytest.approx(52, abs=3)


def test_older_people_have_more_marrow_fat_and_more_wear() -> None:
    young, old = (np.mean([person(seed, Variation(age=age)).marrow_fat for seed in range(30)]) for age in (25, 75))
    assert old > young + 0.1
    spines = {age: [random_findings(np.random.default_rng(seed), age) for seed in range(30)] for age in (25, 75)}
    grades = [np.mean([level.pfirrmann for spine in spines[age] for level in spine.values()]) for age in (25, 75)]
    assert grades[1] > grades[0] + 0.8


def test_words_plant_findings_and_all_wrong_ones_are_named_at_once() -> None:
    found, spine = plant(["pfirrmann=5@L4-L5", "six_lumbar"], {level: LevelFindings() for level in ("L4-L5",)}, np.random.default_rng(0))
    assert found["L4-L5"].pfirrmann == 5
    assert spine == {"lumbar_count": 6}
    with pytest.raises(UsageError) as error:
        simulate_lumbar(1, findings=["herniaton", "pfirrmann=9@L4-L5", "modic=2@L9-S1"])
    assert all(part in error.value.why for part in ("did you mean 'herniation'", "outside 1 to 5", "names no level"))
    with pytest.raises(UsageError, match="cannot be drawn"):
        simulate_lumbar(1, findings={"L4-L5": LevelFindings(pfirrmann=7)})


@pytest.mark.parametrize("wrong", [{"vendor": "acme"}, {"series": ("t9",)}, {"tesla": 7.0}])
def test_unknown_options_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UsageError):
        simulate_lumbar(1, matrix=64, slices=1, **wrong)  # type: ignore[arg-type]


def test_stir_darkens_fat() -> None:
    series = ("t1_sag", "t2_sag", "stir_sag")
    study = simulate_lumbar(5, series=series, matrix=128, slices=1, variation=Variation(body_fat=40, scoliosis=0))
    t1, t2, stir = (study.volumes[name].pixels[0] for name in series)
    fat, csf = t1 > np.quantile(t1, 0.97), study.labels.pixels[0] == 100
    assert np.median(stir[fat]) / np.median(stir[csf]) < 0.35 * np.median(t2[fat]) / np.median(t2[csf])


def test_a_3d_series_has_its_own_finer_grid_and_labels() -> None:
    study = simulate_lumbar(5, series=("t2_sag", "t2_space_sag"), matrix=64, slices=2)
    space = study.series["t2_space_sag"]
    assert space.volume.geometry.spacing[0] < 1.0 < study.volumes["t2_sag"].geometry.spacing[0]
    for level in ("L4-L5", "L2-L3"):
        k, j, i = np.rint(space.labels.geometry.to_index(study.truth.positions[f"disc {level}"])).astype(int)
        assert space.labels.pixels[k, j, i] == study.truth.codes[f"disc {level}"]
