"""What the example tables hold is found again: the three steps of the knee study and the shoulder ensemble."""

import numpy as np
import pytest

from condyle.evaluate.delong import delong
from condyle.evaluate.ensemble import ensemble, fold_values, parse_members, views_missing
from condyle.evaluate.mrmc import ReaderStudy, assemble, parse_reads, parse_truth, reader_study, sensitivity, versus_readers
from condyle.evaluate.mrmc.figure import area_under_roc
from condyle.evaluate.mrmc.reads import Reads
from tests.evaluate.examples import EXAMPLES, generator, rows, same_files

PLANTED = generator().PLANTED
GROUPS = {"major": generator().MAJOR, "helped": [one for one in generator().FINDINGS if one not in PLANTED["no_gain"]]}


@pytest.fixture(scope="module")
def readers() -> ReaderStudy:
    folder = "knee_2_readers"
    return reader_study(
        parse_reads(rows(f"{folder}/reads.csv")), parse_truth(rows(f"{folder}/truth.csv")), arms=("unaided", "aided"), metrics=("auroc",),
        groups_of_findings=GROUPS,
    )  # fmt: skip


@pytest.mark.slow("evaluate")
def test_the_script_makes_these_very_tables(tmp_path) -> None:  # type: ignore[no-untyped-def]
    generator().main(str(tmp_path))
    assert same_files(tmp_path, EXAMPLES)


def test_the_gain_is_in_the_interval_and_far_from_nothing(readers: ReaderStudy) -> None:
    planted = np.mean(list(PLANTED["gain"].values()))
    found = readers.of("macro helped", "auroc").difference
    assert found.low < planted < found.high
    assert found.p < 0.001
    assert readers.of("macro major", "auroc").difference.p < 0.01


def test_what_was_not_planted_is_not_claimed(readers: ReaderStudy) -> None:
    for finding in PLANTED["no_gain"]:
        assert readers.of(finding, "auroc").p_adjusted > 0.2


def test_juniors_gain_more(readers: ReaderStudy) -> None:
    groups = readers.of("macro helped", "auroc").groups
    for rank, gain in PLANTED["gain"].items():
        assert groups[rank].low < gain < groups[rank].high
    assert groups["junior"].estimate > groups["senior"].estimate


def test_reading_times_by_group(readers: ReaderStudy) -> None:
    by_group = {one.group: one.ratio for one in readers.times}
    assert set(by_group) == {"", *PLANTED["time_ratio"]}
    for rank, ratio in PLANTED["time_ratio"].items():
        found = by_group[rank]
        assert found.low < ratio < found.high
        assert found.p < 0.01


def test_reads_too_close_are_all_found(readers: ReaderStudy) -> None:
    assert len(readers.washout.short) == PLANTED["short_gaps"]
    assert readers.seniority == {"junior": 5, "senior": 5}


def test_the_model_beside_the_readers() -> None:
    truth, reads = parse_truth(rows("knee_1_model/truth.csv")), parse_reads(rows("knee_1_model/reads.csv"))
    scores = {(row["finding"], row["study_id"]): float(row["score"]) for _, row in rows("knee_1_model/predictions.csv")}
    planted = PLANTED["model_auc"]["acl_injury"] - np.mean(list(PLANTED["reader_auc"].values()))
    seen = assemble(reads, truth, "acl_injury").reads
    own = np.array([scores["acl_injury", case] for case in seen.cases])
    both = Reads(
        seen.arms, ("model", *seen.readers), seen.cases, seen.patients, seen.patient, seen.truth,
        np.concatenate([own[None, None], seen.score], axis=1),
    )  # fmt: skip
    found = versus_readers(area_under_roc(both), "model")
    assert found.low < -planted < found.high
    assert found.p < 0.01
    points = sensitivity(both.called(0.5)).value[0]
    assert points[0] > points[1:].mean()


def test_the_ensemble_of_views() -> None:
    for name in ("test", "external"):
        members = parse_members(rows(f"shoulder_views/{name}_predictions.csv"))
        truth = {(one.finding, one.case): one.value for one in parse_truth(rows(f"shoulder_views/{name}_truth.csv"))}
        averaged = ensemble(members)
        assert len(averaged) == len(truth)  # a case that lacks a view is not dropped
        assert views_missing(averaged) == {"sagittal": 6 if name == "test" else 5}
        folds = fold_values(members, truth)
        by_view = {view: np.mean([one.auroc for one in folds if one.view == view]) for view in ("sagittal", "coronal", "axial")}
        assert by_view["sagittal"] < by_view["coronal"] < by_view["axial"]
        whole = delong([truth[one.finding, one.case] for one in averaged], [one.score for one in averaged])
        assert whole.estimate > np.mean(list(by_view.values()))
        assert max(one.n for one in folds) <= len(truth)
