"""Weighting by timing alone on real headers, split by site; by names on a table of composed headers."""

from __future__ import annotations

import csv
import hashlib
import math
from collections.abc import Iterable, Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condyle.intake.roles.weighting import weighting

HERE = Path(__file__).parent
TRUTH = {"T1w": "t1", "T2w": "t2", "T2star": "t2star"}
TIMING = {
    "echo_time": "te_ms", "repetition_time": "tr_ms", "inversion_time": "ti_ms", "flip_angle": "flip_deg", "echo_train_length": "etl",
    "scanning_sequence": "scanning_sequence", "sequence_variant": "sequence_variant", "scan_options": "scan_options",
    "field_strength": "field_T", "acquisition_type": "mr_acquisition_type", "manufacturer": "manufacturer",
}  # fmt: skip
TIMES_ONLY = ("echo_time", "repetition_time", "inversion_time", "flip_angle", "scanning_sequence")


def wilson(successes: int, n: int) -> tuple[float, float]:
    """95 % interval of a proportion (Wilson 1927)."""
    z, p = 1.959964, successes / n
    centre, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return (centre - half) / (1 + z * z / n), (centre + half) / (1 + z * z / n)


def half_of(site: str) -> str:
    return "AB"[int(hashlib.sha256(site.encode()).hexdigest(), 16) % 2]


def score(rows: Iterable[Mapping[str, str]], keys: Mapping[str, str]) -> dict[str, dict[str, tuple[int, int]]]:
    """(right, n) for known weightings and (not mistaken, n) for dwi and MTS, by half of the sites."""
    counts: dict[str, dict[str, tuple[int, int]]] = {}
    for row in rows:
        value = weighting({key: row[column] for key, column in keys.items()}).value
        kind = row["suffix"] if row["suffix"] in ("dwi", "MTS") else "known"
        good = value in ("other", None) if kind != "known" else value == TRUTH[row["suffix"]]
        for half in (half_of(row["site"]), "all"):
            right, n = counts.setdefault(half, {}).get(kind, (0, 0))
            counts[half][kind] = (right + good, n + 1)
    return counts


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("keys", [TIMING, {key: TIMING[key] for key in TIMES_ONLY}], ids=["timing tags", "times and sequence only"])
def test_timing_alone_is_right_on_one_header_of_each_site(keys: Mapping[str, str]) -> None:
    counts = score(rows_of(HERE / "sequence_headers_sample.csv"), keys)
    for half in ("A", "B"):
        # One of the T2w rows is a STIR by its name, its pulse program and its sequence tag.
        right, n = counts[half]["known"]
        assert n >= 50 and n - right <= 2, (half, right, n)  # noqa: PT018
        for kind in ("dwi", "MTS"):
            left_open, n = counts[half][kind]
            assert left_open >= 0.95 * n


@pytest.mark.real_data
def test_timing_alone_is_right_on_all_real_headers_of_both_halves(
    shared_data: Path) -> None:
    counts = score(rows_of(shared_data / "sequence_headers" / "series_headers.csv"), TIMING)
    for half, kinds in counts.items():
        for kind, (good, n) in kinds.items():
            low, high = wilson(good, n)
            print(f"{half} {kind}", f"{good}/{n} = {good / n:.4f} (95 % {low:.4f} to {high:.4f})")
            assert good / n >= (0.99 if kind == "known" else 0.95), (half, kind, good, n)


@pytest.mark.real_data
def test_names_do_not_make_diffusion_or_transfer_series_diagnostic(shared_data: Path) -> None:
    keys = TIMING | {name: name for name in ("series_description", "protocol_name", "sequence_name", "image_type")}
    counts = score(rows_of(shared_data / "sequence_headers" / "series_headers.csv"), keys)
    for kind in ("dwi", "MTS", "known"):
        good, n = counts["all"][kind]
        assert good / n >= 0.99


@pytest.mark.parametrize(
    ("what", "field", "te", "tr", "ti", "flip", "sequence", "expected"),
    [
        ("spin echo T1 at 0.3 T", 0.3, 20, 450, None, 90, "SE", "t1"),
        ("spin echo T1 at 3 T", 3, 10, 1000, None, 90, "SE", "t1"),
        ("PD at 1.5 T", 1.5, 30, 2500, None, 90, "SE", "pd"),
        ("between PD and T2", 1.5, 52, 3500, None, 150, "SE", None),
        ("STIR at 0.25 T", 0.25, 24, 1700, 85, 90, "IR", "stir"),
        ("STIR at 1.5 T", 1.5, 40, 4000, 160, 150, "SE\\IR", "stir"),
        ("STIR at 3 T", 3, 40, 4500, 225, 150, "SE\\IR", "stir"),
        ("T1 FLAIR of the spine", 3, 20, 2200, 860, 111, "SE\\IR", "t1"),
        ("FLAIR of the brain", 3, 120, 9000, 2500, 150, "SE\\IR", "other"),
        ("in phase gradient echo", 1.5, 4.6, 160, None, 70, "GR", "t1"),
        ("DESS-like", 3, 5, 16.3, None, 25, "GR", None),
        ("echo planar", 3, 70, 5000, None, 90, "EP\\SE", "other"),
        ("functional echo planar called gradient echo", 3, 30, 2000, None, 80, "EP\\GR", "other"),
        ("susceptibility weighted", 3, 20, 28, None, 15, "GR", "t2star"),
        ("short T1 gradient echo (VIBE)", 1.5, 2.4, 5.5, None, 10, "GR", "t1"),
        ("balanced steady state", 1.5, 2.0, 4.0, None, 60, "GR", None),
    ],
)  # fmt: skip
def test_weighting_follows_the_signal_equation(
    what: str, field: float, te: float, tr: float, ti: float | None, flip: float, sequence: str, expected: str | None
) -> None:
    headers = {
        "field_strength": field, "echo_time": te, "repetition_time": tr, "inversion_time": ti, "flip_angle": flip,
        "scanning_sequence": sequence, "echo_train_length": 12, "pixel_bandwidth": 250,
    }  # fmt: skip
    assert weighting(headers).value == expected, what


def test_text_that_contradicts_timing_silences_both() -> None:
    headers = {"echo_time": 100, "repetition_time": 4000, "scanning_sequence": "SE", "flip_angle": 150}
    found = weighting(headers | {"series_description": "SAG T1"})
    assert found.value is None
    assert found.conflict
    assert found.witnesses == (("timing", "t2"), ("text", "t1"))


def test_two_echoes_of_different_weighting_in_one_series_stay_open() -> None:
    headers = {"echo_time": "15\\90", "repetition_time": 3000, "scanning_sequence": "SE", "flip_angle": 90, "echo_train_length": 5}
    assert weighting(headers).value is None


def test_a_stir_without_inversion_time_is_settled_by_its_name() -> None:
    headers = {"echo_time": 60, "repetition_time": 4000, "flip_angle": 150, "echo_train_length": 12, "scanning_sequence": "SE"}
    assert weighting(headers | {"series_description": "COR STIR"}).value == "stir"


@given(
    te=st.floats(0.1, 500), tr=st.floats(2, 15000), ti=st.one_of(st.none(), st.floats(1, 4000)), flip=st.floats(1, 180),
    sequence=st.sampled_from(["", "SE", "GR", "IR", "SE\\IR", "GR\\IR", "EP", "RM"]),
    field=st.sampled_from([None, 0.064, 0.25, 1.5, 3, 7, 15000]),
)  # fmt: skip
def test_any_timing_gives_a_known_word_or_none(
    te: float, tr: float, ti: float | None, flip: float, sequence: str, field: float | None
) -> None:
    headers = {"echo_time": te, "repetition_time": tr, "inversion_time": ti, "flip_angle": flip}
    headers |= {"scanning_sequence": sequence, "field_strength": field}
    found = weighting(headers)
    assert found.value in ("t1", "t2", "pd", "stir", "t2star", "other", None)
    assert (found.value is None) == (found.confidence < 0.5)
