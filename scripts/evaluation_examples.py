"""Writes docs/examples: a reader study in three steps (knee, nine findings) and a model of several views (shoulder), with planted effects.

Everything is drawn from normal models with one seed; no patient and no reader behind it. ``PLANTED`` says what was put in, and
the tests ask the analyses to find it again. Run: ``python scripts/evaluation_examples.py docs/examples``.
"""

from __future__ import annotations

import csv
import sys
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
from scipy.stats import norm

SEED = 20261122
MAJOR = ("meniscal_tear", "cartilage_defect", "acl_injury")
MINOR = ("pcl_injury", "mcl_injury", "lcl_injury", "fat_pad_injury", "plica", "cyst")
FINDINGS = MAJOR + MINOR
READERS = {f"junior_{place}": "junior" for place in range(1, 6)} | {f"senior_{place}": "senior" for place in range(1, 6)}

PLANTED = {
    # step 1: areas under the curve of the latent scores
    "model_auc": {"meniscal_tear": 0.93, "cartilage_defect": 0.90, "acl_injury": 0.95, "other": 0.86},
    "reader_auc": {"junior": 0.80, "senior": 0.88},
    # step 2: gain in the area under the curve with help; plica and cyst gain nothing
    "gain": {"junior": 0.09, "senior": 0.05},
    "no_gain": ("plica", "cyst"),
    "time_ratio": {"junior": 0.75, "senior": 0.85},
    "short_gaps": 3,
    # step 3: difference of the chance to be right
    "risk_difference": {"meniscal_tear": 0.09, "cartilage_defect": 0.10, "acl_injury": 0.08, "plica": 0.0, "cyst": 0.0, "other": 0.06},
    "trial_time_ratio": 0.80,
    # shoulder: area of one fold of one view, and how alike folds of a view and views are
    "view_auc": {"sagittal": 0.80, "coronal": 0.85, "axial": 0.90},
    "external_drop": 0.06,
}


def separation(auc: float) -> float:
    """Distance of two unit normals with this area between them."""
    return float(np.sqrt(2) * norm.ppf(auc))


def cases(rng: np.random.Generator, count: int, shares: dict[str, float], two_sided: float = 0.0) -> list[dict[str, object]]:
    """Studies with truth for each finding; some patients come with both sides."""
    found: list[dict[str, object]] = []
    patient = 0
    while len(found) < count:
        patient += 1
        for _ in range(2 if rng.random() < two_sided else 1):
            if len(found) < count:
                truth = {name: int(rng.random() < share) for name, share in shares.items()}
                found.append({"study": f"s{len(found) + 1:03d}", "patient": f"p{patient:03d}", "truth": truth})
    return found


def write(path: Path, rows: list[dict[str, object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def write_thresholds(out: Path, findings: tuple[str, ...]) -> None:
    lines = [f"{finding}: {{threshold: 0.5, chosen_on: pre-specified}}" for finding in findings]
    (out / "thresholds.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def truth_rows(studies: list[dict[str, object]]) -> list[dict[str, object]]:
    return [
        {"study_id": one["study"], "patient_id": one["patient"], "finding": name, "value": value}
        for one in studies
        for name, value in one["truth"].items()  # type: ignore[attr-defined]
    ]


def confidence(latent: float, auc: float) -> float:
    """A reader's slider from 0 to 1, in hundredths, half way between the classes at 0.5."""
    return round(float(norm.cdf(latent - separation(auc) / 2)), 2)


def knee_model(rng: np.random.Generator, out: Path) -> None:
    """Step 1: the model and ten readers on the same studies, nobody helped."""
    studies = cases(rng, 120, dict.fromkeys(FINDINGS, 0.4), two_sided=0.1)
    write(out / "truth.csv", truth_rows(studies))
    predictions, reads = [], []
    habit = {(name, finding): rng.normal(0, 0.15) for name in READERS for finding in FINDINGS}
    for one in studies:
        for finding in FINDINGS:
            ill, shared = one["truth"][finding], rng.normal(0, np.sqrt(0.4))  # type: ignore[index]
            auc = PLANTED["model_auc"].get(finding, PLANTED["model_auc"]["other"])  # type: ignore[attr-defined]
            latent = ill * separation(auc) + shared + rng.normal(0, np.sqrt(0.6))
            predictions.append({
                "study_id": one["study"], "patient_id": one["patient"], "finding": finding,
                "score": round(float(norm.cdf(latent - separation(auc) / 2)), 4),
            })  # fmt: skip
            for name, rank in READERS.items():
                auc = PLANTED["reader_auc"][rank]  # type: ignore[index]
                own = ill * (separation(auc) + habit[name, finding]) + shared + rng.normal(0, np.sqrt(0.6))
                score = confidence(own, auc)
                reads.append({
                    "reader_id": name, "seniority": rank, "study_id": one["study"], "finding": finding, "arm": "unaided", "score": score,
                    "decision": "present" if score >= 0.5 else "absent",
                })  # fmt: skip
    write(out / "predictions.csv", predictions)
    write(out / "reads.csv", reads)
    write_thresholds(out, FINDINGS)


def knee_readers(rng: np.random.Generator, out: Path) -> None:
    """Step 2: the same ten readers read 60 studies twice, without and with help, at least four weeks apart."""
    studies = cases(rng, 60, dict.fromkeys(FINDINGS, 0.4))
    write(out / "truth.csv", truth_rows(studies))
    habit = {name: rng.normal(0, 0.1) for name in READERS}
    pace = {name: rng.normal(0, 0.2) for name in READERS}
    slope = {name: rng.normal(0, 0.05) for name in READERS}
    length = {one["study"]: rng.normal(0, 0.3) for one in studies}
    start, reads, short = datetime(2026, 1, 12, 9), [], int(PLANTED["short_gaps"])  # type: ignore[call-overload]
    for number, (name, rank) in enumerate(READERS.items()):
        for place, one in enumerate(studies):
            aided_first = (number + place) % 2 == 0
            for arm in ("unaided", "aided"):
                second = (arm == "aided") != aided_first
                helped = arm == "aided"
                days = 35 + number if second else 0
                if second and short and number == 0 and place < short:
                    days = 12
                when = start + timedelta(days=days, minutes=12 * place + number)
                log = np.log(150) + pace[name] + length[one["study"]] + rng.normal(0, 0.2) - 0.05 * second
                log += helped * (np.log(PLANTED["time_ratio"][rank]) + slope[name])  # type: ignore[index]
                for finding in FINDINGS:
                    base = PLANTED["reader_auc"][rank]  # type: ignore[index]
                    gain = 0 if finding in PLANTED["no_gain"] else PLANTED["gain"][rank]  # type: ignore[index,operator]
                    auc = base + helped * gain
                    latent = one["truth"][finding] * (separation(auc) + habit[name])  # type: ignore[index]
                    latent += _shared(one["study"], finding, arm) + rng.normal(0, np.sqrt(0.5))
                    score = confidence(latent, auc)
                    reads.append({
                        "reader_id": name, "seniority": rank, "study_id": one["study"], "finding": finding, "arm": arm,
                        "period": 2 if second else 1, "score": score, "decision": "present" if score >= 0.5 else "absent",
                        "seconds": round(float(np.exp(log)), 1), "timestamp": when.isoformat(),
                    })  # fmt: skip
    write(out / "reads.csv", reads)


def _shared(study: object, finding: str, arm: str) -> float:
    """What a study adds to every reader's score: one part in both arms, one in each, drawn from the names."""
    both = np.random.default_rng([SEED, int(str(study)[1:]), FINDINGS.index(finding)]).normal(0, np.sqrt(0.3))
    own = np.random.default_rng([SEED, int(str(study)[1:]), FINDINGS.index(finding), 1 + (arm == "aided")]).normal(0, np.sqrt(0.2))
    return float(both + own)


def knee_trial(rng: np.random.Generator, out: Path) -> None:
    """Step 3: knees (some patients have two) randomised to be read with or without help, each by one reader; some cross over, some fail."""
    rows: list[dict[str, object]] = []
    habit = {name: rng.normal(0, 0.02) for name in READERS}
    pace = {name: rng.normal(0, 0.2) for name in READERS}
    names = list(READERS)
    people: dict[str, tuple[int, str]] = {}  # two knees of a patient are of one age
    for number in range(1, 1321):
        patient = f"p{(number + 1) // 2 if number <= 200 else number:04d}"
        age, sex = int(np.clip(rng.normal(42, 15), 14, 85)), "F" if rng.random() < 0.48 else "M"
        age, sex = people.setdefault(patient, (age, sex))
        row: dict[str, object] = {
            "unit_id": f"u{number:04d}", "cluster_id": patient, "reader_id": "",
            "stratum": "", "arm_assigned": "", "arm_received": "", "excluded_reason": "", "age": age, "sex": sex,
        }  # fmt: skip
        row |= {f"correct_{finding}": "" for finding in FINDINGS} | {"seconds": ""}
        if number % 11 == 0:
            row["excluded_reason"] = "series missing" if number % 2 else "earlier surgery"
            rows.append(row)
            continue
        reader = names[number % len(names)]
        arm = "aided" if (number // len(names)) % 2 == 0 else "unaided"
        crossed = rng.random() < 0.02
        received = {"aided": "unaided", "unaided": "aided"}[arm] if crossed else arm
        row |= {"reader_id": reader, "stratum": READERS[reader], "arm_assigned": arm, "arm_received": received}
        if rng.random() < 0.01:
            row |= {"arm_received": "", "excluded_reason": "system failed"}
            rows.append(row)
            continue
        helped = received == "aided"
        common = rng.normal(0, 0.3)
        for finding in FINDINGS:
            base = 0.80 + 0.05 * (READERS[reader] == "senior") + habit[reader]
            gain = PLANTED["risk_difference"].get(finding, PLANTED["risk_difference"]["other"])  # type: ignore[attr-defined]
            chance = norm.cdf((norm.ppf(min(base + helped * gain, 0.995)) * np.sqrt(1 + 0.09)) + common)
            row[f"correct_{finding}"] = int(rng.random() < chance)
        if rng.random() > 0.02:
            log = np.log(160) + pace[reader] + rng.normal(0, 0.3) + helped * np.log(PLANTED["trial_time_ratio"])  # type: ignore[call-overload]
            row["seconds"] = round(float(np.exp(log)), 1)
        rows.append(row)
    write(out / "trial.csv", rows)


def shoulder(rng: np.random.Generator, out: Path) -> None:
    """Eight folds of three views; validation studies of each fold, a test set, and studies of other hospitals."""
    finding = "bankart_lesion"
    sets = {"validation": (160, 0.3, 0.0), "test": (120, 0.3, 0.0), "external": (100, 0.25, PLANTED["external_drop"])}
    for name, (count, share, drop) in sets.items():
        studies = cases(rng, count, {finding: share}, two_sided=0.05)
        for one in studies:
            one["study"], one["patient"] = f"{name[0]}{str(one['study'])[1:]}", f"{name[0]}{str(one['patient'])[1:]}"
        write(out / f"{name}_truth.csv", truth_rows(studies))
        rows, reads = [], []
        for number, one in enumerate(studies):
            ill = one["truth"][finding]  # type: ignore[index]
            shared = rng.normal(0, np.sqrt(0.3))
            for view, auc in PLANTED["view_auc"].items():  # type: ignore[attr-defined]
                if name != "validation" and view == "sagittal" and number % 20 == 7:
                    continue  # this study came without the view
                level = separation(auc - drop)
                of_view = rng.normal(0, np.sqrt(0.4))
                for fold in range(8):
                    latent = ill * level + shared + of_view + rng.normal(0, np.sqrt(0.3))
                    if name != "validation" or number % 8 == fold:
                        score = round(float(norm.cdf(latent - level / 2)), 4)
                        rows.append({
                            "study_id": one["study"], "patient_id": one["patient"], "finding": finding, "score": score, "view": view,
                            "fold": fold,
                        })  # fmt: skip
            if name == "test":
                for reader, auc in (("radiologist_1", 0.88), ("radiologist_2", 0.90), ("radiologist_3", 0.86)):
                    latent = ill * separation(auc) + shared + rng.normal(0, np.sqrt(0.7))
                    score = confidence(latent, auc)
                    reads.append({
                        "reader_id": reader, "study_id": one["study"], "finding": finding, "arm": "unaided", "score": score,
                        "decision": "present" if score >= 0.5 else "absent",
                    })  # fmt: skip
        write(out / f"{name}_predictions.csv", rows)
        if reads:
            write(out / "reads.csv", reads)
    write_thresholds(out, (finding,))


PLANS = {
    "knee_1_model": """name: knee, step 1, model beside ten readers
endpoints:
  - {finding: meniscal_tear, metric: auroc, comparison: model - readers}
  - {finding: cartilage_defect, metric: auroc, comparison: model - readers, margin: 0.05}
  - {finding: acl_injury, metric: auroc, comparison: model - readers}
multiplicity: holm
thresholds: thresholds.yaml
bootstrap: {n: 2000, seed: 1}
groups:
  major: [meniscal_tear, cartilage_defect, acl_injury]
  minor: [pcl_injury, mcl_injury, lcl_injury, fat_pad_injury, plica, cyst]
""",
    "knee_2_readers": """name: knee, step 2, ten readers without and with help
endpoints:
  - {finding: major, metric: auroc, comparison: aided - unaided}
  - {finding: minor, metric: auroc, comparison: aided - unaided}
  - {finding: seconds, metric: time ratio, comparison: aided - unaided}
multiplicity: holm
groups:
  major: [meniscal_tear, cartilage_defect, acl_injury]
  minor: [pcl_injury, mcl_injury, lcl_injury, fat_pad_injury, plica, cyst]
""",
    "knee_3_trial": """name: knee, step 3, randomised trial
endpoints:
  - {finding: meniscal_tear, metric: accuracy, comparison: aided - unaided}
  - {finding: cartilage_defect, metric: accuracy, comparison: aided - unaided}
  - {finding: acl_injury, metric: accuracy, comparison: aided - unaided}
  - {finding: seconds, metric: time ratio, comparison: aided - unaided}
multiplicity: holm
""",
    "shoulder_views": """name: shoulder, eight folds of three views
endpoints:
  - {finding: bankart_lesion, metric: auroc, comparison: model - readers, margin: 0.10}
thresholds: thresholds.yaml
bootstrap: {n: 2000, seed: 4}
""",
}


def main(folder: str) -> None:
    out = Path(folder)
    for name, plan in PLANS.items():
        (out / name).mkdir(parents=True, exist_ok=True)
        (out / name / "plan.yaml").write_text(plan, encoding="utf-8")
    knee_model(np.random.default_rng([SEED, 1]), out / "knee_1_model")
    knee_readers(np.random.default_rng([SEED, 2]), out / "knee_2_readers")
    knee_trial(np.random.default_rng([SEED, 3]), out / "knee_3_trial")
    shoulder(np.random.default_rng([SEED, 4]), out / "shoulder_views")


if __name__ == "__main__":
    main(sys.argv[1])
