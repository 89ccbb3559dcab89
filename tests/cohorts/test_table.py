"""Tables: strict in, whole out."""

from __future__ import annotations

import csv
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condyle.cohorts.table import cell_text, read_table, write_table
from condyle.errors import InputError, ResourceError, TableError

_TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=12).map(str.strip)


@given(cells=st.lists(st.tuples(_TEXT.filter(bool), _TEXT, _TEXT), min_size=1, max_size=8))
def test_what_is_written_is_read_again(cells, tmp_path_factory):
    path = tmp_path_factory.mktemp("t") / "t.csv"
    write_table(path, ("a", "b", "c"), [dict(zip("abc", row, strict=True)) for row in cells])
    table = read_table(path, what="table")
    assert [tuple(row.values()) for _, row in table.rows] == cells
    assert [number for number, _ in table.rows] == list(range(2, 2 + len(cells)))


def test_ids_stay_text(table):
    assert read_table(table("id,b", "007,1"), what="table").rows[0][1] == {"id": "007", "b": "1"}


def test_rows_are_counted_as_a_spreadsheet_counts_them(table):
    """A line break inside a cell does not shift the numbers, an empty row does not either."""
    found = read_table(table("a,b", '"x\ny",1', "", "z,2"), what="table")
    assert [number for number, _ in found.rows] == [2, 4]


def test_all_problems_come_at_once(table):
    path = table("study,path,path,", "1,2,3,4,5", "1,2,3,4")
    with pytest.raises(TableError) as caught:
        read_table(path, what="manifest", required=("study_id", "patient_id", "path"))
    text = str(caught.value)
    for part in ("'path' appears 2 times", "column 4 has no name", "'study_id' is missing; is it the one called 'study'?",
                 "'patient_id' is missing", "row 2: 5 cells"):  # fmt: skip
        assert part in text, part


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "table-invalid"),
        (b"\n\n", "table-invalid"),
        (b"a,b\n1,\xff\n", "table-not-utf8"),
        (b"PK\x03\x04\x00\x00", "table-not-text"),
        (b"a;b\n1;2;3\n", "table-invalid"),
        (b'a,b\n"open,2\n', "table-invalid"),
    ],
)
def test_what_is_no_table_is_refused(tmp_path, content, code):
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_table(path, what="manifest")
    assert caught.value.code == code


def test_an_absent_table_is_refused(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_table(tmp_path / "none.csv", what="manifest")


def test_a_file_beyond_all_measure_is_not_read(tmp_path):
    path = tmp_path / "t.csv"
    with path.open("wb") as file:
        file.truncate(300 * 2**20)
    with pytest.raises(InputError, match="larger than"):
        read_table(path, what="manifest")


def test_a_byte_order_mark_is_no_part_of_the_first_column(tmp_path):
    path = tmp_path / "t.csv"
    path.write_bytes(b"\xef\xbb\xbfa,b\r\n1,2\r\n")
    assert read_table(path, what="table").columns == ("a", "b")


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("old")
    with pytest.raises(KeyError):
        write_table(path, ("a", "b"), [{"a": 1}])
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["t.csv"]


def test_a_full_disk_is_a_resource_error(monkeypatch, tmp_path):
    def full(_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ResourceError, match="could not be written"):
        write_table(tmp_path / "t.csv", ("a",), [])
    assert os.listdir(tmp_path) == []


def test_a_folder_that_is_absent_is_made(tmp_path):
    write_table(tmp_path / "none" / "t.csv", ("a",), [])
    assert (tmp_path / "none" / "t.csv").read_text() == "a\n"


def test_values_as_text(tmp_path):
    assert [cell_text(value) for value in (None, True, False, 0.1, 3.0, "x", 7)] == ["", "1", "0", "0.1", "3", "x", "7"]
    path = write_table(tmp_path / "t.csv", ("a",), [{"a": 'say "x", please'}])
    assert next(csv.DictReader(path.read_text().splitlines()))["a"] == 'say "x", please'
