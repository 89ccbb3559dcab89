from condyle.evaluate.mrmc import parse_reads, washout


def rows(*visits: tuple[str, str, str, str]) -> list[tuple[int, dict[str, str]]]:
    names = ("reader_id", "study_id", "arm", "timestamp")
    cells = [dict(zip(names, visit, strict=True)) for visit in visits]
    return [(number, {**one, "finding": "cyst", "score": "0.5"}) for number, one in enumerate(cells, start=2)]


def test_short_gaps_are_listed_with_their_rows() -> None:
    found = washout(parse_reads(rows(
        ("a", "s1", "unaided", "2026-01-01T09:00:00"), ("a", "s1", "aided", "2026-01-28T09:00:00"),
        ("a", "s2", "aided", "2026-01-01T09:00:00"), ("a", "s2", "unaided", "2026-01-29T09:00:00"),
        ("b", "s1", "unaided", ""), ("b", "s1", "aided", "2026-03-01T09:00:00"),
    )))  # fmt: skip
    assert [(gap.reader, gap.days, gap.rows) for gap in found.short] == [("a", 27.0, (2, 3))]
    assert (found.gaps, found.with_stamp) == (3, 2)
    assert any("1 of 3 repeated reads have no time stamps" in line for line in found.warnings)
    assert found.first_arm == {"unaided": 0.5, "aided": 0.5}


def test_an_arm_that_always_comes_first_is_said() -> None:
    visits = [visit for s in range(8) for visit in (("a", f"s{s}", "unaided", "2026-01-01"), ("a", f"s{s}", "aided", "2026-03-01"))]
    found = washout(parse_reads(rows(*visits)))
    assert found.order_p < 0.01
    assert "order and arm are mixed" in " ".join(found.warnings)
    assert not found.short
